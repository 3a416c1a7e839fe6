//! What commands show with: `ipcmark_harness::output`, JSON, tables without lines, progress.

use std::io::{self, IsTerminal};

use clap::builder::StyledStr;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use ipcmark_harness::output::{self, Unwritten};
use ipcmark_harness::sys::terminal;
use serde::Serialize;

pub(super) use ipcmark_harness::output::{message, message_lines, results as try_write};

use super::exit;

/// Prints `text`; a standard output that cannot be written ends the program. What is open then is closed by its end.
pub(super) fn write(text: &str) {
    end_unless(output::results(text));
}

/// Prints JSON, indented.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    write(&(output::json(value)? + "\n"));
    Ok(())
}

/// Prints what is JSON already.
pub(super) fn json_text(json: &str) {
    write(&(output::escaped(json) + "\n"));
}

/// Prints text of the program's own as it is, such as a script for a shell.
pub(super) fn write_as_it_is(text: &str) {
    end_unless(output::styled_results(text));
}

/// Prints help, with bold headings on a terminal.
pub(super) fn help(text: &StyledStr) {
    let plain = std::env::var_os("NO_COLOR").is_some() || std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if io::stdout().is_terminal() && !plain {
        write_as_it_is(&text.ansi().to_string());
    } else {
        write(&text.to_string());
    }
}

/// Ends the program with a sentence, unless it was `written`.
pub(super) fn end_unless(written: Result<(), Unwritten>) {
    let Err(why) = written else { return };
    message(format_args!("error: {why}"));
    std::process::exit(match why {
        Unwritten::Refused(_) => exit::FAILURE,
        Unwritten::Interrupted(signal) => 128 + signal,
    });
}

/// A progress bar on standard error: current cell and time left; nothing where that is no terminal.
pub(super) fn progress(length: u64) -> ProgressBar {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let target = if io::stderr().is_terminal() && !dumb {
        ProgressDrawTarget::term_like_with_hz(Box::new(StandardError), REDRAWS_HZ)
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    let style = ProgressStyle::with_template("{bar:20} {percent:>3} %  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar
}

/// How often a progress bar is drawn, in a second.
const REDRAWS_HZ: u8 = 20;
/// Of a terminal that does not know its width.
const USUAL_COLUMNS: u16 = 80;

/// A terminal at standard error that is never waited for: what it does not take is left out.
#[derive(Debug)]
struct StandardError;

impl StandardError {
    /// A control sequence with a count; for none, nothing.
    fn moved(count: usize, direction: char) -> io::Result<()> {
        if count > 0 {
            output::draw(&format!("\x1b[{count}{direction}"));
        }
        Ok(())
    }

    fn drawn(text: &str) -> io::Result<()> {
        output::draw(text);
        Ok(())
    }
}

impl TermLike for StandardError {
    fn width(&self) -> u16 {
        terminal::columns(io::stderr()).unwrap_or(USUAL_COLUMNS)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        Self::moved(lines, 'A')
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        Self::moved(lines, 'B')
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        Self::moved(columns, 'C')
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        Self::moved(columns, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        Self::drawn(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        Self::drawn(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        Self::drawn("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
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
