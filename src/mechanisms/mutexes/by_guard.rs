//! Locks of a library whose guard releases them, each in the memory of one process; among them those for asynchronous code,
//! which a thread may wait for, too: it polls the lock's future, and parks between two polls.

use std::io;
use std::sync::Arc;

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Lock};

pub(super) static TOKIO: Mechanism = Mechanism {
    name: "tokio-mutex",
    summary: "tokio::sync::Mutex::blocking_lock: a fair queue of one permit, whose waiter parks its thread",
    references: &["crate tokio"],
    shapes: &[shapes::lock::<ByGuard<tokio::sync::Mutex<()>>>()],
    ..OF_A_LIBRARY
};

pub(super) static ASYNC_LOCK: Mechanism = Mechanism {
    name: "async-lock-mutex",
    summary: "async_lock::Mutex::lock_blocking: a word, whose waiter listens to an event and, starved, is served first",
    references: &["crate async-lock"],
    shapes: &[shapes::lock::<ByGuard<async_lock::Mutex<()>>>()],
    ..OF_A_LIBRARY
};

/// What all of them have in common.
pub(super) const OF_A_LIBRARY: Mechanism = Mechanism {
    name: "",
    summary: "",
    family: Family::Mutex,
    reach: Reach::Threads,
    references: &[],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[],
};

/// A mutex that locks by making a guard.
pub(super) trait Guarding: Default + Send + Sync + 'static {
    /// Waits for it, and holds it as long as the guard lives.
    fn guard(&self) -> impl Sized;
}

impl Guarding for tokio::sync::Mutex<()> {
    #[inline(always)]
    fn guard(&self) -> impl Sized {
        self.blocking_lock()
    }
}

impl Guarding for async_lock::Mutex<()> {
    #[inline(always)]
    fn guard(&self) -> impl Sized {
        self.lock_blocking()
    }
}

/// A handle.
pub(super) struct ByGuard<M>(Arc<M>);

impl<M: Guarding> Lock for ByGuard<M> {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let mutex = Arc::default();
        Ok((0..setup.parties).map(|_| ByGuard(Arc::clone(&mutex))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let _guard = self.0.guard();
        Ok(critical())
    }
}
