//! [`Dinner`]: philosophers at a round table, each of whom needs the forks at both sides.

use std::io;

use crate::mechanism::{Setup, Shape, Support};
use crate::{contract, workloads};

/// All that is measured of a dinner, and all that it promises.
pub const fn dinner<D: Dinner>() -> Shape {
    Shape { workloads: workloads::dinner::<D>(), contract: contract::dinner::<D>(), observe: None }
}

/// A way for parties at a round table to eat with two forks that each shares with a neighbour (Dijkstra, EWD 310, 1971),
/// without the deadlock that comes of everybody taking the left one first.
///
/// There is a fork between any two; the party at place `i` needs forks `i` and `i + 1`, counted round. Every implementation
/// keeps this contract; the conformance tests try each bullet on each of them (`src/contract/dinner.rs`):
///
/// - **neighbours_never_eat_at_once**: a fork is in one hand;
/// - **those_who_share_no_fork_may_eat_at_once**: not promised by those that let one party eat at a time;
/// - **everybody_eats_as_often_as_it_wants**: however often all of them want to at once.
pub trait Dinner: Sized + Send + 'static {
    /// Why only one party may eat at a time, where that is so.
    const ONE_AT_A_TIME: Option<&'static str> = None;

    /// Whether this setup can run here; by default every one can.
    fn supports(setup: &Setup) -> Support {
        let _ = setup;
        Support::Available
    }

    /// The places at a new table, round it. Each may be moved to a thread.
    fn seats(setup: &Setup) -> io::Result<Vec<Self>>;

    /// Called once, in the party that will sit here, before anything is timed.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Waits in its own way for both forks, and has them while `meal` runs, which may not panic.
    fn eat<R>(&mut self, meal: impl FnOnce() -> R) -> io::Result<R>;
}
