//! The contract of [`Operation`], clause by clause, as code that tries it on any implementation.

use std::io;

use ipcmark_harness::clock::Clock;

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::Operation;

/// The clauses of every operation.
pub const fn operation<O: Operation>() -> &'static [Clause] {
    Table::<O>::CLAUSES
}

struct Table<O>(std::marker::PhantomData<O>);

impl<O: Operation> Table<O> {
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "it_is_done_as_often_as_it_is_asked_for", check: done_as_asked::<O> },
        Clause { name: "it_is_timed_as_often_as_it_is_done", check: takes_time::<O> },
    ];
}

/// The smallest memory that is offered: what is promised does not depend on it.
fn smallest<O: Operation>(setup: &Setup) -> Setup {
    Setup { memory_bytes: O::MEMORY_BYTES.iter().map(|point| point.0).min(), ..*setup }
}

fn done_as_asked<O: Operation>(setup: &Setup) -> io::Result<Verdict> {
    let mut operation = O::prepare(&smallest::<O>(setup), &Clock::vdso())?;
    let mut before = operation.counted();
    for turns in [1, 2, 5] {
        operation.repeat(turns)?;
        let (after, asked) = (operation.counted(), turns * O::IN_A_TURN);
        if after - before != asked {
            return broken(format!("{} were counted where {asked} were asked for", after - before));
        }
        before = after;
    }
    Ok(Verdict::Kept)
}

/// Twenty thousand turns at once must not be free: what the optimizer has removed takes no time however often it is asked for.
fn takes_time<O: Operation>(setup: &Setup) -> io::Result<Verdict> {
    let clock = Clock::vdso();
    let mut operation = O::prepare(&smallest::<O>(setup), &clock)?;
    let mut turns = 1;
    loop {
        let start = clock.start();
        operation.repeat(turns)?;
        let ns = clock.ns_between(start, clock.end());
        if ns > 1000.0 + 20.0 * clock.cost_ns {
            return Ok(Verdict::Kept);
        }
        if turns > 1 << 24 {
            return broken(format!("{turns} turns took {ns} ns"));
        }
        turns *= 4;
    }
}
