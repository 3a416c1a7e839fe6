//! `pthread_spin_lock(3)`, for threads of one process and for several processes. glibc ignores which of the two was asked for.

use std::io;

use ipcmark_harness::sys::memory::Shared;
use ipcmark_harness::sys::pthread_spin::{Sharing, Spinlock};

use super::in_shared::SPINLOCK;
use crate::mechanism::{Mechanism, Reach, Setup};
use crate::shapes::{self, Lock};

pub(super) static PRIVATE: Mechanism = Mechanism {
    name: "pthread-spinlock",
    summary: "pthread_spin_lock with PTHREAD_PROCESS_PRIVATE",
    reach: Reach::Threads,
    references: &["pthread_spin_lock(3)", "pthread_spin_init(3)"],
    shapes: &[shapes::lock::<Pthread<false>>()],
    ..SPINLOCK
};

pub(super) static SHARED: Mechanism = Mechanism {
    name: "pthread-spinlock-pshared",
    summary: "pthread_spin_lock with PTHREAD_PROCESS_SHARED",
    references: &["pthread_spin_lock(3)", "pthread_spin_init(3)"],
    shapes: &[shapes::lock::<Pthread<true>>()],
    ..SPINLOCK
};

struct Pthread<const BETWEEN_PROCESSES: bool>(Shared<Spinlock>);

impl<const BETWEEN_PROCESSES: bool> Lock for Pthread<BETWEEN_PROCESSES> {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let sharing = if BETWEEN_PROCESSES { Sharing::Processes } else { Sharing::Threads };
        let lock = Shared::<Spinlock>::initialized(|lock| lock.init(sharing))?;
        Ok((0..setup.parties).map(|_| Pthread(Shared::clone(&lock))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        self.0.lock()?;
        let result = critical();
        self.0.unlock();
        Ok(result)
    }
}
