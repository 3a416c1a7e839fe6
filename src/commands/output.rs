//! What commands show with: standard output, tables without lines, progress.

use std::io::Write;

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Prints `text`; a standard output that cannot be written ends the program. What is open then is closed by its end.
pub(super) fn write(text: &str) {
    if let Err(error) = std::io::stdout().write_all(text.as_bytes()) {
        eprintln!("error: standard output cannot be written: {error}");
        std::process::exit(super::exit::FAILURE);
    }
}

/// A progress bar on standard error: current cell and time left; nothing where that is no terminal.
pub(super) fn progress(length: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:20} {percent:>3} %  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar
}

/// A positive number of seconds, for clap.
pub(super) fn positive_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("a number of seconds between 0 and 86400 is allowed".into()),
    }
}

/// `5%` or `5`, as a share, for clap.
pub(super) fn percentage(text: &str) -> Result<f64, String> {
    match percent(text) {
        Some(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        _ => Err("a percentage above 0 and up to 100 is allowed, as 5%".into()),
    }
}

/// 5 of `5%` or `5`; what is allowed is left to the caller.
pub(super) fn percent(text: &str) -> Option<f64> {
    text.trim().trim_end_matches('%').trim_end().parse().ok()
}

/// A table without lines, as wide as its content.
pub(super) fn plain_table<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table
}
