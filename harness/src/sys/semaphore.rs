//! POSIX semaphores, sem_overview(7): unnamed in shared memory, or found by name.
//!
//! The value is a futex word: posting without a waiter and taking without waiting are no system calls. A semaphore that
//! its holder took with it stays taken. sem_destroy(3) has nothing to release on Linux and is not called.
#![allow(unsafe_code)] // the calls take addresses

use std::cell::UnsafeCell;
use std::ffi::{CString, c_int, c_uint};
use std::io;
use std::ops::Deref;
use std::ptr::NonNull;

use nix::errno::Errno;

use super::memory::Shareable;
use super::refused;

/// A `sem_t` in shared memory, of its own or as a field of what lies there.
///
/// Until `init` it is, all zero, a semaphore of value 0 whose waiters only their own process can wake.
#[repr(transparent)]
pub struct Semaphore(UnsafeCell<libc::sem_t>);

// SAFETY: the calls are made for threads that share one semaphore.
unsafe impl Sync for Semaphore {}
// SAFETY: all zero is a semaphore of value 0 in every libc of Linux; it holds no address and changes by atomics of
// libc.
unsafe impl Shareable for Semaphore {}

impl Semaphore {
    /// `sem_init(pshared = 1)`: before it is shared, see [`Shared::initialized`](super::memory::Shared::initialized).
    /// Fails with `EINVAL` above `SEM_VALUE_MAX`.
    pub fn init(&mut self, value: u32) -> io::Result<()> {
        self.init_for(1, value)
    }

    /// `sem_init(pshared = 0)`: as `init`, for the threads of one process.
    pub fn init_private(&mut self, value: u32) -> io::Result<()> {
        self.init_for(0, value)
    }

    fn init_for(&mut self, pshared: c_int, value: u32) -> io::Result<()> {
        // SAFETY: the memory is that of a sem_t, and `&mut self` says that nobody uses it.
        Errno::result(unsafe { libc::sem_init(self.0.get(), pshared, value) }).map_err(|errno| {
            refused(format_args!("sem_init of value {value}"), errno, "; SEM_VALUE_MAX is 2147483647")
        })?;
        Ok(())
    }

    /// `sem_post(3)`: adds one, and wakes a waiter if there is one. Fails with `EOVERFLOW`.
    #[inline]
    pub fn post(&self) -> nix::Result<()> {
        // SAFETY: the address is that of a live semaphore.
        Errno::result(unsafe { libc::sem_post(self.0.get()) }).map(drop)
    }

    /// `sem_wait(3)`: takes one, waiting for it. Fails with `EINTR`.
    #[inline]
    pub fn wait(&self) -> nix::Result<()> {
        // SAFETY: the address is that of a live semaphore.
        Errno::result(unsafe { libc::sem_wait(self.0.get()) }).map(drop)
    }

    /// `sem_trywait(3)`: takes one, or fails with `EAGAIN`.
    #[inline]
    pub fn try_wait(&self) -> nix::Result<()> {
        // SAFETY: the address is that of a live semaphore.
        Errno::result(unsafe { libc::sem_trywait(self.0.get()) }).map(drop)
    }
}

/// A named semaphore, which is a file that libc maps; `sem_close(3)` on drop, in the copies of forked children too.
#[derive(Debug)]
pub struct NamedSemaphore(NonNull<Semaphore>);

// SAFETY: the semaphore is shared memory that stays mapped until it is closed; its calls are made for many threads.
unsafe impl Send for NamedSemaphore {}
// SAFETY: as above.
unsafe impl Sync for NamedSemaphore {}

impl NamedSemaphore {
    /// `sem_open(/name, O_CREAT | O_EXCL, 0600, value)`. Fails when the name is in use.
    ///
    /// glibc makes a file `/dev/shm/sem.XXXXXX` first and links it to the name: a process killed in this call may leave
    /// that file, which no name of ours leads to.
    pub fn create(name: &str, value: u32) -> io::Result<NamedSemaphore> {
        let owner_only: c_uint = 0o600;
        let path = path(name)?;
        // SAFETY: the path ends in NUL; with O_CREAT the call takes a mode and a value.
        let semaphore = unsafe { libc::sem_open(path.as_ptr(), libc::O_CREAT | libc::O_EXCL, owner_only, value) };
        NamedSemaphore::opened(semaphore, name)
    }

