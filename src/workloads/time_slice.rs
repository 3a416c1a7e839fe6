//! `time-slice`: what is left of a CPU when two tasks that want all of it must take turns.
//!
//! Near and far end share a CPU. Each works for a quantum of calibrated work, lets the other go on, and sleeps until the other
//! does the same, by a count in shared memory and futex(2): a switch at the end of each quantum, whatever the scheduler would
//! do. One operation is a microsecond's work by either, so what the switches cost is what is above 1000 ns. Beside it, at once after each batch,
//! the near end does as much work alone: `useful_share` is what work got of the CPU, as a part of that.
//!
//! The kernel counts the switches of both. Too few fail the cell: then somebody did not leave. More are no fault: a task that was
//! preempted by the one it woke goes to sleep only when it runs again, which in a long quantum is at the scheduler's tick.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::session::{Sample, Session, Verified};

use super::ALONE;
use super::pace::until;
use crate::mechanism::{Axes, Point, Rank, Stage, Support, Waiting, Workload};
use crate::shapes::Busy;
use crate::turn::Turns;

pub(super) const fn workload<B: Busy>() -> Workload {
    Workload {
        name: "time-slice",
        summary: "a microsecond's work by either of two tasks on one CPU that must leave it at the end of each quantum",
        waitings: &[Waiting::Own],
        times_each: false,
        windows_of: None,
        carries_payload: false,
        rank: Rank::Common,
        axes: Axes {
            parties: &[Point(2, Rank::Headline)],
            quantum_ns: &[
                Point(10_000, Rank::Headline),
                Point(100_000, Rank::Headline),
                Point(1_000_000, Rank::Headline),
                Point(10_000_000, Rank::Headline),
                // A launch takes seconds.
                Point(100_000_000, Rank::Rare),
            ],
            ..ALONE
        },
        supports: |_| Support::Available,
        open: Slices::<B>::open,
    }
}

/// The work of one operation takes so long, where nobody else is there.
pub(super) const OPERATION_NS: u64 = 1000;

/// Tries of a calibration, and the units of one: half a millisecond together. The fastest counts, since others only slow it down.
const TRIES: usize = 7;
const TRY_UNITS: u64 = 1 << 16;

/// How many units take so long.
pub(super) fn units_of<B: Busy>(clock: &Clock, ns: u64) -> u64 {
    let mut work = B::new();
    let ns_of_try = |_| {
        let start = clock.start();
        work.work(TRY_UNITS);
        clock.ns_between(start, clock.end())
    };
    let fastest = (0..TRIES).map(ns_of_try).fold(f64::MAX, f64::min).max(1.0);
    ((TRY_UNITS as f64 * ns as f64 / fastest).round() as u64).max(1)
}

/// One task.
/// Rounds of a checked order, after which the time is looked at.
const CHECKED_AT_ONCE: u64 = 100;

struct Task<B> {
    work: B,
    /// Of a quantum.
    units: u64,
    done: u64,
}

impl<B: Busy> Task<B> {
    #[inline(always)]
    fn work(&mut self, units: u64) {
        self.work.work(units);
        self.done += units;
    }

    fn look(&self) -> io::Result<()> {
        if self.work.is_result_of(self.done) {
            return Ok(());
        }
        Err(Mismatch::error(format!("the result is not that of {} units of work", self.done)))
    }
}

struct Slices<B> {
    task: Task<B>,
    to_far: Turns,
    from_far: Turns,
    /// Operations of a quantum.
    quantum: u64,
    parties: Parties,
    clock: Clock,
}

struct Other<B> {
    task: Task<B>,
    from_near: Turns,
    to_near: Turns,
}

/// The most that the near end does alone after a batch, in operations.
const MOST_ALONE: u64 = 10_000;

