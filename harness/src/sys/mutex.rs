//! pthread mutexes, pthread_mutex_init(3p), of every type, protocol and robustness, within a process or between several.
//!
//! A plain mutex stays locked for ever when its holder dies; a robust one, pthread_mutexattr_setrobust(3), tells the next
//! to lock it. sched_setscheduler(2) decides whether priority inheritance, which is a kernel's futex of its own kind
//! (futex(2), FUTEX_LOCK_PI), makes a difference; its price is paid in any case.
#![allow(unsafe_code)] // the calls take addresses

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;

use nix::errno::Errno;

use super::memory::Shareable;
use super::monitor::Robustness;
use super::{check, refused};

/// What a mutex does when its holder locks it again, and how it waits.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `PTHREAD_MUTEX_NORMAL`: the holder waits for itself for ever.
    Normal,
    /// `PTHREAD_MUTEX_ADAPTIVE_NP`: normal, and polled for a while before a waiter sleeps. glibc only.
    Adaptive,
    /// `PTHREAD_MUTEX_RECURSIVE`: the holder has it once more.
    Recursive,
    /// `PTHREAD_MUTEX_ERRORCHECK`: the holder is told `EDEADLK`.
    ErrorChecking,
}

/// `pthread_mutexattr_t`.
#[derive(Copy, Clone, Debug)]
pub struct Attributes {
    /// `pthread_mutexattr_settype(3p)`.
    pub kind: Type,
    /// `PTHREAD_PROCESS_SHARED`: between processes. Otherwise between the threads of one.
    pub shared: bool,
    /// `pthread_mutexattr_setrobust(3)`.
    pub robustness: Robustness,
    /// `PTHREAD_PRIO_INHERIT`: the holder runs with the highest priority of those who wait for it.
    pub inherits_priority: bool,
}

impl Attributes {
    /// Those of `PTHREAD_MUTEX_INITIALIZER`.
    pub const DEFAULT: Attributes =
        Attributes { kind: Type::Normal, shared: false, robustness: Robustness::Stalled, inherits_priority: false };
}

