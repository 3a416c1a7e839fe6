//! `parking_lot::RwLock`: a word, polled for a while before a waiter sleeps in a queue that hangs in a table of the process.
//! New readers wait once a writer does.

use std::io;
use std::sync::Arc;

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, RwLock, Words};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "parking-lot-rwlock",
    summary: "parking_lot::RwLock: a word, polled for a while before a waiter sleeps; new readers wait once a writer does",
    family: Family::ReaderWriter,
    reach: Reach::Threads,
    references: &["crate parking_lot", "futex(2)"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::rw_lock::<OfParkingLot>()],
};

struct OfParkingLot(Arc<::parking_lot::RwLock<Words>>);

impl RwLock for OfParkingLot {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let lock = Arc::default();
        Ok((0..setup.parties).map(|_| OfParkingLot(Arc::clone(&lock))).collect())
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