    /// `sem_open(/name)` of one that exists. In one process this is the same mapping as the first.
    pub fn open(name: &str) -> io::Result<NamedSemaphore> {
        let path = path(name)?;
        // SAFETY: the path ends in NUL; without O_CREAT the call takes nothing more.
        NamedSemaphore::opened(unsafe { libc::sem_open(path.as_ptr(), 0) }, name)
    }

    /// `sem_unlink(/name)`: those who have it open keep it.
    pub fn unlink(name: &str) -> nix::Result<()> {
        let path = path(name).map_err(|_| Errno::EINVAL)?;
        // SAFETY: the path ends in NUL.
        Errno::result(unsafe { libc::sem_unlink(path.as_ptr()) }).map(drop)
    }

    fn opened(semaphore: *mut libc::sem_t, name: &str) -> io::Result<NamedSemaphore> {
        // SEM_FAILED is null on Linux.
        NonNull::new(semaphore.cast()).map(NamedSemaphore).ok_or_else(|| {
            let errno = Errno::last();
            let cause = match errno {
                Errno::EEXIST => "; the name is in use",
                Errno::ENOSYS | Errno::ENOENT | Errno::EACCES | Errno::EROFS => "; is /dev/shm mounted and writable?",
                _ => "",
            };
            refused(format_args!("sem_open of /{name}"), errno, cause)
        })
    }
}

impl Deref for NamedSemaphore {
    type Target = Semaphore;
    #[inline]
    fn deref(&self) -> &Semaphore {
        // SAFETY: a `Semaphore` is a sem_t; this one is mapped until it is closed, on drop.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for NamedSemaphore {
    fn drop(&mut self) {
        // SAFETY: it was opened once for this value, and is closed once.
        let _ = unsafe { libc::sem_close(self.0.as_ptr().cast()) };
    }
}

fn path(name: &str) -> io::Result<CString> {
    Ok(CString::new(format!("/{name}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memory::Shared;
    use crate::sys::{names, testing};

    #[repr(C)]
    struct Pair {
        there: Semaphore,
        back: Semaphore,
    }

    // SAFETY: both fields are shareable.
    unsafe impl Shareable for Pair {}

    fn pair() -> Shared<Pair> {
        let init = |pair: &mut Pair| pair.there.init(0).and_then(|()| pair.back.init(0));
        Shared::initialized(init).unwrap()
    }

    #[test]
    fn two_processes_take_turns() {
        let pair = pair();
        let near = testing::fork(|| (0..100).all(|_| pair.there.post().is_ok() && pair.back.wait().is_ok()));
        let far = testing::fork(|| (0..100).all(|_| pair.there.wait().is_ok() && pair.back.post().is_ok()));
        assert!(near.succeeded() && far.succeeded());
    }

    #[test]
    fn polling_takes_what_was_posted_and_no_more() {
        let pair = pair();
        pair.there.post().unwrap();
        assert_eq!(pair.there.try_wait(), Ok(()));
        assert_eq!(pair.there.try_wait(), Err(Errno::EAGAIN));
    }

    #[test]
    fn a_waiter_can_be_interrupted() {
        let pair = pair();
        testing::assert_interruptible(|| pair.there.wait());
    }

    #[test]
    fn a_value_out_of_range_is_refused() {
        let error = Shared::<Semaphore>::initialized(|it| it.init(u32::MAX)).err().unwrap().to_string();
        assert!(error.starts_with("sem_init of value 4294967295: EINVAL"), "{error}");
    }

    #[test]
    fn named_semaphores_outlive_their_name_and_reach_a_forked_child() {
        let name = names::next();
        let there = NamedSemaphore::create(&name, 0).unwrap();
        let same = NamedSemaphore::open(&name).unwrap();
        NamedSemaphore::unlink(&name).unwrap();
        assert_eq!(NamedSemaphore::open(&name).unwrap_err().kind(), io::ErrorKind::NotFound);
        let child = testing::fork(|| there.wait().is_ok());
        same.post().unwrap();
        assert!(child.succeeded());
        drop(same);
        assert_eq!(there.try_wait(), Err(Errno::EAGAIN));
    }

    #[test]
    fn a_name_in_use_is_refused() {
        let name = names::next();
        let _first = NamedSemaphore::create(&name, 0).unwrap();
        let second = NamedSemaphore::create(&name, 0);
        NamedSemaphore::unlink(&name).unwrap();
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
