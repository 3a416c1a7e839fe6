//! A counting semaphore as the standard library lets one write it, having none: a count under a mutex, and a condition variable.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Permits};

pub(super) static OF_STD: Mechanism = Mechanism {
    name: "condvar-permits",
    summary: "a count under a std::sync::Mutex, with a Condvar that is notified for each permit given back",
    family: Family::Coordination,
    reach: Reach::Threads,
    references: &["std::sync::Condvar", "Dijkstra, Cooperating Sequential Processes, 1965"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::permits::<CondvarPermits>()],
};

struct Count {
    free: Mutex<usize>,
    given_back: Condvar,
}

struct CondvarPermits(Arc<Count>);

impl Permits for CondvarPermits {
    fn handles(setup: &Setup, permits: usize) -> io::Result<Vec<Self>> {
        let count = Arc::new(Count { free: Mutex::new(permits), given_back: Condvar::new() });
        Ok((0..setup.parties).map(|_| CondvarPermits(Arc::clone(&count))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, inside: impl FnOnce() -> R) -> io::Result<R> {
        let Count { free, given_back } = &*self.0;
        // Nothing under this mutex can panic.
        let left = free.lock().unwrap_or_else(PoisonError::into_inner);
        *given_back.wait_while(left, |left| *left == 0).unwrap_or_else(PoisonError::into_inner) -= 1;
        let result = inside();
        *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        given_back.notify_one();
        Ok(result)
    }
}
