//! Files that are named on a command line, or by a file that was named there: every open of one is here.
//!
//! - Reading ([`open`], [`read_text`]): regular files only, links are followed. A FIFO is not waited for and a device is not opened, since
//!   opening alone may rewind a tape or start a watchdog.
//! - Writing ([`create`], [`open_to_append`], [`replace`]): no link at the end of the path is followed, and an existing regular file is
//!   replaced as a whole or not at all. Links above the last component are followed: the user names the folder.
//! - A character device, and what the shell has opened already (`/dev/stdout`, `/dev/fd/63`), is written to as it is.
//!
//! Errors say what the file is and what is allowed, for a caller that puts the path before them.

mod replacing;
mod special;

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, ErrorKind, Read, Take};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::libc::{O_NOCTTY, O_NOFOLLOW, O_NONBLOCK};

pub use replacing::{Existing, replace};
pub(crate) use special::open_special;

/// Beside `O_CLOEXEC`, which the standard library sets: open(2) returns at once, and no terminal becomes the controlling one.
const AT_ONCE: i32 = O_NONBLOCK | O_NOCTTY;

/// Opens a regular file for reading, up to the length that it has now: what is appended meanwhile is not read. Links are followed.
///
/// # Errors
/// If it is not there, may not be read, or is no regular file.
pub fn open(path: &Path) -> io::Result<Take<File>> {
    must_be_regular(fs::metadata(path)?.file_type())?;
    let file = OpenOptions::new().read(true).custom_flags(AT_ONCE).open(path)?;
    // Something else may have got the name meanwhile.
    let metadata = file.metadata()?;
    must_be_regular(metadata.file_type())?;
    Ok(file.take(metadata.len()))
}

/// The text of a regular file of at most `most_bytes`.
///
/// # Errors
/// As [`open`]; if it is longer, or not UTF-8.
pub fn read_text(path: &Path, most_bytes: u64) -> io::Result<String> {
    let mut file = open(path)?;
    if file.limit() > most_bytes {
        return Err(io::Error::other(format!("it has {} bytes; at most {most_bytes} are read", file.limit())));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Creates a file for appending, which must not exist, not even as a link that leads nowhere.
///
/// # Errors
/// If something has the name (`AlreadyExists`), or the folder does not allow it.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(true).open(path)
}

/// Opens a regular file for reading and appending. A link is not followed.
///
/// # Errors
/// If it is not there, may not be written, is a link, or is no regular file.
pub fn open_to_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    open_regular(path, options.read(true).append(true))
}

/// Opens what must be a regular file itself, for writing.
fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    must_be_regular(fs::symlink_metadata(path)?.file_type())?;
    let file = options.custom_flags(AT_ONCE | O_NOFOLLOW).open(path).map_err(clarified)?;
    must_be_regular(file.metadata()?.file_type())?;
    Ok(file)
}

/// "Too many levels of symbolic links" is what `O_NOFOLLOW` says of one.
fn clarified(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(Errno::ELOOP as i32) { not_regular(LINK) } else { error }
}

const LINK: &str = "a symbolic link, which is not followed for writing";

fn must_be_regular(kind: FileType) -> io::Result<()> {
    if kind.is_file() { Ok(()) } else { Err(not_regular(kind_name(kind))) }
}

fn not_regular(kind: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, format!("it is {kind}; name a regular file"))
}

fn kind_name(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_symlink() => LINK,
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(test)]
mod tests;
