//! Locks on a file: flock(2), and the record locks of fcntl(2), of a process or of an open file description. Each is two
//! system calls, and the kernel gives it back when its holder ends.
//!
//! What holds such a lock differs, so each party opens the file for itself, by /proc/self/fd: handles that were merely
//! duplicated, or inherited over fork(2), would be one holder. A POSIX record lock belongs to the process whatever it was
//! taken through, so threads do not keep each other out by it. The file has no name and no file system: a memfd, whose locks are
//! those that the kernel keeps for any local file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use ipcmark_harness::sys::huge_pages::Pages;
use ipcmark_harness::sys::memory::memfd_create;
use nix::fcntl::{FcntlArg, fcntl};

use crate::descriptor::until_done;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, AfterDeath, Lock};

pub(super) static FLOCK: Mechanism = Mechanism {
    name: "flock",
    summary: "flock: a lock of the whole file, held by an open file description",
    family: Family::Mutex,
    reach: Reach::Both,
    references: &["flock(2)"],
    support: support::<Flock>,
    rank: Rank::Common,
    shapes: &[shapes::lock::<OnFile<Flock>>()],
};

pub(super) static RECORD: Mechanism = Mechanism {
    name: "fcntl-lock",
    summary: "F_SETLKW: a POSIX record lock of one byte, held by a process",
    reach: Reach::Processes,
    references: &["fcntl_locking(2)", "fcntl(2)"],
    support: support::<OfProcess>,
    shapes: &[shapes::lock::<OnFile<OfProcess>>()],
    ..FLOCK
};

pub(super) static OFD: Mechanism = Mechanism {
    name: "ofd-lock",
    summary: "F_OFD_SETLKW: a record lock of one byte, held by an open file description",
    references: &["fcntl_locking(2)", "fcntl(2)"],
    support: support::<OfDescription>,
    shapes: &[shapes::lock::<OnFile<OfDescription>>()],
    ..FLOCK
};

/// The calls of one kind of lock.
trait Calls: Send + 'static {
    /// As [`Lock::BETWEEN_THREADS`].
    const BETWEEN_THREADS: bool = true;
    fn lock(file: &File) -> io::Result<()>;
    fn unlock(file: &File) -> io::Result<()>;
}

struct Flock;

impl Calls for Flock {
    /// std calls `flock(LOCK_EX)`.
    #[inline(always)]
    fn lock(file: &File) -> io::Result<()> {
        until_done("flock", || file.lock().map_err(errno))
    }

    #[inline(always)]
    fn unlock(file: &File) -> io::Result<()> {
        until_done("flock", || file.unlock().map_err(errno))
    }
}

struct OfProcess;

impl Calls for OfProcess {
    const BETWEEN_THREADS: bool = false;

    #[inline(always)]
    fn lock(file: &File) -> io::Result<()> {
        until_done("fcntl(F_SETLKW)", || fcntl(file, FcntlArg::F_SETLKW(&byte(libc::F_WRLCK)))).map(drop)
    }

    #[inline(always)]
    fn unlock(file: &File) -> io::Result<()> {
        until_done("fcntl(F_SETLK)", || fcntl(file, FcntlArg::F_SETLK(&byte(libc::F_UNLCK)))).map(drop)
    }
}

struct OfDescription;

impl Calls for OfDescription {
    #[inline(always)]
    fn lock(file: &File) -> io::Result<()> {
        until_done("fcntl(F_OFD_SETLKW)", || fcntl(file, FcntlArg::F_OFD_SETLKW(&byte(libc::F_WRLCK)))).map(drop)
    }

    #[inline(always)]
    fn unlock(file: &File) -> io::Result<()> {
        until_done("fcntl(F_OFD_SETLK)", || fcntl(file, FcntlArg::F_OFD_SETLK(&byte(libc::F_UNLCK)))).map(drop)
    }
}

/// The first byte of the file; no process, which locks of an open file description want.
#[inline(always)]
fn byte(kind: libc::c_int) -> libc::flock {
    libc::flock { l_type: kind as _, l_whence: libc::SEEK_SET as _, l_start: 0, l_len: 1, l_pid: 0 }
}

#[cold]
fn errno(error: io::Error) -> nix::errno::Errno {
    error.raw_os_error().map_or(nix::errno::Errno::UnknownErrno, nix::errno::Errno::from_raw)
}

/// A new file, to be opened by each party.
fn new_file() -> io::Result<Arc<OwnedFd>> {
    memfd_create(1, Pages::Base).map(Arc::new)
}

/// `open(/proc/self/fd/…)`: an open file description of its own.
fn open_again(file: &OwnedFd) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("open of {path}, which wants procfs mounted: {error}")))
}

fn support<C: Calls>() -> Support {
    new_file().and_then(|file| open_again(&file)).and_then(|file| C::lock(&file).and_then(|()| C::unlock(&file))).into()
}

struct OnFile<C> {
    /// As all parties have it.
    file: Arc<OwnedFd>,
    /// As this party has it, once it is settled.
    own: Option<File>,
    calls: std::marker::PhantomData<C>,
}

impl<C: Calls> Lock for OnFile<C> {
    const BETWEEN_THREADS: bool = C::BETWEEN_THREADS;
    const AFTER_DEATH: Option<AfterDeath> = Some(AfterDeath::Free);

    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let file = new_file()?;
        let handle = |_| OnFile { file: Arc::clone(&file), own: None, calls: std::marker::PhantomData };
        Ok((0..setup.parties).map(handle).collect())
    }

    fn settle(&mut self) -> io::Result<()> {
        self.own = Some(open_again(&self.file)?);
        Ok(())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let file = self.own.as_ref().ok_or_else(unsettled)?;
        C::lock(file)?;
        let result = critical();
        C::unlock(file)?;
        Ok(result)
    }
}

#[cold]
fn unsettled() -> io::Error {
    io::Error::other("a file is locked by who has opened it: settle first")
}
