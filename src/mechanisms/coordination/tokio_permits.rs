//! `tokio::sync::Semaphore` used from threads: permits are handed to waiters in the order in which they came.
//!
//! It has no call that blocks a thread. So each party drives the future by a runtime of its own, as a program would that has
//! not made all of itself asynchronous: that is part of what it costs. A permit that is free costs no such drive.

use std::io;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, TryAcquireError};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Permits};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "tokio-permits",
    summary: "tokio::sync::Semaphore from threads: first come, first served",
    family: Family::Coordination,
    reach: Reach::Threads,
    references: &["tokio 1 (crate), tokio::sync::Semaphore"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::permits::<TokioPermits>()],
};

struct TokioPermits {
    semaphore: Arc<Semaphore>,
    runtime: Option<Runtime>,
}

impl Permits for TokioPermits {
    fn handles(setup: &Setup, permits: usize) -> io::Result<Vec<Self>> {
        let semaphore = Arc::new(Semaphore::new(permits));
        Ok((0..setup.parties).map(|_| TokioPermits { semaphore: Arc::clone(&semaphore), runtime: None }).collect())
    }

    fn settle(&mut self) -> io::Result<()> {
        self.runtime = Some(Builder::new_current_thread().build()?);
        Ok(())
    }

    #[inline(always)]
    fn with<R>(&mut self, inside: impl FnOnce() -> R) -> io::Result<R> {
        let _permit = match (self.semaphore.try_acquire(), &self.runtime) {
            (Ok(permit), _) => permit,
            (Err(TryAcquireError::NoPermits), Some(runtime)) => {
                runtime.block_on(self.semaphore.acquire()).map_err(io::Error::other)?
            }
            _ => return Err(io::Error::other("a permit was wanted before the handle was settled")),
        };
        Ok(inside())
    }
}
