//! pthread_rwlock_rdlock(3p) for processes that share memory.
//!
//! `PTHREAD_PROCESS_SHARED`. It is never robust: it stays taken when a holder dies.
#![allow(unsafe_code)] // the calls take addresses

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;

use super::memory::Shareable;
use super::{check, refused};

/// Who goes first when a reader holds the lock, a writer waits, and another reader comes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Preference {
    /// The reader: `PTHREAD_RWLOCK_PREFER_READER_NP`, glibc's default.
    Readers,
    /// The writer: `PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP`.
    Writers,
}

/// A `pthread_rwlock_t` in shared memory, of its own or as a field of what lies there.
///
/// Until `init` it is, all zero, one for the threads of one process.
#[repr(transparent)]
pub struct RwLock(UnsafeCell<libc::pthread_rwlock_t>);

// SAFETY: the calls are made for threads that share one lock.
unsafe impl Sync for RwLock {}
// SAFETY: all zero is PTHREAD_RWLOCK_INITIALIZER in every libc of Linux; it changes by atomics of libc and holds no address.
unsafe impl Shareable for RwLock {}

/// Lets go of it, also when the holder panics.
struct Held<'a>(&'a RwLock);

impl RwLock {
    /// `pthread_rwlock_init(3p)`, `PTHREAD_PROCESS_SHARED`: before it is shared, see
    /// [`Shared::initialized`](super::memory::Shared::initialized). Fails with `ENOSYS` where a libc has no preferences.
    pub fn init(&mut self, preference: Preference) -> io::Result<()> {
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the attributes are initialised first and destroyed last; `&mut self` says that nobody uses the lock.
        let done = unsafe {
            check(libc::pthread_rwlockattr_init(attributes)).and_then(|()| {
                let done = check(libc::pthread_rwlockattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED))
                    .and_then(|()| set_kind(attributes, preference))
                    .and_then(|()| check(libc::pthread_rwlock_init(self.0.get(), attributes)));
                libc::pthread_rwlockattr_destroy(attributes);
                done
            })
        };
        done.map_err(|errno| refused(format_args!("pthread_rwlock_init preferring {preference:?}"), errno, ""))
    }

    /// `pthread_rwlock_rdlock(3p)`, `body`, `pthread_rwlock_unlock(3p)`. Fails with `EAGAIN` for too many readers, and with
    /// `EDEADLK` where this thread writes.
    #[inline]
    pub fn read<R>(&self, body: impl FnOnce() -> R) -> nix::Result<R> {
        // SAFETY: the address is that of a live lock.
        check(unsafe { libc::pthread_rwlock_rdlock(self.0.get()) })?;
        let _held = Held(self);
        Ok(body())
    }

    /// `pthread_rwlock_wrlock(3p)`, `body`, `pthread_rwlock_unlock(3p)`. Fails with `EDEADLK` where this thread writes.
    #[inline]
    pub fn write<R>(&self, body: impl FnOnce() -> R) -> nix::Result<R> {
        // SAFETY: the address is that of a live lock.
        check(unsafe { libc::pthread_rwlock_wrlock(self.0.get()) })?;
        let _held = Held(self);
        Ok(body())
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this thread holds the lock.
        unsafe { libc::pthread_rwlock_unlock(self.0.0.get()) };
    }
}

/// `pthread_rwlockattr_setkind_np(3)`; the values are those of glibc's `<pthread.h>`.
///
/// # Safety
/// `attributes` are initialised.
#[cfg(target_env = "gnu")]
unsafe fn set_kind(attributes: *mut libc::pthread_rwlockattr_t, preference: Preference) -> nix::Result<()> {
    let kind = match preference {
        Preference::Readers => 0,
        Preference::Writers => 2,
    };
    // SAFETY: promised by the caller.
    check(unsafe { libc::pthread_rwlockattr_setkind_np(attributes, kind) })
}

/// musl has no preferences.
///
/// # Safety
/// None is needed here.
#[cfg(not(target_env = "gnu"))]
unsafe fn set_kind(_: *mut libc::pthread_rwlockattr_t, _: Preference) -> nix::Result<()> {
    Err(nix::errno::Errno::ENOSYS)
}

#[cfg(test)]
mod tests {
    use std::ffi::c_int;
    use std::sync::atomic::{AtomicU32, Ordering};

    use nix::errno::Errno;

    use super::*;
    use crate::sys::memory::Shared;
    use crate::sys::testing;

    #[repr(C)]
    struct Guarded {
        lock: RwLock,
        count: AtomicU32,
    }

    // SAFETY: both fields are shareable.
    unsafe impl Shareable for Guarded {}

    fn guarded(preference: Preference) -> Shared<Guarded> {
        Shared::initialized(|guarded: &mut Guarded| guarded.lock.init(preference)).unwrap()
    }

    #[test]
    fn two_processes_lose_no_increment() {
        for preference in [Preference::Readers, Preference::Writers] {
            let guarded = guarded(preference);
            let increment = || guarded.count.store(guarded.count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            let work = || (0..100_000).all(|_| guarded.lock.write(increment).is_ok());
            let (near, far) = (testing::fork(work), testing::fork(work));
            assert!(near.succeeded() && far.succeeded());
            assert_eq!(guarded.lock.read(|| guarded.count.load(Ordering::Relaxed)), Ok(200_000));
        }
    }

    /// A second reader comes while one is inside and a writer waits: it is let in, or not.
    #[test]
    fn a_reader_passes_a_waiting_writer_only_where_readers_are_preferred() {
        for preference in [Preference::Readers, Preference::Writers] {
            let guarded = guarded(preference);
            let passed = std::thread::scope(|scope| {
                guarded.lock.read(|| {
                    scope.spawn(|| guarded.lock.write(|| ()));
                    let is_tried = |code: c_int| check(code) != Err(Errno::EBUSY);
                    // glibc counts the waiting writer in the lock's words: wait until a try shows it, or for long enough.
                    (0..100).all(|_| {
                        std::thread::sleep(std::time::Duration::from_millis(1));
                        // SAFETY: the lock is live; what was taken is given back.
                        unsafe {
                            let taken = is_tried(libc::pthread_rwlock_tryrdlock(guarded.lock.0.get()));
                            if taken {
                                libc::pthread_rwlock_unlock(guarded.lock.0.get());
                            }
                            taken
                        }
                    })
                })
            });
            assert_eq!(passed, Ok(preference == Preference::Readers), "{preference:?}");
        }
    }

    #[test]
    fn writing_inside_a_write_is_refused() {
        let guarded = guarded(Preference::Writers);
        assert_eq!(guarded.lock.write(|| guarded.lock.write(|| ())), Ok(Err(Errno::EDEADLK)));
    }
}
