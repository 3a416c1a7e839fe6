//! `parking_lot`: locks of a byte or a word, whose waiters poll for a while and then sleep in queues that hang in a table of
//! the process. 0.13 and later have neither eventual fairness by themselves nor lock elision. The fair one is handed to who
//! sleeps: where several want it, each acquisition costs a wake-up.

use ::parking_lot::{FairMutex, Mutex, ReentrantMutex};

use super::by_guard::{ByGuard, Guarding, OF_A_LIBRARY};
use crate::mechanism::{Mechanism, Rank};
use crate::shapes;

pub(super) static MUTEX: Mechanism = Mechanism {
    name: "parking-lot-mutex",
    summary: "parking_lot::Mutex: a byte, polled for a while before a waiter sleeps",
    references: REFERENCES,
    rank: Rank::Headline,
    shapes: &[shapes::lock::<ByGuard<Mutex<()>>>()],
    ..OF_A_LIBRARY
};

pub(super) static FAIR: Mechanism = Mechanism {
    name: "parking-lot-fair-mutex",
    summary: "parking_lot::FairMutex: as parking-lot-mutex, and a release hands it to who sleeps",
    references: REFERENCES,
    shapes: &[shapes::lock::<ByGuard<FairMutex<()>>>()],
    ..OF_A_LIBRARY
};

pub(super) static REENTRANT: Mechanism = Mechanism {
    name: "parking-lot-reentrant-mutex",
    summary: "parking_lot::ReentrantMutex: as parking-lot-mutex, and who holds it may take it again",
    references: REFERENCES,
    shapes: &[shapes::lock::<ByGuard<ReentrantMutex<()>>>()],
    ..OF_A_LIBRARY
};

const REFERENCES: &[&str] = &["crate parking_lot", "futex(2)"];

impl Guarding for Mutex<()> {
    #[inline(always)]
    fn guard(&self) -> impl Sized {
        self.lock()
    }
}

impl Guarding for FairMutex<()> {
    #[inline(always)]
    fn guard(&self) -> impl Sized {
        self.lock()
    }
}

impl Guarding for ReentrantMutex<()> {
    #[inline(always)]
    fn guard(&self) -> impl Sized {
        self.lock()
    }
}
