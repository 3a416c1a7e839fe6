//! Two coroutines with stacks of their own on the scheduler of the crate may, which is given one thread: they yield to each other.
//!
//! A switch here is a hop through that scheduler: out to its loop, to the back of its queue, and into the other one. So it is two
//! exchanges of stacks, a push and a pop, where `corosensei` counts each exchange by itself; and no system call as long as there
//! is somebody in the queue. The queue is the one that others may steal from, although with one thread there is nobody to.
//!
//! The scheduler's thread lives until the process ends, on the CPUs of the one that first asked for it. The coroutines are started
//! anew for each batch, by a third that runs there: the scheduler looks at what came from outside only once its own queue is empty, so
//! the first of two that are started from here would yield to itself until it is done. Whoever goes on counts only where the other
//! one ran meanwhile.

use super::super::not_built;
use crate::mechanism::{Family, Mechanism, Rank, Reach};
use crate::shapes::operation;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "may-yield",
    summary: "two stackful coroutines of the crate may that yield to each other through its scheduler of one thread",
    family: Family::Coroutine,
    reach: Reach::Threads,
    references: &["may 0.3 (crate)"],
    support: || not_built::unless(cfg!(feature = "rivals"), "rivals"),
    rank: Rank::Rare,
    shapes: &[operation::<Yielding>()],
};

#[cfg(not(feature = "rivals"))]
type Yielding = not_built::NotBuilt<true>;
#[cfg(feature = "rivals")]
type Yielding = built::Yielding;

#[cfg(feature = "rivals")]
mod built {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use ipcmark_harness::clock::Clock;
    use may::coroutine::{JoinHandle, spawn, yield_now};

    use crate::mechanism::Setup;
    use crate::shapes::{Deed, Operation};

    pub(in super::super) struct Yielding(Arc<Turns>);

    /// All by Relaxed, and no read-modify-write: one thread changes them, and who joins it reads them.
    #[derive(Default)]
    struct Turns {
        switches: AtomicU64,
        last: AtomicU64,
    }

    impl Turns {
        /// What coroutine `me` does.
        fn take(&self, me: u64, turns: u64) {
            self.last.store(me, Ordering::Relaxed);
            for _ in 0..turns {
                yield_now();
                if self.last.load(Ordering::Relaxed) != me {
                    self.last.store(me, Ordering::Relaxed);
                    self.switches.store(self.switches.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                }
            }
        }
    }

    impl Operation for Yielding {
        const DEED: Deed = Deed::RESUME;
        const IN_A_TURN: u64 = 2;

        fn prepare(_: &Setup, _: &Clock) -> io::Result<Yielding> {
            // It would pin its thread by itself, and not by the setup: so the thread has the CPUs of this one.
            may::config().set_workers(1).set_worker_pin(false);
            // The first coroutine of a process starts the scheduler.
            end(start(|| ()))?;
            Ok(Yielding(Arc::default()))
        }

        fn repeat(&mut self, turns: u64) -> io::Result<()> {
            let both = Arc::clone(&self.0);
            let first = start(move || {
                [0, 1].map(|me| {
                    let both = Arc::clone(&both);
                    start(move || both.take(me, turns))
                })
            });
            end(first)?.into_iter().try_for_each(end)
        }

        fn counted(&mut self) -> u64 {
            self.0.switches.load(Ordering::Relaxed)
        }
    }

    #[allow(unsafe_code)]
    fn start<R: Send + 'static>(what: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
        // SAFETY: what is started here touches no thread-local variable, and needs little of a stack of 32 KiB.
        unsafe { spawn(what) }
    }

    fn end<R>(coroutine: JoinHandle<R>) -> io::Result<R> {
        coroutine.join().map_err(|_| io::Error::other("a coroutine panicked"))
    }
}
