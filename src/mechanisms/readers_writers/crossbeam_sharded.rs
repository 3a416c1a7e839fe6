//! `crossbeam_utils::sync::ShardedLock`: eight of std's locks, on lines of their own. A reader takes the one of its thread, a
//! writer all of them, one after the other.

use std::io;
use std::sync::Arc;

use crossbeam_utils::sync::ShardedLock;

use super::panicked;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, RwLock, Words};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "crossbeam-sharded-lock",
    summary: "crossbeam's ShardedLock: eight rwlocks, of which a reader takes its thread's and a writer all",
    family: Family::ReaderWriter,
    reach: Reach::Threads,
    references: &["crate crossbeam-utils"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::rw_lock::<Sharded>()],
};

struct Sharded(Arc<ShardedLock<Words>>);

impl RwLock for Sharded {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let lock = Arc::default();
        Ok((0..setup.parties).map(|_| Sharded(Arc::clone(&lock))).collect())
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
