//! A future polled by hand: no runtime, a waker that does nothing, a call through a pointer as in every executor.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use ipcmark_harness::clock::Clock;

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{Deed, Operation, operation};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "polled-future",
    summary: "a future polled by hand, behind a pointer; it is pending for ever",
    family: Family::Coroutine,
    reach: Reach::Threads,
    references: &["std::future::Future"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[operation::<Polled>()],
};

struct Polled {
    future: Pin<Box<dyn Future<Output = ()>>>,
    polls: Arc<AtomicU64>,
}

/// Counts how often it was asked.
struct Pending(Arc<AtomicU64>);

impl Future for Pending {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        // Relaxed, and no read-modify-write: one thread counts and reads.
        self.0.store(self.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        Poll::Pending
    }
}

impl Operation for Polled {
    const DEED: Deed = Deed::RESUME;
    const IN_A_TURN: u64 = 2;

    fn prepare(_: &Setup, _: &Clock) -> io::Result<Polled> {
        let polls = Arc::new(AtomicU64::new(0));
        let pending = Pending(Arc::clone(&polls));
        Ok(Polled { future: Box::pin(pending), polls })
    }

    #[inline(always)]
    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..turns {
            if self.future.as_mut().poll(&mut context).is_ready() {
                return Err(io::Error::other("the future is ready"));
            }
        }
        Ok(())
    }

    fn counted(&mut self) -> u64 {
        self.polls.load(Ordering::Relaxed) * 2
    }
}
