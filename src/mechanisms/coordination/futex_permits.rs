//! A semaphore of ours: permits and waiters in two words of shared memory, and futex(2).

mod words;

/// What the algorithm stands on; in its model test (`models/`) that is loom's.
mod ground {
    pub(super) use std::sync::atomic::{AtomicU32, Ordering};

    pub(super) use ipcmark_harness::sys::futex;
}

use std::io;

use ipcmark_harness::sys::memory::{Shareable, Shared};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Permits};

use ground::Ordering;
use words::Words;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "futex-permits",
    summary: "a semaphore of our own: a count of permits, a count of waiters, and futex",
    family: Family::Coordination,
    reach: Reach::Both,
    references: &["futex(2)", "futex(7)"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::permits::<FutexPermits>()],
};

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no address.
unsafe impl Shareable for Words {}

struct FutexPermits(Shared<Words>);

impl Permits for FutexPermits {
    fn handles(setup: &Setup, permits: usize) -> io::Result<Vec<Self>> {
        let words = Shared::<Words>::zeroed()?;
        words.free.store(permits as u32, Ordering::Relaxed);
        Ok((0..setup.parties).map(|_| FutexPermits(Shared::clone(&words))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, inside: impl FnOnce() -> R) -> io::Result<R> {
        self.0.take();
        let result = inside();
        self.0.give_back();
        Ok(result)
    }
}
