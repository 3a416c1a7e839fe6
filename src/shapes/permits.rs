//! [`Permits`]: so many parties at a time.

use std::io;

use crate::mechanism::{Setup, Shape, Support};
use crate::{contract, workloads};

/// All that is measured of a semaphore of several permits, and all that it promises.
pub const fn permits<P: Permits>() -> Shape {
    Shape { workloads: workloads::permits::<P>(), contract: contract::permits::<P>(), observe: None }
}

/// A number of permits that any number of parties take and give back, each with a handle of its own.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them
/// (`src/contract/permits.rs`):
///
/// - **no_more_are_inside_than_there_are_permits**: however many want in;
/// - **as_many_are_inside_as_there_are_permits**: they do not keep each other out;
/// - **a_permit_given_back_lets_a_waiter_in**: who waits because none is left goes in then, and not before;
/// - **no_permit_is_left_by_name**: whatever names were used are gone once the handles exist.
///
/// `drop` releases what this process holds and must leave what is shared untouched: it runs in forked copies too.
pub trait Permits: Sized + Send + 'static {
    /// Whether this setup can run here; by default every one can.
    fn supports(setup: &Setup) -> Support {
        let _ = setup;
        Support::Available
    }

    /// A handle for each party on one new semaphore of this many permits. Each may be moved to a forked process or a thread.
    fn handles(setup: &Setup, permits: usize) -> io::Result<Vec<Self>>;

    /// Called once, in the party that will use this handle, before anything is timed.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Waits in its own way for a permit, and holds it while `inside` runs, which may not panic.
    fn with<R>(&mut self, inside: impl FnOnce() -> R) -> io::Result<R>;
}
