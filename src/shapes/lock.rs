//! [`Lock`]: one party at a time.

use std::any::Any;
use std::io;

use crate::mechanism::{Setup, Shape, Support};
use crate::{contract, workloads};

/// All that is measured of a lock, and all that it promises.
pub const fn lock<L: Lock>() -> Shape {
    Shape { workloads: workloads::lock::<L>(), contract: contract::lock::<L>(), observe: None }
}

/// Besides: what is measured where parties of several priorities want it.
pub const fn priority<L: Lock>() -> Shape {
    Shape { workloads: workloads::priority::<L>(), contract: &[], observe: None }
}

/// What a killed holder leaves.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum AfterDeath {
    /// A lock that nobody can have any more.
    Stuck,
    /// One that the next who wants it has.
    Free,
}

/// Mutual exclusion between any number of parties, each with a handle of its own on one lock.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them (`src/contract/lock.rs`):
///
/// - **at_most_one_holds_it**: however many want it;
/// - **what_one_holder_wrote_the_next_one_sees**: whole, over several cache lines;
/// - **a_release_lets_a_waiter_in**: who waits while it is held has it after the release, and not before;
/// - **a_killed_holder_leaves_it_as_told**: stuck, or free for the next one, as [`Lock::AFTER_DEATH`] says;
/// - **no_lock_is_left_by_name**: whatever names were used are gone once the handles exist.
///
/// `drop` releases what this process holds and must leave what is shared untouched: it runs in forked copies too.
pub trait Lock: Sized + Send + 'static {
    /// Whether threads of one process keep each other out by it, too.
    const BETWEEN_THREADS: bool = true;

    /// What becomes of it when a process is killed that holds it; none: nothing is said, as of a lock that lives in one
    /// process, which dies with all who want it.
    const AFTER_DEATH: Option<AfterDeath> = None;

    /// Whether this setup can run here; by default every one can.
    fn supports(setup: &Setup) -> Support {
        let _ = setup;
        Support::Available
    }

    /// A handle for each party on one new lock. Each may be moved to a forked process or a thread.
    fn handles(setup: &Setup) -> io::Result<Vec<Self>>;

    /// What the process that makes the lock must keep as long as forked parties use it, where its last handle would take the
    /// lock away from them.
    fn kept(&self) -> Option<Box<dyn Any>> {
        None
    }

    /// Called once, in the party that will use this handle, before anything is timed.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Waits in its own way until nobody else holds the lock, and holds it while `critical` runs, which may not panic.
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R>;
}