impl<B: Busy> Slices<B> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let mut parties = Parties::new(clock, &stage.near_cpus)?;
        let quantum = (stage.setup.quantum_ns.unwrap_or(OPERATION_NS) / OPERATION_NS).max(1);
        let units = units_of::<B>(&clock, quantum * OPERATION_NS);
        let (to_far, from_near) = Turns::new(Waiting::Block)?;
        let (to_near, from_far) = Turns::new(Waiting::Block)?;
        let task = move || Task { work: B::new(), units, done: 0 };
        let far = move || Ok(Other { task: task(), from_near, to_near });
        parties.start(stage.setup.peer, stage.cpus_of_peer(0), (), far)?;
        Ok(Box::new(Slices { task: task(), to_far, from_far, quantum, parties, clock }))
    }

    /// So many quanta of each.
    fn rounds(&mut self, rounds: u64) -> io::Result<Sample> {
        let Slices { task, to_far, from_far, quantum, parties, .. } = self;
        let operations = 2 * rounds * *quantum;
        let mut sample = parties.run(Extent::Count(rounds), false, |clock, _| {
            let start = clock.start();
            for _ in 0..rounds {
                task.work(task.units);
                to_far.give();
                from_far.take();
            }
            Ok(Span { start, end: clock.end(), ends_at_far: false, operations })
        })?;
        task.look()?;
        count_switches(&mut sample, rounds)?;
        self.compare(&mut sample);
        Ok(sample)
    }

    /// With the same work by one alone.
    fn compare(&mut self, sample: &mut Sample) {
        let operations = sample.operations.min(MOST_ALONE);
        let units = (self.task.units as f64 / self.quantum as f64 * operations as f64).round() as u64;
        let start = self.clock.start();
        self.task.work(units);
        let alone_ns = self.clock.ns_between(start, self.clock.end()) / operations as f64;
        sample.facts.insert("alone_ns".into(), alone_ns);
        sample.facts.insert("useful_share".into(), alone_ns / sample.ns_per_op());
    }

    fn rounds_of(&self, operations: u64) -> u64 {
        operations.div_ceil(2 * self.quantum).max(1)
    }
}

/// Each round has two; the last is not over when the far end looks at its count.
fn count_switches(sample: &mut Sample, rounds: u64) -> io::Result<()> {
    let switches = [&sample.near, &sample.far].map(|usage| usage.voluntary_switches + usage.involuntary_switches);
    let counted: u64 = switches.iter().sum();
    sample.facts.insert("switches_per_quantum".into(), counted as f64 / (2 * rounds) as f64);
    let forced = 2 * rounds - 1;
    if counted as f64 >= 0.98 * forced as f64 {
        return Ok(());
    }
    Err(Mismatch::error(format!("{forced} switches were forced, and the kernel counted {counted}")))
}

impl<B: Busy> Far for Other<B> {
    fn serve(&mut self, limit: &AtomicU64, _: bool) -> io::Result<u64> {
        // Relaxed: it does not move.
        let rounds = limit.load(Ordering::Relaxed);
        for _ in 0..rounds {
            self.from_near.take();
            self.task.work(self.task.units);
            self.to_near.give();
        }
        self.task.look()?;
        Ok(rounds)
    }
}

impl<B: Busy> Session for Slices<B> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        self.rounds(self.rounds_of(iterations))
    }

    /// As long as the rounds take that fit: each has a known length.
    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.rounds(self.rounds_of(duration.as_nanos() as u64 / OPERATION_NS))
    }

    /// That all work was done and all switches were made, as in each order.
    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let operations = until(iterations, duration, |left| {
            let rounds = self.rounds_of(left).min(CHECKED_AT_ONCE);
            self.rounds(rounds)?;
            Ok(rounds * 2 * self.quantum)
        })?;
        Ok(Verified { operations: operations.min(iterations), bytes: 0 })
    }
}

#[cfg(test)]
mod tests {
    use ipcmark_harness::parties::PeerKind;
    use ipcmark_harness::placement::{Placement, Topology};

    use super::*;
    use crate::contract::busy::tests::{Faulty, LAZY};
    use crate::mechanism::Setup;

    fn session<B: Busy>() -> Box<dyn Session> {
        let setup =
            Setup { quantum_ns: Some(10_000), ..Setup::new(PeerKind::Thread, Placement::SameCpu, Waiting::Own, 0) };
        let cpu = Topology::of_this_machine().allowed()[..1].to_vec();
        Slices::<B>::open(&Stage { setup, near_cpus: cpu.clone(), far_cpus: cpu }, Clock::vdso()).unwrap()
    }

    #[test]
    fn every_quantum_ends_in_a_switch_and_all_work_is_done() {
        let mut session = session::<Faulty<0>>();
        let sample = session.batch(1000).unwrap();
        assert_eq!((sample.operations, &sample.per_party[..]), (1000, &[1000, 50][..]));
        assert!(sample.facts["switches_per_quantum"] >= 0.98 && sample.facts["useful_share"] > 0.0, "{sample:?}");
        assert_eq!(session.verify(30, Duration::from_secs(5)).unwrap().operations, 30);
    }

    #[test]
    fn work_that_was_not_done_fails_a_timed_batch() {
        let mut task = Task { work: Faulty::<LAZY>::new(), units: 10, done: 0 };
        task.work(10);
        assert!(task.look().is_err());
    }

    #[test]
    fn a_switch_that_did_not_happen_fails_a_timed_batch() {
        let mut session = session::<Faulty<0>>();
        let mut sample = session.batch(1000).unwrap();
        let error = count_switches(&mut sample, 5000).unwrap_err().to_string();
        assert!(error.contains("9999 switches were forced"), "{error}");
        std::mem::forget(session);
    }
}
