//! The contract of [`Operation`], clause by clause, as code that tries it on any implementation.

use std::io;

use ipcmark_harness::clock::Clock;

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::{Operation, least_memory};

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

fn done_as_asked<O: Operation>(setup: &Setup) -> io::Result<Verdict> {
    let mut operation = O::prepare(&least_memory::<O>(setup), &Clock::vdso())?;
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

/// Sixteen million turns at once must not be free: what the optimizer has removed takes no time however often it is asked for.
fn takes_time<O: Operation>(setup: &Setup) -> io::Result<Verdict> {
    let clock = Clock::vdso();
    let mut operation = O::prepare(&least_memory::<O>(setup), &clock)?;
    let mut turns = 1;
    loop {
        // The shortest of several: whoever is off the CPU meanwhile takes time, too.
        let mut ns = f64::MAX;
        for _ in 0..5 {
            let start = clock.start();
            operation.repeat(turns)?;
            ns = ns.min(clock.ns_between(start, clock.end()));
        }
        if ns > 1000.0 + 20.0 * clock.cost_ns {
            return Ok(Verdict::Kept);
        }
        if turns > 1 << 24 {
            return broken(format!("{turns} turns took {ns} ns"));
        }
        turns *= 4;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::hint::black_box;

    use super::*;
    use crate::contract::transport_tests::kept;
    use crate::shapes::Deed;

    /// Does every other one.
    pub(crate) const LAZY: u8 = 1;
    /// Does all at once, however many.
    const AT_ONCE: u8 = 2;

    /// Counts, with this fault; 0: none.
    pub(crate) struct Faulty<const FAULT: u8> {
        asked: u64,
        done: u64,
    }

    impl<const FAULT: u8> Operation for Faulty<FAULT> {
        const DEED: Deed = Deed { name: "count", summary: "one more" };

        fn prepare(_: &Setup, _: &Clock) -> io::Result<Self> {
            Ok(Faulty { asked: 0, done: 0 })
        }

        fn repeat(&mut self, turns: u64) -> io::Result<()> {
            if FAULT == AT_ONCE {
                self.done += turns;
                return Ok(());
            }
            for _ in 0..turns {
                self.asked = black_box(self.asked + 1);
                self.done += u64::from(FAULT != LAZY || self.asked.is_multiple_of(2));
            }
            Ok(())
        }

        fn counted(&mut self) -> u64 {
            self.done
        }
    }

    #[test]
    fn each_fault_breaks_its_clause() {
        assert_eq!(kept(operation::<Faulty<0>>()), [true, true]);
        assert_eq!(kept(operation::<Faulty<LAZY>>()), [false, true]);
        assert_eq!(kept(operation::<Faulty<AT_ONCE>>()), [true, false]);
    }
}
