//! `std::sync::Mutex`: on Linux a futex word of three states, polled a hundred times before a waiter sleeps. Its futex is a
//! private one, so it lives in one process only. Poisoning is on, as it is by default.

use std::io;
use std::sync::{Arc, Mutex};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Exclusive, Lock};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "std-mutex",
    summary: "std::sync::Mutex: a futex word, polled a hundred times before a waiter sleeps",
    family: Family::Mutex,
    reach: Reach::Threads,
    references: &["std::sync::Mutex", "futex(2)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::lock::<StdMutex>(), shapes::rw_lock::<Exclusive<StdMutex>>(), shapes::priority::<StdMutex>()],
};

struct StdMutex(Arc<Mutex<()>>);

impl Lock for StdMutex {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let mutex = Arc::default();
        Ok((0..setup.parties).map(|_| StdMutex(Arc::clone(&mutex))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let guard = self.0.lock().map_err(|_| io::Error::other("a holder panicked"))?;
        let result = critical();
        drop(guard);
        Ok(result)
    }
}
