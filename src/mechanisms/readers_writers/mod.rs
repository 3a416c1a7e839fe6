//! Data that many read and some write: locks that several readers hold at once, and what readers need no lock for.
//!
//! The same workloads are run with a mutex, to see where letting several readers in pays: see `std-mutex`.

mod arc_swap;
mod crossbeam_epoch;
mod crossbeam_sharded;
mod parking_lot_rwlock;
mod pthread_rwlock;
mod seqlock;
mod spin_rwlock;
mod std_rwlock;

use std::io;
use std::sync::PoisonError;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &std_rwlock::MECHANISM,
    &parking_lot_rwlock::MECHANISM,
    &spin_rwlock::MECHANISM,
    &pthread_rwlock::PREFERS_READERS,
    &pthread_rwlock::PREFERS_WRITERS,
    &crossbeam_sharded::MECHANISM,
    &seqlock::MECHANISM,
    &crossbeam_epoch::MECHANISM,
    &arc_swap::MECHANISM,
];

/// Of a lock that a holder's panic has poisoned.
#[cold]
fn panicked<G>(_: PoisonError<G>) -> io::Error {
    io::Error::other("a holder panicked")
}
