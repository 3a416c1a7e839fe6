//! How wide lines may be.
//!
//! The width is that of the terminal that standard output is; else, where it is a file or a pipe, `COLUMNS`; else 80, as `man` has it.
//! Lines that begin with an id, which other programs cut up, are broken for a terminal or `COLUMNS` only.

use ipcmark_harness::sys::terminal;
use ipcmark_report::layout::{width, wrapped};

/// Where neither a terminal nor `COLUMNS` tells.
const DEFAULT: usize = 80;
/// Narrower lines are not made: a name and a figure need them.
const LEAST: usize = 40;

/// What tables may take, in columns.
pub(super) fn columns() -> usize {
    told().unwrap_or(DEFAULT)
}

/// What a line that begins with an id may take, in columns; none: any, since a program reads it.
pub(super) fn told() -> Option<usize> {
    let terminal = terminal::columns(std::io::stdout()).map(usize::from);
    let named = || std::env::var("COLUMNS").ok()?.trim().parse::<usize>().ok();
    terminal.or_else(|| named().filter(|width| *width > 0)).map(|width| width.max(LEAST))
}

/// A line that begins with an id, broken where it is wider than the terminal.
pub(super) fn fitted(line: String, indent: usize) -> String {
    match told() {
        Some(columns) if width(&line) > columns => wrapped(&line, columns, indent),
        _ => line,
    }
}
