//! Our own mutex on a futex word: what others are compared with where a private and a process-shared futex are.
//!
//! The algorithm is in `three_state`, where a model of the futex takes it through every interleaving.

mod three_state;

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::sys::futex;
use ipcmark_harness::sys::memory::{Shareable, Shared};

use self::three_state::{CONTENDED, Word};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, AfterDeath, Lock};

pub(super) static PRIVATE: Mechanism = Mechanism {
    name: "futex-mutex-private",
    summary: "our three-state mutex, whose waiters poll and then sleep on a private futex",
    family: Family::Mutex,
    reach: Reach::Threads,
    references: &["Drepper, Futexes Are Tricky, 2011", "futex(2)"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::lock::<FutexMutex<true>>()],
};

pub(super) static SHARED: Mechanism = Mechanism {
    name: "futex-mutex",
    summary: "our three-state mutex in shared memory, whose waiters poll and then sleep on a shared futex",
    reach: Reach::Both,
    shapes: &[shapes::lock::<FutexMutex<false>>()],
    ..PRIVATE
};

/// On lines of its own. `PRIVATE`: its futex is that of one process.
#[repr(C, align(128))]
struct FutexWord<const PRIVATE: bool>(AtomicU32);

#[allow(unsafe_code)]
// SAFETY: an atomic integer, valid when zero, and no address.
unsafe impl<const PRIVATE: bool> Shareable for FutexWord<PRIVATE> {}

impl<const PRIVATE: bool> Word for FutexWord<PRIVATE> {
    #[inline(always)]
    fn load(&self, order: Ordering) -> u32 {
        self.0.load(order)
    }

    #[inline(always)]
    fn replace(&self, from: u32, to: u32, success: Ordering, failure: Ordering) -> bool {
        self.0.compare_exchange(from, to, success, failure).is_ok()
    }

    #[inline(always)]
    fn swap(&self, to: u32, order: Ordering) -> u32 {
        self.0.swap(to, order)
    }

    fn sleep(&self) {
        if PRIVATE { futex::wait_private(&self.0, CONTENDED) } else { futex::wait(&self.0, CONTENDED, None) }
    }

    fn wake_one(&self) {
        if PRIVATE { futex::wake_private(&self.0, 1) } else { futex::wake(&self.0, 1) }
    }
}

struct FutexMutex<const PRIVATE: bool>(Shared<FutexWord<PRIVATE>>);

impl<const PRIVATE: bool> Lock for FutexMutex<PRIVATE> {
    const AFTER_DEATH: Option<AfterDeath> = if PRIVATE { None } else { Some(AfterDeath::Stuck) };

    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let word = Shared::zeroed()?;
        Ok((0..setup.parties).map(|_| FutexMutex(Shared::clone(&word))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        three_state::lock(&*self.0);
        let result = critical();
        three_state::unlock(&*self.0);
        Ok(result)
    }
}
