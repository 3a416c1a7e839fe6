//! `pthread_spin_lock(3)`: a lock whose waiters poll, without a system call.
#![allow(unsafe_code)] // the calls take addresses

use std::cell::UnsafeCell;
use std::io;

use nix::errno::Errno;

use super::memory::Shareable;
use super::refused;

/// Between whom a lock is shared.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// `PTHREAD_PROCESS_PRIVATE`: threads of one process.
    Threads,
    /// `PTHREAD_PROCESS_SHARED`: whoever has the memory.
    Processes,
}

/// A `pthread_spinlock_t` in shared memory, on lines of its own; to be initialized before it is shared. There is nothing that
/// pthread_spin_destroy(3) would release on Linux, and it is not called.
#[repr(C, align(128))]
pub struct Spinlock(UnsafeCell<libc::pthread_spinlock_t>);

// SAFETY: the calls are made for threads that share one lock.
unsafe impl Sync for Spinlock {}
// SAFETY: an integer in every libc of Linux, valid (held or free) when zero, and no address; libc changes it atomically.
unsafe impl Shareable for Spinlock {}

impl Spinlock {
    /// `pthread_spin_init(lock, pshared)`: nobody holds it.
    pub fn init(&mut self, sharing: Sharing) -> io::Result<()> {
        let sharing = match sharing {
            Sharing::Threads => libc::PTHREAD_PROCESS_PRIVATE,
            Sharing::Processes => libc::PTHREAD_PROCESS_SHARED,
        };
        // SAFETY: the memory is that of a pthread_spinlock_t, and `&mut self` says that nobody uses it.
        match unsafe { libc::pthread_spin_init(self.0.get(), sharing) } {
            0 => Ok(()),
            errno => Err(refused("pthread_spin_init", Errno::from_raw(errno), "")),
        }
    }

    /// `pthread_spin_lock`: polls until it holds the lock. Fails with `EDEADLK` where libc sees that this thread holds it, which
    /// glibc does not look at.
    #[inline(always)]
    pub fn lock(&self) -> nix::Result<()> {
        // SAFETY: the address is that of a live lock that was initialized.
        match unsafe { libc::pthread_spin_lock(self.0.get()) } {
            0 => Ok(()),
            errno => Err(Errno::from_raw(errno)),
        }
    }

    /// `pthread_spin_unlock`; only for who holds it. Returns nothing: it has no way to fail.
    #[inline(always)]
    pub fn unlock(&self) {
        // SAFETY: as in `lock`.
        unsafe { libc::pthread_spin_unlock(self.0.get()) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::sys::memory::Shared;
    use crate::sys::testing;

    #[repr(C)]
    struct Counted {
        lock: Spinlock,
        count: AtomicU32,
    }

    // SAFETY: both fields are shareable.
    unsafe impl Shareable for Counted {}

    #[test]
    fn no_update_of_two_processes_is_lost() {
        let counted = Shared::<Counted>::initialized(|it| it.lock.init(Sharing::Processes)).unwrap();
        let add = || {
            (0..1000).all(|_| {
                let is_held = counted.lock.lock().is_ok();
                counted.count.store(counted.count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                counted.lock.unlock();
                is_held
            })
        };
        let (near, far) = (testing::fork(add), testing::fork(add));
        assert!(near.succeeded() && far.succeeded());
        assert_eq!(counted.count.load(Ordering::Relaxed), 2000);
    }
}
