//! What is written to as it is: character devices, and descriptors that this process was started with.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::{AT_ONCE, kind_name, not_regular};

/// Opens a device or an inherited descriptor for appending; none: the path is neither, so that it is a file to be created or
/// replaced, or something that is refused then.
///
/// # Errors
/// If it may not be written.
pub(crate) fn open_special(path: &Path) -> io::Result<Option<File>> {
    // A second open of a file that a shell has opened has an offset of its own, and would write over what is printed.
    match path.to_str() {
        Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => return duplicate(&io::stdout()).map(Some),
        Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => return duplicate(&io::stderr()).map(Some),
        _ => {}
    }
    let Ok(kind) = fs::metadata(path).map(|metadata| metadata.file_type()) else { return Ok(None) };
    let is_inherited = path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd");
    if !(kind.is_char_device() || kind.is_fifo() && is_inherited) {
        return Ok(None);
    }
    let file = OpenOptions::new().append(true).custom_flags(AT_ONCE).open(path)?;
    let kind = file.metadata()?.file_type();
    if !(kind.is_char_device() || kind.is_fifo()) {
        return Err(not_regular(kind_name(kind)));
    }
    // It was opened at once; what is written to it may wait for its reader, as in any pipeline.
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND))?;
    Ok(Some(file))
}

fn duplicate(stream: &impl AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}
