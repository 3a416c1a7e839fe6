//! Reading a record that anyone may have written, cut off or edited.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;

use super::after::AfterLine;
use super::budget::{Budget, Unfit, weigh};
use super::limits::{
    MAX_CELLS, MAX_FILE_BYTES, MAX_LINE_BYTES, MAX_RESUMED, check_after, check_cell, check_header, check_resumed,
};
use super::resumed::ResumedLine;
use super::text::{clip, sanitize};
use super::{After, Cell, Header, Resumed, SCHEMA};
use crate::sys::files;

/// Beyond this many warnings the rest is only counted.
const MAX_WARNINGS: usize = 1_000;
/// How much of a foreign text is quoted, in bytes.
const MAX_QUOTE_BYTES: usize = 120;

/// A record as read: the header and the last line of each cell, in the order in which the cells first appear.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The first line.
    pub header: Header,
    /// The cells.
    pub cells: Vec<Cell>,
    /// How the machine was when the run ended, the last such line; a run that was stopped has none.
    pub after: Option<After>,
    /// The times that it was resumed, in their order.
    pub resumed: Vec<Resumed>,
}

/// A line that was left out. The text is safe for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.reason)
    }
}

/// Why a file cannot be read as a record. Quoted text is safe for a terminal.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A system call failed.
    #[error("cannot read {}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It is longer than any record.
    #[error("{} has more than the {MAX_FILE_BYTES} bytes that a record may have", .0.display())]
    TooLarge(PathBuf),
    /// It has more cells than any record.
    #[error("{} has more than the {MAX_CELLS} cells that a record may have", .0.display())]
    TooManyCells(PathBuf),
    /// The first line is no header.
    #[error("{}:1: expected a header with \"schema\": \"{SCHEMA}\", found {found}", path.display())]
    NotARecord {
        /// The file.
        path: PathBuf,
        /// What is there instead.
        found: String,
    },
    /// The header is of another schema.
    #[error("{}:1: the record has schema \"{found}\"; this version reads \"{SCHEMA}\"", path.display())]
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: String,
    },
    /// The header is of this schema, but invalid.
    #[error("{}:1: the header is invalid: {reason}", path.display())]
    BadHeader {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Record {
    /// Reads a file. A cut-off last line and bad lines are left out with a warning each; of several lines with one id
    /// the last one counts.
    ///
    /// # Errors
    /// If the file cannot be read, is too large, or does not start with a header of this schema.
    pub fn read(path: &Path) -> Result<(Self, Vec<Warning>), ReadError> {
        let file = files::open(path).map_err(|cause| io_error(path, cause))?;
        Self::from_reader(path, file)
    }

    /// As [`read`](Self::read), from any source; `path` names it in messages.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_reader(path: &Path, source: impl Read) -> Result<(Self, Vec<Warning>), ReadError> {
        let mut lines = Lines::new(path, source);
        let first = match lines.next()? {
            Some(Line { text: Ok(text), .. }) => text,
            Some(Line { text: Err(found), .. }) => return Err(not_a_record(path, &found)),
            None => return Err(not_a_record(path, "an empty file")),
        };
        let mut budget = Budget::default();
        budget.read(first.len());
        let header = parse_header_within(path, &first, &mut budget)?;
        let mut reading = Reading::new(path, header, budget);
        while let Some(line) = lines.next()? {
            reading.take(lines.number, line)?;
        }
        Ok(reading.finish(lines.number))
    }

    /// The cell with this id.
    #[must_use]
    pub fn cell(&self, id: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.id == id)
    }
}

/// Reads the first line of the file `path`.
pub(super) fn parse_header(path: &Path, line: &[u8]) -> Result<Header, ReadError> {
    let mut budget = Budget::default();
    budget.read(line.len());
    parse_header_within(path, line, &mut budget)
}

fn parse_header_within(path: &Path, line: &[u8], budget: &mut Budget) -> Result<Header, ReadError> {
    let bad = |reason: String| ReadError::BadHeader { path: path.to_owned(), reason };
    let weight = match weigh(line) {
        Ok(weight) => weight,
        Err(Unfit::Refused(reason)) => return Err(bad(reason)),
        Err(Unfit::NotJson(_)) => return Err(not_a_record(path, &quote(&String::from_utf8_lossy(line)))),
    };
    match serde_json::from_slice::<OfSchema>(line).ok().and_then(|header| header.schema).as_deref() {
        Some(SCHEMA) => {}
        Some(other) => {
            return Err(ReadError::OtherSchema { path: path.to_owned(), found: quote(other) });
        }
        None => return Err(not_a_record(path, "JSON without a schema")),
    }
    budget.take(weight).map_err(bad)?;
    let header: Header = serde_json::from_slice(line).map_err(|e| bad(quote(&e.to_string())))?;
    check_header(&header).map_err(bad)?;
    Ok(header)
}

/// What is looked at first in a header.
#[derive(Deserialize)]
struct OfSchema<'a> {
    #[serde(borrow, default)]
    schema: Option<Cow<'a, str>>,
}

/// A line below the header.
enum Entry {
    /// With what it takes of the budget.
    Cell(Box<Cell>, u64),
    After(After),
    Resumed(Box<Resumed>),
}

/// What tells the kinds of line apart: one with `after` or `resumed` and without an id is no cell.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Kind {
    id: Option<IgnoredAny>,
    after: Option<IgnoredAny>,
    resumed: Option<IgnoredAny>,
}

/// What a cell takes beside what its line weighs: itself, and its place among the others.
const OF_CELL: u64 = size_of::<Cell>() as u64 + 128;

