//! A private folder, made and opened such that nobody else's can be taken for it.
//!
//! It lies where others may write (/dev/shm, /var/tmp): so it is never reached through a symbolic link, its owner and
//! mode are those of the descriptor, and what is in it is reached by that descriptor.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open, readlinkat};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{UnlinkatFlags, geteuid, mkdir, symlinkat, unlinkat};

/// An open folder of mode 0700 that belongs to this process's user.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: CString,
}

impl Folder {
    /// `mkdir(2)`: where something is already, that is an error.
    pub(super) fn make(path: &Path) -> Result<Folder, String> {
        mkdir(path, Mode::S_IRWXU).map_err(|errno| format!("mkdir {}: {errno}", path.display()))?;
        Folder::open(path).map_err(|why| {
            let _ = std::fs::remove_dir(path);
            format!("{} {why}", path.display())
        })
    }

    /// `open(2)` of a folder that [`Folder::make`] has made; the error says, without the path, what it is instead.
    pub(super) fn open(path: &Path) -> Result<Folder, String> {
        let failed = |errno| match errno {
            Errno::ENOTDIR | Errno::ELOOP => "is a symbolic link, or no folder".into(),
            errno => format!("cannot be opened: {errno}"),
        };
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = open(path, flags, Mode::empty()).map_err(failed)?;
        let stat = fstat(&fd).map_err(failed)?;
        if stat.st_uid != geteuid().as_raw() {
            return Err(format!("belongs to user {}", stat.st_uid));
        }
        if stat.st_mode & 0o777 != 0o700 {
            return Err(format!("has mode {:04o} instead of 0700", stat.st_mode & 0o777));
        }
        let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| "has a NUL in its path".to_owned())?;
        Ok(Folder { fd, path })
    }

    pub(super) fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.path.as_bytes()))
    }

    /// `symlinkat(2)`: leaves `text` under this name.
    pub(super) fn put(&self, name: &CStr, text: &OsStr) -> Result<(), String> {
        symlinkat(text, &self.fd, name).map_err(|errno| format!("symlink in {}: {errno}", self.path().display()))
    }

    /// `readlinkat(2)`: the text under this name.
    pub(super) fn text(&self, name: &CStr) -> Option<OsString> {
        readlinkat(&self.fd, name).ok()
    }

    /// `unlinkat(2)`: whether this was there and is gone.
    pub(super) fn unlink(&self, name: &CStr) -> bool {
        unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir).is_ok()
    }

    /// `rmdir(2)`: an error where something is in it still.
    pub(super) fn remove(&self) -> nix::Result<()> {
        unlinkat(AT_FDCWD, self.path.as_c_str(), UnlinkatFlags::RemoveDir)
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
