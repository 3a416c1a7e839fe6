//! [`Counter`]: a number that several parties raise.

use std::io;

use crate::mechanism::{Setup, Shape, Support};
use crate::{contract, workloads};

/// All that is measured of a counter, and all that it promises.
pub const fn counter<C: Counter>() -> Shape {
    Shape { workloads: workloads::counter::<C>(), contract: contract::counter::<C>(), observe: None }
}

/// A number that any number of parties raise by one, each with a handle of its own.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them
/// (`src/contract/counter.rs`):
///
/// - **no_addition_is_lost**: however many add at once, and none counts twice;
/// - **a_total_has_what_was_added_before**: whoever knows of an addition finds it in the total;
/// - **a_total_never_goes_back**: while others add;
/// - **no_counter_is_left_by_name**: whatever names were used are gone once the handles exist.
///
/// `drop` releases what this process holds and must leave what is shared untouched: it runs in forked copies too.
pub trait Counter: Sized + Send + 'static {
    /// Whether this setup can run here; by default every one can.
    fn supports(setup: &Setup) -> Support {
        let _ = setup;
        Support::Available
    }

    /// A handle for each party on one new counter, which is zero. Each may be moved to a forked process or a thread.
    fn handles(setup: &Setup) -> io::Result<Vec<Self>>;

    /// Adds one.
    fn add(&mut self) -> io::Result<()>;

    /// How many were added by all parties.
    fn total(&mut self) -> io::Result<u64>;
}
