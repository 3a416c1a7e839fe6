//! Writing a record: append-only, one line and one write(2) at a time.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use super::after::AfterLine;
use super::budget::{Unfit, weigh};
use super::limits::{MAX_LINE_BYTES, check_after, check_cell, check_header, check_resumed};
use super::reader::{ReadError, is_json, parse_header};
use super::resumed::ResumedLine;
use super::{After, Cell, Header, Resumed};
use crate::sys::files;

/// Writes one record. A line is in the kernel's hands when a method returns: it survives the end of the process, not a
/// loss of power. The file is locked (advisory) while the writer lives, so that two runs cannot interleave.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: File,
    /// Length of the complete lines, in bytes; nothing for what cannot be truncated (a pipe, a terminal).
    complete_bytes: Option<u64>,
}

/// What [`Writer::append_to`] had to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The last line was cut off; it was removed, with this many bytes.
    RemovedBytes(u64),
    /// The last line was complete but for its line feed, which was added.
    AddedLineFeed,
}

/// Why a record cannot be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The file exists, and records are never overwritten.
    #[error("{} exists and is not overwritten; choose another file, or continue it with --resume", .0.display())]
    Exists(PathBuf),
    /// Another process is writing it.
    #[error("{} is being written by another run", .0.display())]
    Busy(PathBuf),
    /// A system call failed.
    #[error("cannot {action} {}: {cause}", path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// What should be continued is not a record of this schema.
    #[error(transparent)]
    NotARecord(#[from] ReadError),
    /// The line would not be readable: a number that is not finite or negative, a text that is too long.
    #[error("cannot write {line} to {}: {reason}", path.display())]
    Content {
        /// The cell's id, or `the header`.
        line: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with which key.
        reason: String,
    },
}

impl Writer {
    /// Starts a record with its header; creates the parent directories. A device, and what the shell has opened (`/dev/stdout`), is
    /// written to as it is.
    ///
    /// # Errors
    /// If the file exists, cannot be created or written, or the header has a number that is not finite.
    pub fn create(path: &Path, header: &Header) -> Result<Self, WriteError> {
        check_header(header).map_err(|reason| content_error("the header", path, reason))?;
        let line = encode("the header", path, header)?;
        create_parent(path)?;
        let mut writer = Self::open_new(path)?;
        let written = writer.write_line(&line);
        if written.is_err() && writer.complete_bytes.is_some() {
            // A file without a header is of no use and would be in the way of the next attempt.
            let _ = fs::remove_file(path);
        }
        written.map(|()| writer)
    }

    /// Continues a record, and says what it mended: a run that was killed may leave a line that is cut off.
    ///
    /// # Errors
    /// If the file cannot be opened, is being written by another run, or has no header of this schema.
    pub fn append_to(path: &Path) -> Result<(Self, Option<Repair>), WriteError> {
        let file = files::open_to_append(path).map_err(io_error("open", path))?;
        let mut writer = Self { path: path.to_owned(), file, complete_bytes: None };
        writer.lock()?;
        writer.check_first_line()?;
        let repair = writer.mend_last_line().map_err(io_error("mend", path))?;
        let length = writer.file.metadata().map_err(io_error("read", path))?;
        writer.complete_bytes = Some(length.len());
        Ok((writer, repair))
    }

    /// Appends one cell. After an error the file ends with the last complete line, so that writing may go on.
    ///
    /// # Errors
    /// If writing fails (a full disk), or the cell has a number that is negative or not finite.
    pub fn write_cell(&mut self, cell: &Cell) -> Result<(), WriteError> {
        check_cell(cell).map_err(|reason| content_error(&cell.id, &self.path, reason))?;
        let line = encode(&cell.id, &self.path, cell)?;
        self.write_line(&line)
    }

    /// Appends how the machine was when the run ended.
    ///
    /// # Errors
    /// As [`write_cell`](Self::write_cell).
    pub fn write_after(&mut self, after: &After) -> Result<(), WriteError> {
        const LINE: &str = "the line of afterwards";
        check_after(after).map_err(|reason| content_error(LINE, &self.path, reason))?;
        let line = encode(LINE, &self.path, &AfterLine { after: after.clone() })?;
        self.write_line(&line)
    }