/// A `pthread_mutex_t` in shared memory, of its own or as a field of what lies there.
///
/// Until `init` it is, all zero, a mutex of [`Attributes::DEFAULT`].
#[repr(transparent)]
pub struct Mutex(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: the calls are made for threads that share one mutex.
unsafe impl Sync for Mutex {}
// SAFETY: all zero is PTHREAD_MUTEX_INITIALIZER in every libc of Linux; it changes by atomics of libc; a robust one holds
// addresses while it is locked, which only its holder follows.
unsafe impl Shareable for Mutex {}

impl Mutex {
    /// `pthread_mutex_init(3p)`: before it is shared, see [`Shared::initialized`](super::memory::Shared::initialized). Fails
    /// with `ENOTSUP` where the kernel or the libc lacks what the attributes ask for, with `EINVAL` where the libc does not
    /// know the type.
    pub fn init(&mut self, wanted: Attributes) -> io::Result<()> {
        let inherits = if wanted.inherits_priority { libc::PTHREAD_PRIO_INHERIT } else { libc::PTHREAD_PRIO_NONE };
        let sharing = if wanted.shared { libc::PTHREAD_PROCESS_SHARED } else { libc::PTHREAD_PROCESS_PRIVATE };
        let robust = match wanted.robustness {
            Robustness::Stalled => libc::PTHREAD_MUTEX_STALLED,
            Robustness::Robust => libc::PTHREAD_MUTEX_ROBUST,
        };
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the attributes are initialised first and destroyed last; `&mut self` says that nobody uses the mutex.
        unsafe {
            named("pthread_mutexattr_init", libc::pthread_mutexattr_init(attributes))?;
            let done =
                named("pthread_mutexattr_settype", libc::pthread_mutexattr_settype(attributes, wanted.kind.number()))
                    .and_then(|()| {
                        named("pthread_mutexattr_setpshared", libc::pthread_mutexattr_setpshared(attributes, sharing))
                    })
                    .and_then(|()| {
                        named("pthread_mutexattr_setrobust", libc::pthread_mutexattr_setrobust(attributes, robust))
                    })
                    .and_then(|()| {
                        named(
                            "pthread_mutexattr_setprotocol",
                            libc::pthread_mutexattr_setprotocol(attributes, inherits),
                        )
                    })
                    .and_then(|()| named("pthread_mutex_init", libc::pthread_mutex_init(self.0.get(), attributes)));
            libc::pthread_mutexattr_destroy(attributes);
            done
        }
    }

    /// `pthread_mutex_lock(3p)`, `body`, `pthread_mutex_unlock(3p)`; `body` is told whether the last holder died, and what is
    /// guarded may be half changed then. Never `EINTR`; `EDEADLK` where this thread holds an error-checking one.
    ///
    /// `body` may not panic: the mutex would stay locked, and a robust one must be unlocked before its memory goes away.
    #[inline(always)]
    pub fn with_lock<R>(&self, body: impl FnOnce(bool) -> R) -> nix::Result<R> {
        // SAFETY: the address is that of a live mutex.
        let code = unsafe { libc::pthread_mutex_lock(self.0.get()) };
        let owner_died = code != 0 && self.settle(code)?;
        let result = body(owner_died);
        // SAFETY: this thread holds the mutex.
        check(unsafe { libc::pthread_mutex_unlock(self.0.get()) })?;
        Ok(result)
    }

    /// Whether the lock that a call with this result took was left by a dead holder; marks it as usable again.
    #[cold]
    fn settle(&self, code: c_int) -> nix::Result<bool> {
        match Errno::from_raw(code) {
            // SAFETY: EOWNERDEAD means that this thread holds the mutex.
            Errno::EOWNERDEAD => check(unsafe { libc::pthread_mutex_consistent(self.0.get()) }).map(|()| true),
            errno => Err(errno),
        }
    }
}

impl Type {
    fn number(self) -> c_int {
        match self {
            Type::Normal => libc::PTHREAD_MUTEX_NORMAL,
            // PTHREAD_MUTEX_ADAPTIVE_NP of glibc's pthread.h, which the libc crate lacks.
            Type::Adaptive => 3,
            Type::Recursive => libc::PTHREAD_MUTEX_RECURSIVE,
            Type::ErrorChecking => libc::PTHREAD_MUTEX_ERRORCHECK,
        }
    }
}

fn named(call: &str, code: c_int) -> io::Result<()> {
    check(code).map_err(|errno| refused(call, errno, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memory::Shared;
    use crate::sys::{process, testing};

    fn mutex(attributes: Attributes) -> Shared<Mutex> {
        Shared::initialized(|mutex: &mut Mutex| mutex.init(attributes)).unwrap()
    }

    #[test]
    fn each_type_answers_a_second_lock_of_its_holder_in_its_own_way() {
        let again = |kind| {
            let mutex = mutex(Attributes { kind, ..Attributes::DEFAULT });
            mutex.with_lock(|_| mutex.with_lock(|_| ())).unwrap()
        };
        assert_eq!(again(Type::Recursive), Ok(()));
        assert_eq!(again(Type::ErrorChecking), Err(Errno::EDEADLK));
    }

    #[test]
    fn the_holder_of_a_robust_mutex_after_a_dead_one_is_told_once() {
        for inherits_priority in [false, true] {
            let robustness = Robustness::Robust;
            let mutex = mutex(Attributes { shared: true, robustness, inherits_priority, ..Attributes::DEFAULT });
            assert!(testing::fork(|| mutex.with_lock(|_| process::exit_now(0)).is_ok()).succeeded());
            let told = || mutex.with_lock(|owner_died| owner_died);
            assert!(testing::fork(|| told() == Ok(true) && told() == Ok(false)).succeeded());
        }
    }
}
