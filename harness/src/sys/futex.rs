//! futex(2), in its process-shared form, and in the private one where that is asked for by name.
//!
//! The private form (what std, parking_lot and atomic-wait use) never wakes a waiter in another process, silently; the
//! shared form works between threads too, for about 40 ns more a call. Reference: futex(2), futex(7).
#![allow(unsafe_code)] // the system call takes an address

use std::ffi::c_int;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// `syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout)`: sleeps while `word` holds `expected`.
///
/// Returns on a wake-up, when `word` held another value, on a signal, spuriously, or after `timeout`: the caller looks
/// at its condition again in every case, so none of them is told apart.
pub fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
    let limit =
        timeout.map(|t| libc::timespec { tv_sec: t.as_secs() as libc::time_t, tv_nsec: t.subsec_nanos().into() });
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    wait_by(libc::FUTEX_WAIT, word, expected, limit);
}

/// `wait`, without limit, and with `FUTEX_PRIVATE_FLAG`: only [`wake_private`] in this process ends it.
pub fn wait_private(word: &AtomicU32, expected: u32) {
    wait_by(libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG, word, expected, std::ptr::null());
}

/// `limit` is null or points to a live timespec, which only callers in this file choose.
fn wait_by(operation: c_int, word: &AtomicU32, expected: u32, limit: *const libc::timespec) {
    // SAFETY: the address is that of a live, aligned u32; the kernel only reads it. `limit` as said above.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, expected, limit) };
}

/// `wait`, until `word` holds a value that is `awaited`: that value. Who stores it does so with Release and calls `wake`.
pub fn wait_until(word: &AtomicU32, awaited: impl Fn(u32) -> bool) -> u32 {
    loop {
        // Acquire: pairs with the Release of who stores it.
        let value = word.load(Ordering::Acquire);
        if awaited(value) {
            return value;
        }
        wait(word, value, None);
    }
}

/// `syscall(SYS_futex, word, FUTEX_WAKE, count)`: wakes up to `count` waiters in any process that maps `word`.
pub fn wake(word: &AtomicU32, count: u32) {
    wake_by(libc::FUTEX_WAKE, word, count);
}

/// `wake` with `FUTEX_PRIVATE_FLAG`: wakes those who called [`wait_private`] in this process.
pub fn wake_private(word: &AtomicU32, count: u32) {
    wake_by(libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, word, count);
}

fn wake_by(operation: c_int, word: &AtomicU32, count: u32) {
    let count = count.min(i32::MAX as u32);
    // SAFETY: the address is that of a live, aligned u32; FUTEX_WAKE does not touch the memory.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, count) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn wait_returns_when_the_value_has_changed_already() {
        wait(&AtomicU32::new(1), 0, None);
    }

    #[test]
    fn wait_ends_at_its_timeout() {
        let start = Instant::now();
        wait(&AtomicU32::new(0), 0, Some(Duration::from_millis(5)));
        assert!(start.elapsed() >= Duration::from_millis(4));
    }

    #[test]
    fn wake_ends_a_wait_in_another_thread() {
        let word = AtomicU32::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| wait_until(&word, |value| value == 1));
            word.store(1, Ordering::Release);
            wake(&word, 1);
        });
    }

    #[test]
    fn wake_private_ends_a_private_wait_in_another_thread() {
        let word = AtomicU32::new(0);
        std::thread::scope(|scope| {
            let waits = || {
                while word.load(Ordering::Acquire) == 0 {
                    wait_private(&word, 0);
                }
            };
            scope.spawn(waits);
            word.store(1, Ordering::Release);
            wake_private(&word, 1);
        });
    }
}
