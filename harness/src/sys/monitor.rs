//! A monitor: pthread_mutex_lock(3) and pthread_cond_wait(3) for processes that share memory.
//!
//! `PTHREAD_PROCESS_SHARED`, of the default type. A plain mutex stays locked for ever when its holder dies; a robust
//! one, pthread_mutexattr_setrobust(3), tells the next to lock it. The condition is never robust: a waiter that dies
//! may leave those who signal hanging.
#![allow(unsafe_code)] // the calls take addresses

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

use nix::errno::Errno;

use super::memory::Shareable;
use super::{check, refused};

/// What becomes of a mutex whose holder dies.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Robustness {
    /// `PTHREAD_MUTEX_STALLED`: it stays locked.
    Stalled,
    /// `PTHREAD_MUTEX_ROBUST`: the next holder is told, see [`Locked::owner_died`].
    Robust,
}

/// A mutex and its condition in shared memory, of their own or as a field of what lies there.
///
/// Until `init` they are, all zero, a plain mutex and condition for the threads of one process.
#[repr(C)]
pub struct Monitor {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    condition: UnsafeCell<libc::pthread_cond_t>,
}

// SAFETY: the calls are made for threads that share one monitor.
unsafe impl Sync for Monitor {}
// SAFETY: all zero is PTHREAD_MUTEX_INITIALIZER and PTHREAD_COND_INITIALIZER in every libc of Linux; they change by
// atomics of libc; a robust mutex holds addresses while it is locked, which only its holder follows.
unsafe impl Shareable for Monitor {}

impl Monitor {
    /// `pthread_mutex_init(3)` and `pthread_cond_init(3)`, both `PTHREAD_PROCESS_SHARED`: before it is shared, see
    /// [`Shared::initialized`](super::memory::Shared::initialized).
    pub fn init(&mut self, robustness: Robustness) -> io::Result<()> {
        self.init_mutex(robustness).map_err(|errno| refused("pthread_mutex_init", errno, ""))?;
        self.init_condition().map_err(|errno| refused("pthread_cond_init", errno, ""))
    }

    fn init_mutex(&mut self, robustness: Robustness) -> nix::Result<()> {
        let robust = match robustness {
            Robustness::Stalled => libc::PTHREAD_MUTEX_STALLED,
            Robustness::Robust => libc::PTHREAD_MUTEX_ROBUST,
        };
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the attributes are initialised first and destroyed last; `&mut self` says that nobody uses the mutex.
        unsafe {
            check(libc::pthread_mutexattr_init(attributes))?;
            let done = check(libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED))
                .and_then(|()| check(libc::pthread_mutexattr_setrobust(attributes, robust)))
                .and_then(|()| check(libc::pthread_mutex_init(self.mutex.get(), attributes)));
            libc::pthread_mutexattr_destroy(attributes);
            done
        }
    }

    fn init_condition(&mut self) -> nix::Result<()> {
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: as in `init_mutex`.
        unsafe {
            check(libc::pthread_condattr_init(attributes))?;
            let done = check(libc::pthread_condattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED))
                .and_then(|()| check(libc::pthread_cond_init(self.condition.get(), attributes)));
            libc::pthread_condattr_destroy(attributes);
            done
        }
    }

    /// `pthread_mutex_lock(3)`, `body`, `pthread_mutex_unlock(3)`, also when `body` panics.
    ///
    /// A closure and no guard, because a robust mutex must be unlocked before its memory goes away. Never `EINTR`.
    #[inline]
    pub fn with_lock<R>(&self, body: impl FnOnce(&mut Locked<'_>) -> R) -> nix::Result<R> {
        // SAFETY: the address is that of a live mutex.
        let owner_died = self.settle_owner(unsafe { libc::pthread_mutex_lock(self.mutex.get()) })?;
        let mut locked = Locked { monitor: self, owner_died, of_this_thread: PhantomData };
        Ok(body(&mut locked))
    }

    /// `pthread_cond_signal(3)`: wakes one waiter. With or without the lock.
    #[inline]
    pub fn signal(&self) -> nix::Result<()> {
        // SAFETY: the address is that of a live condition.
        check(unsafe { libc::pthread_cond_signal(self.condition.get()) })
    }

    /// `pthread_cond_broadcast(3)`: wakes all waiters. With or without the lock.
    #[inline]
    pub fn broadcast(&self) -> nix::Result<()> {
        // SAFETY: the address is that of a live condition.
        check(unsafe { libc::pthread_cond_broadcast(self.condition.get()) })
    }

    /// Whether the lock that a call with this result took was left by a dead holder; marks it as usable again.
    #[inline]
    fn settle_owner(&self, code: c_int) -> nix::Result<bool> {
        match check(code) {
            Ok(()) => Ok(false),
            Err(Errno::EOWNERDEAD) => {
                // SAFETY: EOWNERDEAD means that this thread holds the mutex.
                check(unsafe { libc::pthread_mutex_consistent(self.mutex.get()) }).map(|()| true)
            }
            Err(errno) => Err(errno),
        }
    }
}

