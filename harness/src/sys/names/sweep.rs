//! Finds and removes whatever has a name of one token. Runs in a signal handler too: no allocation, no locks.

use std::ffi::CStr;
use std::fmt::{self, Arguments};
use std::io::Write;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::mqueue::{MQ_OFlag, mq_close, mq_open, mq_unlink};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::folder::Folder;
use super::{DISK, OWNER, tree};
use crate::sys::sysv_sweep::Kind;

/// What is done with what is found.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It is removed.
    Remove,
    /// It is only told of.
    Look,
}

/// What the owner of a token may have left.
pub(super) struct Leavings<'a> {
    pub(super) token: u64,
    /// How many names it used at most.
    pub(super) names: u64,
    pub(super) lease: Option<&'a Folder>,
    pub(super) disk: Option<&'a Folder>,
}

/// Called with each thing that is found.
pub(super) type Found<'a> = &'a mut dyn FnMut(Arguments<'_>);

impl Leavings<'_> {
    /// First everything with a name, then the folders; an error where one of those holds something else.
    pub(super) fn sweep(&self, how: How, found: Found<'_>) -> nix::Result<()> {
        for n in 0..self.names {
            let name = Text::new(format_args!("ipcmark-{:016x}-{n}", self.token));
            posix(&name, how, found);
            for folder in [self.disk, self.lease].into_iter().flatten() {
                if tree(folder, name.c(), how) {
                    found(format_args!("{}/{name}", folder.path().display()));
                }
            }
            system_v(key(self.token, n), how, found);
        }
        let disk = self.disk.map_or(Ok(()), |disk| emptied(disk, how, found));
        let lease = self.lease.map_or(Ok(()), |lease| emptied(lease, how, found));
        disk.and(lease)
    }
}

/// The key with number `n`: SplitMix64's output (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators,
/// OOPSLA 2014), of which half the bits are as good as all.
pub(super) fn key(token: u64, n: u64) -> i32 {
    let mut z = token.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    match (z ^ (z >> 31)) as i32 {
        libc::IPC_PRIVATE => 1,
        key => key,
    }
}

/// A message queue, a shared memory object, a named semaphore: the last two are files where glibc and musl keep them.
fn posix(name: &Text, how: How, found: Found<'_>) {
    let queue = Text::new(format_args!("/{name}"));
    if is_queue(queue.c(), how) {
        found(format_args!("message queue {queue}"));
    }
    for prefix in ["", "sem."] {
        let path = Text::new(format_args!("/dev/shm/{prefix}{name}"));
        if file(AT_FDCWD, path.c(), how) {
            found(format_args!("{path}"));
        }
    }
}

fn is_queue(name: &CStr, how: How) -> bool {
    match how {
        How::Remove => mq_unlink(name).is_ok(),
        How::Look => {
            let queue = mq_open(name, MQ_OFlag::O_RDONLY | MQ_OFlag::O_CLOEXEC, Mode::empty(), None);
            queue.is_ok_and(|queue| mq_close(queue).is_ok())
        }
    }
}

fn file(folder: impl AsFd, name: &CStr, how: How) -> bool {
    match how {
        How::Remove => unlinkat(folder, name, UnlinkatFlags::NoRemoveDir).is_ok(),
        How::Look => fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok(),
    }
}

/// A file, or a folder with all that is in it.
fn tree(folder: &Folder, name: &CStr, how: How) -> bool {
    match how {
        How::Remove => tree::remove(folder.as_fd(), name),
        How::Look => file(folder, name, how),
    }
}

fn system_v(key: i32, how: How, found: Found<'_>) {
    for kind in Kind::ALL {
        if kind.find(key).is_some_and(|id| how == How::Look || kind.remove(id)) {
            found(format_args!("System V {} with key {key:#010x}", kind.name()));
        }
    }
}

fn emptied(folder: &Folder, how: How, found: Found<'_>) -> nix::Result<()> {
    if how == How::Remove {
        let _ = (folder.unlink(DISK), folder.unlink(OWNER));
        match folder.remove() {
            // Somebody else has swept it meanwhile.
            Err(Errno::ENOENT) => return Ok(()),
            removed => removed?,
        }
    }
    found(format_args!("{}", folder.path().display()));
    Ok(())
}

/// A short text on the stack, with a NUL behind it.
struct Text {
    /// The longest is `/dev/shm/sem.ipcmark-<16 digits>-<3 digits>`, 41 bytes.
    bytes: [u8; 64],
}

impl Text {
    fn new(text: Arguments<'_>) -> Text {
        let mut bytes = [0; 64];
        // The last byte stays NUL.
        let _ = (&mut bytes[..63]).write_fmt(text);
        Text { bytes }
    }

    fn c(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.c().to_str().unwrap_or_default())
    }
}
