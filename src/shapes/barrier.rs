//! [`Barrier`]: nobody goes on before all have come.

use std::io;

use crate::mechanism::{Setup, Shape, Support};
use crate::{contract, workloads};

/// All that is measured of a barrier, and all that it promises.
pub const fn barrier<B: Barrier>() -> Shape {
    Shape { workloads: workloads::barrier::<B>(), contract: contract::barrier::<B>(), observe: None }
}

/// A point that a fixed number of parties passes together, round after round, each with a handle of its own.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them
/// (`src/contract/barrier.rs`):
///
/// - **nobody_passes_before_all_have_arrived**: however late the last one is;
/// - **it_serves_round_after_round**: who comes back early waits for those who have not left yet;
/// - **no_barrier_is_left_by_name**: whatever names were used are gone once the handles exist.
///
/// `drop` releases what this process holds and must leave what is shared untouched: it runs in forked copies too.
pub trait Barrier: Sized + Send + 'static {
    /// Whether this setup can run here; by default every one can.
    fn supports(setup: &Setup) -> Support {
        let _ = setup;
        Support::Available
    }

    /// A handle for each party on one new barrier. Each may be moved to a forked process or a thread.
    fn handles(setup: &Setup) -> io::Result<Vec<Self>>;

    /// Called once, in the party that will use this handle, before anything is timed.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Says that this party is here, and waits in its own way until all are. What they wrote before is visible then.
    fn arrive(&mut self) -> io::Result<()>;
}