/// A monitor that this thread holds.
pub struct Locked<'a> {
    monitor: &'a Monitor,
    owner_died: bool,
    /// Only the thread that locked may unlock.
    of_this_thread: PhantomData<*const ()>,
}

impl Locked<'_> {
    /// `pthread_cond_wait(3)`: lets go of the lock until woken, or for no reason. Never `EINTR`.
    #[inline]
    pub fn wait(&mut self) -> nix::Result<()> {
        let Monitor { mutex, condition } = self.monitor;
        // SAFETY: both are live, and this thread holds the mutex.
        let code = unsafe { libc::pthread_cond_wait(condition.get(), mutex.get()) };
        self.owner_died |= self.monitor.settle_owner(code)?;
        Ok(())
    }

    /// Whether a holder died since this thread last held the lock: what it guards may be half changed.
    pub fn owner_died(&self) -> bool {
        self.owner_died
    }
}

impl Drop for Locked<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this thread holds the mutex.
        unsafe { libc::pthread_mutex_unlock(self.monitor.mutex.get()) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::sys::memory::Shared;
    use crate::sys::{process, testing};

    #[repr(C)]
    struct Guarded {
        monitor: Monitor,
        count: AtomicU32,
    }

    // SAFETY: both fields are shareable.
    unsafe impl Shareable for Guarded {}

    impl Guarded {
        fn new(robustness: Robustness) -> Shared<Guarded> {
            Shared::initialized(|guarded: &mut Guarded| guarded.monitor.init(robustness)).unwrap()
        }

        /// In two steps, which another holder would come between.
        fn increment(&self) {
            self.count.store(self.count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }

        /// Waits until the count is `wanted`, adds one, and tells.
        fn step(&self, wanted: u32) -> nix::Result<()> {
            self.monitor.with_lock(|locked| {
                while self.count.load(Ordering::Relaxed) != wanted {
                    locked.wait()?;
                }
                self.increment();
                Ok(())
            })??;
            self.monitor.signal()
        }
    }

    #[test]
    fn two_processes_lose_no_increment() {
        for robustness in [Robustness::Stalled, Robustness::Robust] {
            let guarded = Guarded::new(robustness);
            let work = || (0..100_000).all(|_| guarded.monitor.with_lock(|_| guarded.increment()).is_ok());
            let (near, far) = (testing::fork(work), testing::fork(work));
            assert!(near.succeeded() && far.succeeded());
            assert_eq!(guarded.count.load(Ordering::Relaxed), 200_000);
        }
    }

    #[test]
    fn two_processes_take_turns() {
        let guarded = Guarded::new(Robustness::Stalled);
        let near = testing::fork(|| (0..100).all(|turn| guarded.step(2 * turn).is_ok()));
        let far = testing::fork(|| (0..100).all(|turn| guarded.step(2 * turn + 1).is_ok()));
        assert!(near.succeeded() && far.succeeded());
    }

    #[test]
    fn broadcast_wakes_every_waiter() {
        let guarded = Guarded::new(Robustness::Stalled);
        let wait = || {
            guarded.monitor.with_lock(|locked| {
                guarded.increment();
                while guarded.count.load(Ordering::Relaxed) < 3 {
                    locked.wait().unwrap();
                }
            })
        };
        std::thread::scope(|scope| {
            let waiters = [scope.spawn(wait), scope.spawn(wait)];
            while guarded.monitor.with_lock(|_| guarded.count.load(Ordering::Relaxed)) != Ok(2) {
                std::thread::yield_now();
            }
            guarded.monitor.with_lock(|_| guarded.increment()).unwrap();
            guarded.monitor.broadcast().unwrap();
            assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap().is_ok()));
        });
    }

    #[test]
    fn the_holder_after_a_dead_one_is_told_once() {
        let guarded = Guarded::new(Robustness::Robust);
        assert!(testing::fork(|| guarded.monitor.with_lock(|_| process::exit_now(0)).is_ok()).succeeded());
        let told = || guarded.monitor.with_lock(|locked| locked.owner_died());
        assert!(testing::fork(|| told() == Ok(true) && told() == Ok(false)).succeeded());
    }

    #[test]
    fn a_panic_inside_unlocks() {
        let guarded = Guarded::new(Robustness::Stalled);
        let thread =
            std::thread::scope(|scope| scope.spawn(|| guarded.monitor.with_lock(|_| panic!("on purpose"))).join());
        assert!(thread.is_err());
        assert_eq!(guarded.monitor.with_lock(|_| 1), Ok(1));
    }
}
