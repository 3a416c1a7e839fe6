//! [`Busy`]: work that wants nothing but a CPU.

use crate::mechanism::Shape;
use crate::{contract, workloads};

/// All that is measured of such work, and all that it promises.
pub const fn busy<B: Busy>() -> Shape {
    Shape { workloads: workloads::busy::<B>(), contract: contract::busy::<B>(), observe: None }
}

/// Work in small units, each of which takes as long as any other, and whose result tells how much was done.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them (`src/contract/busy.rs`):
///
/// - **work_adds_up**: in however many parts it is done;
/// - **work_that_was_not_done_shows**: one unit too few or too many does not go unnoticed.
pub trait Busy: Sized + Send + 'static {
    /// Work of which nothing is done.
    fn new() -> Self;

    /// Does so many units.
    fn work(&mut self, units: u64);

    /// Whether it is the result of exactly so many units, found out without doing them.
    fn is_result_of(&self, units: u64) -> bool;
}