    /// Appends how the run goes on.
    ///
    /// # Errors
    /// As [`write_cell`](Self::write_cell).
    pub fn write_resumed(&mut self, resumed: &Resumed) -> Result<(), WriteError> {
        const LINE: &str = "the line of a resumed run";
        check_resumed(resumed).map_err(|reason| content_error(LINE, &self.path, reason))?;
        let line = encode(LINE, &self.path, &ResumedLine { resumed: resumed.clone() })?;
        self.write_line(&line)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open_new(path: &Path) -> Result<Self, WriteError> {
        let special = files::open_special(path).map_err(io_error("open", path))?;
        let regular = special.is_none();
        let file = match special.map_or_else(|| files::create(path), Ok) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(WriteError::Exists(path.to_owned()));
            }
            Err(error) => return Err(io_error("create", path)(error)),
        };
        let writer = Self { path: path.to_owned(), file, complete_bytes: regular.then_some(0) };
        if regular {
            writer.lock()?;
        }
        Ok(writer)
    }

    fn lock(&self) -> Result<(), WriteError> {
        match self.file.try_lock() {
            Ok(()) => Ok(()),
            Err(fs::TryLockError::WouldBlock) => Err(WriteError::Busy(self.path.clone())),
            // A file system without locks is no reason not to measure.
            Err(fs::TryLockError::Error(_)) => Ok(()),
        }
    }

    /// One write(2), unless the kernel takes only a part, as on a full disk: then the rest is tried for its error.
    fn write_line(&mut self, line: &[u8]) -> Result<(), WriteError> {
        if let Err(source) = self.file.write_all(line) {
            if let Some(length) = self.complete_bytes {
                // If this fails too, the reader leaves the cut-off line out; the first error is the one to tell.
                let _ = self.file.set_len(length);
            }
            return Err(io_error("write", &self.path)(source));
        }
        self.complete_bytes = self.complete_bytes.map(|length| length + line.len() as u64);
        Ok(())
    }

    fn check_first_line(&mut self) -> Result<(), WriteError> {
        let mut line = Vec::new();
        BufReader::new(&self.file)
            .take(MAX_LINE_BYTES as u64)
            .read_until(b'\n', &mut line)
            .map_err(io_error("read", &self.path))?;
        parse_header(&self.path, &line)?;
        Ok(())
    }

    fn mend_last_line(&mut self) -> io::Result<Option<Repair>> {
        let tail = self.read_tail()?;
        let start = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let last = &tail[start..];
        if last.is_empty() {
            return Ok(None);
        }
        // The reader keeps a line that lacks nothing but its line feed, so it must not be lost here.
        if is_json(last) {
            self.file.write_all(b"\n")?;
            return Ok(Some(Repair::AddedLineFeed));
        }
        let removed = last.len() as u64;
        let length = self.file.metadata()?.len();
        self.file.set_len(length - removed)?;
        Ok(Some(Repair::RemovedBytes(removed)))
    }

    /// The end of the file: as much as a line can have.
    fn read_tail(&mut self) -> io::Result<Vec<u8>> {
        let length = self.file.metadata()?.len();
        let start = length.saturating_sub(MAX_LINE_BYTES as u64);
        self.file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        (&self.file).take(length - start).read_to_end(&mut tail)?;
        Ok(tail)
    }
}

fn create_parent(path: &Path) -> Result<(), WriteError> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            fs::create_dir_all(parent).map_err(clarified).map_err(io_error("create the directory", parent))
        }
        _ => Ok(()),
    }
}

/// "File exists" of a directory that could not be made means that something else has its name.
fn clarified(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => io::Error::new(error.kind(), "something that is not a directory has this name"),
        _ => error,
    }
}

fn encode(name: &str, path: &Path, line: &impl Serialize) -> Result<Vec<u8>, WriteError> {
    let mut bytes = serde_json::to_vec(line).map_err(|error| content_error(name, path, error.to_string()))?;
    if let Err(Unfit::Refused(reason)) = weigh(&bytes) {
        return Err(content_error(name, path, reason));
    }
    bytes.push(b'\n');
    if bytes.len() > MAX_LINE_BYTES {
        let reason = format!("{} bytes; allowed are {MAX_LINE_BYTES}", bytes.len());
        return Err(content_error(name, path, reason));
    }
    Ok(bytes)
}

fn content_error(line: &str, path: &Path, reason: String) -> WriteError {
    WriteError::Content { line: line.to_owned(), path: path.to_owned(), reason }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    let path = path.to_owned();
    move |cause| WriteError::Io { action, path, cause }
}
