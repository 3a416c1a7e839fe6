//! `std::sync::RwLock`: on Linux a futex word with the count of readers, and one for the writers to sleep on. Once a writer
//! sleeps, new readers wait, too. Its futexes are private ones, so it lives in one process only. Poisoning is on, as it is
//! by default.

use std::io;
use std::sync::{Arc, RwLock as StdRwLock};

use super::panicked;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, RwLock, Words};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "std-rwlock",
    summary: "std::sync::RwLock: a futex word that counts readers; new ones wait once a writer sleeps",
    family: Family::ReaderWriter,
    reach: Reach::Threads,
    references: &["std::sync::RwLock", "futex(2)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::rw_lock::<OfStd>()],
};

struct OfStd(Arc<StdRwLock<Words>>);

impl RwLock for OfStd {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let lock = Arc::default();
        Ok((0..setup.parties).map(|_| OfStd(Arc::clone(&lock))).collect())
    }

    #[inline(always)]
    fn read<R>(&mut self, mut look: impl FnMut(&Words) -> R) -> io::Result<R> {
        Ok(look(&*self.0.read().map_err(panicked)?))
    }

    #[inline(always)]
    fn write(&mut self, change: impl FnOnce(&Words)) -> io::Result<()> {
        change(&*self.0.write().map_err(panicked)?);
        Ok(())
    }
}
