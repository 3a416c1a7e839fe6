//! `parking_lot`: locks of a byte or a word, whose waiters poll for a while and then sleep in queues that hang in a table of
//! the process. 0.13 and later have neither eventual fairness by themselves nor lock elision.

use std::io;
use std::sync::Arc;

use ::parking_lot::Mutex;

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Lock};

pub(super) static MUTEX: Mechanism = Mechanism {
    name: "parking-lot-mutex",
    summary: "parking_lot::Mutex: a byte, polled for a while before a waiter sleeps",
    family: Family::Mutex,
    reach: Reach::Threads,
    references: &["crate parking_lot", "futex(2)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::lock::<OfParkingLot>()],
};

struct OfParkingLot(Arc<Mutex<()>>);

impl Lock for OfParkingLot {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let mutex = Arc::default();
        Ok((0..setup.parties).map(|_| OfParkingLot(Arc::clone(&mutex))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let _guard = self.0.lock();
        Ok(critical())
    }
}
