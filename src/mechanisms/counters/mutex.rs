//! A plain number in a `std::sync::Mutex`, on the lock's own cache line.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Counter};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "mutex-counter",
    summary: "a plain number in a std::sync::Mutex",
    family: Family::Counter,
    reach: Reach::Threads,
    references: &["std::sync::Mutex"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::counter::<Locked>()],
};

struct Locked(Arc<Lines>);

/// On lines of its own.
#[repr(C, align(128))]
#[derive(Default)]
struct Lines(Mutex<u64>);

impl Locked {
    #[inline(always)]
    fn lock(&self) -> io::Result<MutexGuard<'_, u64>> {
        self.0.0.lock().map_err(|_| io::Error::other("a holder panicked"))
    }
}

impl Counter for Locked {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let count = Arc::default();
        Ok((0..setup.parties).map(|_| Locked(Arc::clone(&count))).collect())
    }

    #[inline(always)]
    fn add(&mut self) -> io::Result<()> {
        *self.lock()? += 1;
        Ok(())
    }

    #[inline(always)]
    fn total(&mut self) -> io::Result<u64> {
        self.lock().map(|count| *count)
    }
}
