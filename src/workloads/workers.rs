//! `workers`: so many workers that want nothing but a CPU, one to four for each; one operation is a microsecond's work.

use std::io;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::session::Session;

use super::contended::CROWD;
use super::crowd::{self, Crowd, Part, Watch};
use super::time_slice::{OPERATION_NS, units_of};
use crate::mechanism::{Axes, Point, Rank, Stage, Waiting, Workload};
use crate::shapes::Busy;

pub(super) const fn workload<B: Busy>() -> Workload {
    Workload {
        name: "workers",
        summary: "a microsecond's work by any of several workers that want nothing but a CPU; and how long each took",
        waitings: &[Waiting::Own],
        times_each: true,
        windows_of: Some(crowd::window_of),
        carries_payload: false,
        rank: Rank::Common,
        axes: Axes { payload_bytes: super::NO_PAYLOAD, parties: PARTIES, ..CROWD },
        supports: crowd::admits,
        open: Worker::<B>::open,
    }
}

/// From one to four a CPU, on machines up to eight.
const PARTIES: &[Point<usize>] = &[
    Point(1, Rank::Headline),
    Point(2, Rank::Headline),
    Point(4, Rank::Headline),
    Point(8, Rank::Headline),
    Point(16, Rank::Headline),
    Point(32, Rank::Headline),
];

struct Worker<B> {
    work: B,
    /// Of one operation.
    units: u64,
    done: u64,
}

/// Operations between two looks at the result: seldom enough not to be measured.
const EVERY: u64 = 1024;

impl<B: Busy> Worker<B> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let units = units_of::<B>(&clock, OPERATION_NS);
        let maker = |_| move || Ok(Worker { work: B::new(), units, done: 0 });
        let makers = (0..stage.setup.parties).map(maker).collect();
        Crowd::open(stage, clock, makers, Box::new(|_, _| Ok(())))
    }

    #[inline(always)]
    fn operate(&mut self) {
        self.work.work(self.units);
        self.done += self.units;
    }

    #[cold]
    fn look(&self) -> io::Result<()> {
        if self.work.is_result_of(self.done) {
            return Ok(());
        }
        Err(Mismatch::error(format!("the result is not that of {} units of work", self.done)))
    }
}

impl<B: Busy> Part for Worker<B> {
    #[inline(always)]
    fn act<W: Watch>(&mut self, watch: &mut W) -> io::Result<()> {
        watch.waits();
        self.operate();
        watch.got();
        watch.keep();
        if (self.done / self.units).is_multiple_of(EVERY) { self.look() } else { Ok(()) }
    }

    fn act_checked(&mut self) -> io::Result<()> {
        self.operate();
        self.look()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::busy::tests::{Faulty, LAZY};
    use crate::workloads::crowd::Unwatched;

    fn worker<const FAULT: u8>() -> Worker<Faulty<FAULT>> {
        Worker { work: Faulty::new(), units: 10, done: 0 }
    }

    #[test]
    fn work_that_was_not_done_fails_a_checked_and_a_timed_order() {
        assert!(worker::<LAZY>().act_checked().is_err());
        let mut lazy = worker::<LAZY>();
        let first = (1..=EVERY).find(|_| lazy.act(&mut Unwatched).is_err());
        assert_eq!(first, Some(EVERY));
        let mut diligent = worker::<0>();
        assert!((0..2 * EVERY).all(|_| diligent.act(&mut Unwatched).is_ok()) && diligent.act_checked().is_ok());
    }
}
