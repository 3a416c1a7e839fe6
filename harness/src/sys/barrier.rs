//! A barrier: pthread_barrier_wait(3p) for processes that share memory.
#![allow(unsafe_code)] // the calls take addresses

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;

use super::memory::Shareable;
use super::{check, refused};

/// A `pthread_barrier_t` in shared memory; of use from `init` on. pthread_barrier_destroy(3p) has nothing to release and is
/// not called.
#[repr(transparent)]
pub struct Barrier(UnsafeCell<libc::pthread_barrier_t>);

// SAFETY: the calls are made for threads that share one barrier.
unsafe impl Sync for Barrier {}
// SAFETY: the type is bytes, which may be zero; once process-shared it holds no address that another process follows, and
// changes by atomics of libc.
unsafe impl Shareable for Barrier {}

impl Barrier {
    /// `pthread_barrier_init(3p)`, `PTHREAD_PROCESS_SHARED`, for so many parties: before it is shared, see
    /// [`Shared::initialized`](super::memory::Shared::initialized). Fails with `EINVAL` for none.
    pub fn init(&mut self, parties: u32) -> io::Result<()> {
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the attributes are initialised first and destroyed last; `&mut self` says that nobody uses the barrier.
        let done = unsafe {
            check(libc::pthread_barrierattr_init(attributes)).and_then(|()| {
                let done = check(libc::pthread_barrierattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED))
                    .and_then(|()| check(libc::pthread_barrier_init(self.0.get(), attributes, parties)));
                libc::pthread_barrierattr_destroy(attributes);
                done
            })
        };
        done.map_err(|errno| refused(format_args!("pthread_barrier_init for {parties} parties"), errno, ""))
    }

    /// `pthread_barrier_wait(3p)`: waits until all parties have called it; one of them is told that it was the serial one,
    /// which nobody here asks for. Never `EINTR`. On a barrier that was never initialised the result is not specified.
    #[inline]
    pub fn wait(&self) -> nix::Result<()> {
        // SAFETY: the address is that of a live barrier.
        match unsafe { libc::pthread_barrier_wait(self.0.get()) } {
            libc::PTHREAD_BARRIER_SERIAL_THREAD => Ok(()),
            code => check(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memory::Shared;
    use crate::sys::testing;

    #[test]
    fn two_processes_pass_together_round_after_round() {
        let barrier = Shared::initialized(|barrier: &mut Barrier| barrier.init(2)).unwrap();
        let pass = || (0..1000).all(|_| barrier.wait().is_ok());
        let (near, far) = (testing::fork(pass), testing::fork(pass));
        assert!(near.succeeded() && far.succeeded());
    }

    #[test]
    fn a_barrier_for_nobody_is_refused() {
        let error = Shared::initialized(|barrier: &mut Barrier| barrier.init(0)).err().unwrap().to_string();
        assert!(error.contains("pthread_barrier_init for 0 parties: EINVAL"), "{error}");
    }
}
