//! [`Operation`]: something that one party does again and again, by itself.

use std::collections::BTreeMap;
use std::io;

use ipcmark_harness::clock::Clock;

use crate::mechanism::{Point, Setup, Shape, Support};
use crate::{contract, workloads};

/// All that is measured of an operation, and all that it promises.
pub const fn operation<O: Operation>() -> Shape {
    Shape { workloads: workloads::operation::<O>(), contract: contract::operation::<O>(), observe: None }
}

/// Something that one party does again and again, and that whoever it is done to counts.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them (`src/contract/operation.rs`):
///
/// - **it_is_done_as_often_as_it_is_asked_for**: as whoever it is done to counts it;
/// - **it_is_timed_as_often_as_it_is_done**: no operation costs nothing.
pub trait Operation: Sized + 'static {
    /// What is done, which is the name of the workload.
    const DEED: Deed;
    /// Operations that one turn of [`repeat`](Operation::repeat) is: a coroutine resumed and left is two switches.
    const IN_A_TURN: u64 = 1;
    /// Memory that there is, or that it is about, in bytes; empty: it makes no difference.
    const MEMORY_BYTES: &'static [Point<usize>] = &[];

    /// What it takes; never inside the clock.
    fn prepare(setup: &Setup, clock: &Clock) -> io::Result<Self>;

    /// So many turns: the measured loop.
    fn repeat(&mut self, turns: u64) -> io::Result<()>;

    /// Operations since it was prepared, counted where they are done.
    fn counted(&mut self) -> u64;

    /// What else was seen since the last call, units in the names.
    fn facts(&mut self) -> BTreeMap<String, f64> {
        BTreeMap::new()
    }

    /// Whether this setup can run here.
    fn supports(setup: &Setup) -> Support {
        let _ = setup;
        Support::Available
    }
}

/// The setup with the least memory that is offered: what is promised does not depend on it.
pub(crate) fn least_memory<O: Operation>(setup: &Setup) -> Setup {
    Setup { memory_bytes: O::MEMORY_BYTES.iter().map(|point| point.0).min(), ..*setup }
}

/// What is done.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// The workload's name.
    pub name: &'static str,
    /// One line: what one operation is.
    pub summary: &'static str,
}

impl Deed {
    /// One task stops and another runs, without the kernel.
    pub const RESUME: Deed = Deed {
        name: "resume",
        summary: "one task stops and another runs in its place, without the kernel: half of there and back",
    };
    /// A task comes and goes.
    pub const SPAWN: Deed = Deed { name: "spawn", summary: "a task is made, runs and says so, ends, and is reaped" };
    /// A job for a task that lives.
    pub const DISPATCH: Deed = Deed {
        name: "dispatch",
        summary: "a job is handed to a thread of a pool, done there, and its end is waited for",
    };
}
