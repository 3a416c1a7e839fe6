//! What one party does by itself: the session of every [`Operation`].

use std::io;
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::parties::{Extent, Parties, Span};
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::sys::signals::restore_default;
use ipcmark_harness::usage::Usage;
use nix::sys::signal::Signal;

use super::ALONE;
use super::pace::{Pace, until};
use crate::mechanism::{Axes, Rank, Stage, Waiting, Workload};
use crate::shapes::Operation;

pub(super) const fn workload<O: Operation>() -> Workload {
    Workload {
        name: O::DEED.name,
        summary: O::DEED.summary,
        waitings: &[Waiting::Own],
        times_each: true,
        windows_of: None,
        carries_payload: false,
        rank: Rank::Headline,
        axes: Axes { memory_bytes: O::MEMORY_BYTES, ..ALONE },
        supports: O::supports,
        open: |stage, clock| Repeated::<O>::open(stage, clock),
    }
}

struct Repeated<O> {
    operation: O,
    parties: Parties,
}

impl<O: Operation> Repeated<O> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        // Pinned before anything is made that inherits it.
        let parties = Parties::new(clock, &stage.near_cpus)?;
        // There is no peer to watch, and a handler would run at the end of each child.
        restore_default(Signal::SIGCHLD)?;
        Ok(Box::new(Repeated { operation: O::prepare(&stage.setup, &clock)?, parties }))
    }

    /// One order, counted where it is done. `work` returns the turns it took.
    fn order(
        &mut self,
        extent: Extent,
        work: impl FnOnce(&mut O, &Clock) -> io::Result<(u64, u64, u64)>,
    ) -> io::Result<Sample> {
        let Repeated { operation, parties } = self;
        let counted = operation.counted();
        let others = Usage::of_others();
        let mut sample = parties.run(extent, false, |clock, _| {
            let (start, end, turns) = work(operation, clock)?;
            Ok(Span { start, end, ends_at_far: false, operations: turns * O::IN_A_TURN })
        })?;
        // Nobody else stands at the gate: what children and other threads spent is the far side's.
        sample.far = Usage::of_others().since(&others);
        sample.facts = operation.facts();
        match operation.counted() - counted {
            done if done == sample.operations => Ok(sample),
            done => Err(Mismatch::error(format!("{} operations were timed and {done} were done", sample.operations))),
        }
    }
}

impl<O: Operation> Session for Repeated<O> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        let turns = iterations.div_ceil(O::IN_A_TURN);
        self.order(Extent::Count(iterations), |operation, clock| {
            let start = clock.start();
            operation.repeat(turns)?;
            Ok((start, clock.end(), turns))
        })
    }

    fn offers_each(&self) -> bool {
        // A turn of several operations has no latency of one of them.
        O::IN_A_TURN == 1
    }

    fn each(&mut self, iterations: u64, latencies: &mut Histogram) -> io::Result<Sample> {
        self.order(Extent::Count(iterations), |operation, clock| {
            let first = clock.start();
            for _ in 0..iterations {
                let start = clock.start();
                operation.repeat(1)?;
                latencies.record(clock.ns_between(start, clock.end()) as u64);
            }
            Ok((first, clock.end(), iterations))
        })
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.order(Extent::Open, |operation, clock| {
            let start = clock.start();
            let (mut pace, mut turns) = (Pace::new(clock, start, duration), 0);
            loop {
                operation.repeat(pace.chunk)?;
                turns += pace.chunk;
                if pace.is_over(clock) {
                    return Ok((start, clock.end(), turns));
                }
            }
        })
    }

    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let operations = until(iterations, duration, |_| Ok(self.batch(1)?.operations))?;
        Ok(Verified { operations, bytes: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::operation::tests::{Faulty, LAZY};
    use crate::contract::transport_tests::SETUP;

    fn session<const FAULT: u8>() -> Box<dyn Session> {
        let stage = Stage { setup: SETUP, near_cpus: Vec::new(), far_cpus: Vec::new() };
        Repeated::<Faulty<FAULT>>::open(&stage, Clock::vdso()).unwrap()
    }

    #[test]
    fn what_was_not_done_fails_every_timed_order() {
        let error = session::<LAZY>().batch(100).unwrap_err().to_string();
        assert!(error.contains("100 operations were timed and 50 were done"), "{error}");
        assert!(session::<LAZY>().window(Duration::from_millis(1)).is_err());
        assert!(session::<LAZY>().verify(10, Duration::MAX).is_err());
    }

    #[test]
    fn what_was_done_is_counted() {
        let mut session = session::<0>();
        assert_eq!(session.batch(100).unwrap().operations, 100);
        assert!(session.window(Duration::from_millis(1)).unwrap().operations > 0);
        assert_eq!(session.verify(30, Duration::from_secs(5)).unwrap().operations, 30);
    }
}
