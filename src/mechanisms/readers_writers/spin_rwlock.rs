//! `spin::RwLock`: a word that readers add to and take from; who comes too soon polls. A writer polls until there is no
//! reader at all, however many come meanwhile.

use std::io;
use std::sync::Arc;

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, RwLock, Words};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "spin-rwlock",
    summary: "spin::RwLock: a word that counts readers, polled; a writer waits for a moment without any",
    family: Family::ReaderWriter,
    reach: Reach::Threads,
    references: &["crate spin"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::rw_lock::<OfSpin>()],
};

struct OfSpin(Arc<::spin::RwLock<Words>>);

impl RwLock for OfSpin {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let lock = Arc::<::spin::RwLock<Words>>::default();
        Ok((0..setup.parties).map(|_| OfSpin(Arc::clone(&lock))).collect())
    }

    #[inline(always)]
    fn read<R>(&mut self, mut look: impl FnMut(&Words) -> R) -> io::Result<R> {
        Ok(look(&self.0.read()))
    }

    #[inline(always)]
    fn write(&mut self, change: impl FnOnce(&Words)) -> io::Result<()> {
        change(&self.0.write());
        Ok(())
    }
}