fn parse_entry(line: &[u8], budget: &mut Budget) -> Result<Entry, String> {
    let weight = weigh(line).map_err(|unfit| match unfit {
        Unfit::NotJson(error) => quote(&error.to_string()),
        Unfit::Refused(reason) => reason,
    })?;
    let weight = weight + OF_CELL;
    budget.take(weight)?;
    // What is no object is told of as what should have been a cell.
    match serde_json::from_slice(line).unwrap_or_default() {
        Kind { id: None, after: Some(_), .. } => {
            let after = parse::<AfterLine>(line)?.after;
            check_after(&after).map(|()| Entry::After(after))
        }
        Kind { id: None, resumed: Some(_), .. } => {
            let resumed = parse::<ResumedLine>(line)?.resumed;
            check_resumed(&resumed).map(|()| Entry::Resumed(Box::new(resumed)))
        }
        _ => {
            let cell: Cell = parse(line)?;
            check_cell(&cell).map(|()| Entry::Cell(Box::new(cell), weight))
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| quote(&error.to_string()))
}

fn quote(text: &str) -> String {
    match text.trim() {
        "" => "an empty line".to_owned(),
        text => sanitize(&clip(text, MAX_QUOTE_BYTES)),
    }
}

fn not_a_record(path: &Path, found: &str) -> ReadError {
    ReadError::NotARecord { path: path.to_owned(), found: found.to_owned() }
}

fn io_error(path: &Path, cause: io::Error) -> ReadError {
    ReadError::Io { path: path.to_owned(), cause }
}

/// One line, or why it was not kept.
struct Line {
    text: Result<Vec<u8>, String>,
    terminated: bool,
}

/// The lines of a source within the limits.
struct Lines<'a, R> {
    path: &'a Path,
    source: io::Take<BufReader<R>>,
    number: usize,
}

impl<'a, R: Read> Lines<'a, R> {
    fn new(path: &'a Path, source: R) -> Self {
        Self { path, source: BufReader::new(source).take(MAX_FILE_BYTES + 1), number: 0 }
    }

    fn next(&mut self) -> Result<Option<Line>, ReadError> {
        let mut text = Vec::new();
        let mut limited = self.source.by_ref().take(MAX_LINE_BYTES as u64 + 1);
        limited.read_until(b'\n', &mut text).map_err(|cause| io_error(self.path, cause))?;
        let mut terminated = text.last() == Some(&b'\n');
        let too_long = text.len() > MAX_LINE_BYTES;
        if too_long && !terminated {
            let rest = self.source.skip_until(b'\n');
            rest.map_err(|cause| io_error(self.path, cause))?;
            terminated = true;
        }
        if self.source.limit() == 0 {
            return Err(ReadError::TooLarge(self.path.to_owned()));
        }
        if text.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let text = if too_long { Err(format!("a line of more than {MAX_LINE_BYTES} bytes")) } else { Ok(text) };
        Ok(Some(Line { text, terminated }))
    }
}

/// The cells so far.
struct Reading<'a> {
    path: &'a Path,
    budget: Budget,
    record: Record,
    /// Where a cell stands, and what its line takes of the budget.
    places: HashMap<String, (usize, u64)>,
    warnings: Vec<Warning>,
    further_warnings: usize,
}

impl<'a> Reading<'a> {
    fn new(path: &'a Path, header: Header, budget: Budget) -> Self {
        Self {
            path,
            budget,
            record: Record { header, cells: Vec::new(), after: None, resumed: Vec::new() },
            places: HashMap::new(),
            warnings: Vec::new(),
            further_warnings: 0,
        }
    }

    fn take(&mut self, number: usize, line: Line) -> Result<(), ReadError> {
        let text = match line.text {
            Ok(text) if text.trim_ascii().is_empty() => return Ok(()),
            Ok(text) => text,
            Err(reason) => {
                self.warn(number, reason);
                return Ok(());
            }
        };
        self.budget.read(text.len());
        let before = self.budget;
        let entry = parse_entry(&text, &mut self.budget);
        if entry.is_err() {
            self.budget = before;
        }
        match entry {
            Ok(Entry::Cell(cell, weight)) => return self.put(*cell, weight),
            Ok(Entry::After(after)) => self.record.after = Some(after),
            Ok(Entry::Resumed(_)) if self.record.resumed.len() == MAX_RESUMED => {
                self.warn(number, format!("this line was left out: a run may be resumed {MAX_RESUMED} times"));
            }
            Ok(Entry::Resumed(resumed)) => self.record.resumed.push(*resumed),
            Err(_) if !line.terminated && !is_json(&text) => {
                self.warn(number, format!("line {number} is cut off; it was left out"));
            }
            Err(reason) => self.warn(number, format!("this line was left out: {reason}")),
        }
        Ok(())
    }

    fn put(&mut self, cell: Cell, weight: u64) -> Result<(), ReadError> {
        let cells = &mut self.record.cells;
        if let Some((place, weight_before)) = self.places.get_mut(&cell.id) {
            cells[*place] = cell;
            self.budget.give_back(std::mem::replace(weight_before, weight));
            return Ok(());
        }
        if cells.len() == MAX_CELLS {
            return Err(ReadError::TooManyCells(self.path.to_owned()));
        }
        self.places.insert(cell.id.clone(), (cells.len(), weight));
        cells.push(cell);
        Ok(())
    }

    fn warn(&mut self, line: usize, reason: String) {
        if self.warnings.len() == MAX_WARNINGS {
            self.further_warnings += 1;
            return;
        }
        self.warnings.push(Warning { path: self.path.to_owned(), line, reason });
    }

    fn finish(mut self, last_line: usize) -> (Record, Vec<Warning>) {
        if self.further_warnings > 0 {
            let reason = format!("{} further lines were left out", self.further_warnings);
            self.warnings.push(Warning { path: self.path.to_owned(), line: last_line, reason });
        }
        (self.record, self.warnings)
    }
}

pub(super) fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}
