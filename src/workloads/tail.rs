//! `tail`: each party wants the lock at planned times, whatever became of the times before (an open loop); how long it waits is
//! counted from the **planned** time, see `paced`.
//!
//! The intervals are random (exponential, so that arrivals are independent of each other): with equal ones the parties would meet
//! in every turn or in none, as their first ones happened to fall. Each party has a sequence of its own, the same in each order.

use std::io;
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::session::Session;
use ipcmark_harness::sys::memory::Shared;

use super::contended::CROWD;
use super::crowd::{self, Check, Crowd, Part, Tempo, Watch, Work};
use super::guarded::Guarded;
use super::pace::await_time;
use crate::mechanism::{Axes, Point, Rank, Stage, Waiting, Workload};
use crate::shapes::Lock;

pub(super) const fn workload<L: Lock>() -> Workload {
    Workload {
        name: "tail",
        summary: "all parties want it at planned times of their own; how long each waits from the planned time",
        waitings: &[Waiting::Own],
        times_each: true,
        windows_of: Some(crowd::window_of),
        carries_payload: false,
        rank: Rank::Common,
        axes: Axes {
            payload_bytes: &[Point(64, Rank::Headline)],
            parties: &[
                Point(2, Rank::Headline),
                Point(4, Rank::Common),
                Point(8, Rank::Common),
                Point(16, Rank::Rare),
                Point(32, Rank::Rare),
                Point(64, Rank::Rare),
            ],
            rate_per_s: &[Point(1000, Rank::Common), Point(10_000, Rank::Headline), Point(100_000, Rank::Common)],
            hold_ns: &[Point(1000, Rank::Headline)],
            ..CROWD
        },
        supports: |setup| crowd::admits(setup).and(|| L::supports(setup)),
        open: Planner::<L>::open,
    }
}

struct Planner<L> {
    lock: L,
    data: Shared<Guarded>,
    lines: usize,
    hold: Work,
    plan: Plan,
}

/// When a party wants the lock.
struct Plan {
    clock: Clock,
    ticks_between: f64,
    /// Whether it has its CPU to itself.
    apart: bool,
    seed: u64,
    random: fastrand::Rng,
    /// Ticks of the last planned time; none: the first of an order is still to come.
    last: Option<u64>,
}

impl Plan {
    /// Waits for the next planned time, and returns it.
    fn await_next(&mut self) -> u64 {
        let last = self.last.unwrap_or_else(|| self.clock.start());
        // 1 - f64() is never 0.
        let interval = -(1.0 - self.random.f64()).ln() * self.ticks_between;
        let next = last + interval as u64;
        self.last = Some(next);
        await_time(&self.clock, next, self.apart);
        next
    }

    fn begin(&mut self) {
        self.last = None;
        self.random = fastrand::Rng::with_seed(self.seed);
    }
}

impl<L: Lock> Planner<L> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let setup = stage.setup;
        let rate = setup.rate_per_s.filter(|&rate| rate > 0).ok_or_else(|| io::Error::other("a rate must be set"))?;
        let ticks_between = clock.ticks(Duration::from_secs(1)) as f64 / rate as f64;
        let hold = Tempo::take(&clock).work(setup.hold_ns.unwrap_or(0));
        let apart = have_a_cpu_each(stage);
        let (data, lines) = (Guarded::new()?, Guarded::lines_of(setup.payload_bytes));
        let theirs = data.clone();
        let maker = move |(place, mut lock): (usize, L)| {
            let data = theirs.clone();
            move || {
                lock.settle()?;
                let (seed, random) = (place as u64, fastrand::Rng::with_seed(place as u64));
                let plan = Plan { clock, ticks_between, apart, seed, random, last: None };
                Ok(Planner { lock, data, lines, hold, plan })
            }
        };
        let handles = L::handles(&setup)?;
        let kept = handles.first().and_then(L::kept);
        let makers = handles.into_iter().enumerate().map(maker).collect();
        let check: Check = Box::new(move |operations, checked| {
            let _ = &kept;
            data.agrees(operations, lines, checked)
        });
        Crowd::open(stage, clock, makers, check)
    }
}

/// Whether no party shares its CPU with another.
fn have_a_cpu_each(stage: &Stage) -> bool {
    let mut cpus = [&stage.near_cpus[..], &stage.far_cpus[..]].concat();
    cpus.sort_unstable();
    cpus.dedup();
    let cpus = if cpus.is_empty() { crowd::cpus() } else { cpus.len() };
    stage.setup.parties <= cpus
}

impl<L: Lock> Part for Planner<L> {
    const PLANNED: bool = true;

    #[inline(always)]
    fn act<W: Watch>(&mut self, watch: &mut W) -> io::Result<()> {
        let Planner { lock, data, lines, hold, plan } = self;
        watch.was_to_wait_at(plan.await_next());
        lock.with(|| {
            watch.got();
            hold.run();
            data.change(*lines);
        })?;
        watch.keep();
        Ok(())
    }

    fn act_checked(&mut self) -> io::Result<()> {
        self.plan.await_next();
        let data = &self.data;
        self.lock.with(|| data.change_all())?
    }

    fn begin(&mut self) {
        self.plan.begin();
    }
}

#[cfg(test)]
mod tests {
    use ipcmark_harness::histogram::Histogram;

    use super::*;
    use crate::contract::lock_tests::Faulty;
    use crate::contract::transport_tests::SETUP;
    use crate::mechanism::Setup;

    #[test]
    fn the_figure_is_the_mean_wait_from_the_planned_time_whatever_the_rate() {
        let setup = Setup { parties: 2, rate_per_s: Some(1000), hold_ns: Some(1000), ..SETUP };
        let stage = Stage { setup, near_cpus: Vec::new(), far_cpus: Vec::new() };
        let mut session = Planner::<Faulty<0>>::open(&stage, Clock::vdso()).unwrap();
        let mut waits = Histogram::new();
        let sample = session.each(20, &mut waits).unwrap();
        assert_eq!((waits.len(), sample.operations), (sample.covered, sample.covered));
        assert!(sample.facts["delivered_per_s"] > 0.0, "{sample:?}");
        let longest = sample.facts["longest_wait_ns"];
        assert!(sample.elapsed_ns > 0.0 && sample.ns_per_op() <= longest, "{sample:?}");
        assert_eq!(session.verify(20, Duration::from_secs(5)).unwrap().operations, 20);
    }

    #[test]
    fn planned_times_are_never_early_and_a_party_that_is_late_keeps_its_plan() {
        let clock = Clock::vdso();
        let random = fastrand::Rng::with_seed(1);
        let mut plan = Plan { clock, ticks_between: 1000.0, apart: true, seed: 1, random, last: None };
        let first = plan.await_next();
        assert!(clock.start() >= first);
        std::thread::sleep(Duration::from_millis(2));
        let late = (0..100).map(|_| plan.await_next()).last().unwrap();
        // A hundred intervals of a microsecond have passed in the plan, and not the sleep.
        assert!(late - first < 1_000_000, "{} ns", late - first);
        plan.begin();
        let again = plan.await_next();
        assert!(again > late);
    }
}
