//! Notifications by hand: an eventfd there and one back; a futex(2) word there and one back.

use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::sys::memory::{Shareable, Shared};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::{read, write};

use super::Plan;

pub(crate) fn eventfd_round_trip_blocking(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let there = EventFd::from_flags(EfdFlags::EFD_SEMAPHORE)?;
    let back = EventFd::from_flags(EfdFlags::EFD_SEMAPHORE)?;
    let notify = |eventfd: &EventFd| write(eventfd, &1_u64.to_ne_bytes());
    let wait = |eventfd: &EventFd| read(eventfd, &mut [0; 8]);
    plan.in_two_processes(
        || {
            let _ = wait(&there);
            let _ = notify(&back);
        },
        || {
            plan.time(|| {
                let _ = notify(&there);
                let _ = wait(&back);
            })
        },
    )
}

/// 1: told.
#[repr(C)]
struct Words {
    there: Word,
    back: Word,
}

#[repr(C, align(128))]
struct Word(AtomicU32);

// SAFETY: atomics only, valid when zero.
unsafe impl Shareable for Words {}

impl Word {
    fn tell(&self) {
        self.0.store(1, Ordering::Release);
        // SAFETY: the word is alive; the call does not read it.
        unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAKE, 1) };
    }

    fn wait(&self) {
        while self.0.swap(0, Ordering::Acquire) == 0 {
            // SAFETY: the word is alive; no time limit.
            unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAIT, 0, std::ptr::null::<u8>()) };
        }
    }
}

pub(crate) fn futex_round_trip_blocking(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let words = Shared::<Words>::zeroed()?;
    plan.in_two_processes(
        || {
            words.there.wait();
            words.back.tell();
        },
        || {
            plan.time(|| {
                words.there.tell();
                words.back.wait();
            })
        },
    )
}
