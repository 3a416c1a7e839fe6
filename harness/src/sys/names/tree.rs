//! Removes a file or a folder with all that is in it: some libraries want a folder where others want a path for a socket.
//!
//! Runs in a signal handler too: no allocation, no locks. So the entries are read by getdents64(2) itself, as many at a time
//! as fit on the stack.
#![allow(unsafe_code)] // a raw system call

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, Whence, lseek, unlinkat};

/// Folders in one another; what is deeper stays. No library's tree comes near, and the stack is not ours alone.
const DEEPEST: u32 = 8;

/// Whether this was there and is gone. Nothing is followed out of `folder`.
pub(super) fn remove(folder: BorrowedFd<'_>, name: &CStr) -> bool {
    remove_to(DEEPEST, folder, name)
}

fn remove_to(depth: u32, folder: BorrowedFd<'_>, name: &CStr) -> bool {
    match unlinkat(folder, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) => true,
        Err(Errno::EISDIR) if depth > 0 => {
            let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            if let Ok(inner) = openat(folder, name, flags, Mode::empty()) {
                empty(depth - 1, inner.as_fd());
            }
            unlinkat(folder, name, UnlinkatFlags::RemoveDir).is_ok()
        }
        Err(_) => false,
    }
}

/// Removes the first entries and reads again from the start, until there is none that can be removed.
fn empty(depth: u32, folder: BorrowedFd<'_>) {
    let mut entries = Entries([0; 1024]);
    let mut some = true;
    while std::mem::take(&mut some) && lseek(folder, 0, Whence::SeekSet).is_ok() {
        for name in entries.read(folder) {
            some |= name != c"." && name != c".." && remove_to(depth, folder, name);
        }
    }
}

/// Room for `struct linux_dirent64`s; the longest has 280 bytes.
#[repr(align(8))]
struct Entries([u8; 1024]);

impl Entries {
    /// The names that getdents64(2) reads at once.
    fn read(&mut self, folder: BorrowedFd<'_>) -> impl Iterator<Item = &CStr> {
        let room = &mut self.0;
        // SAFETY: the kernel writes at most as many bytes as the room has.
        let len = unsafe { libc::syscall(libc::SYS_getdents64, folder.as_raw_fd(), room.as_mut_ptr(), room.len()) };
        let mut rest = &room[..usize::try_from(len).unwrap_or(0)];
        std::iter::from_fn(move || {
            let len = u16::from_ne_bytes(rest.get(16..18)?.try_into().ok()?);
            let (entry, others) = rest.split_at_checked(len.into())?;
            rest = others;
            // d_ino and d_off of eight bytes each, d_reclen of two, d_type of one.
            CStr::from_bytes_until_nul(entry.get(19..)?).ok()
        })
    }
}
