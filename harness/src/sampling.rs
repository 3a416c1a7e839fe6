//! What one launch of a cell measures, in which order, and how long that takes.
//!
//! 1. A warm-up window, which also tells what an operation costs here.
//! 2. Batches of equal length: the central value comes from these.
//! 3. Where an operation takes at least [`EACH_FLOOR`] clock readings, each operation by itself: tails come from these.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Clock;
use crate::control::Failure;
use crate::histogram::Histogram;
use crate::launch::Worker;
use crate::record::Launch;
use crate::session::Sample;

/// Below so many clock readings an operation is not timed by itself: the reading would be over 5 % of the figure.
pub const EACH_FLOOR: f64 = 20.0;

/// How much is measured in one launch.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Effort {
    /// The warm-up window.
    pub warm_up: Duration,
    /// The length of one batch, if operations are shorter than that.
    pub batch: Duration,
    /// How many batches.
    pub batches: u32,
    /// How long single operations are timed, all together.
    pub each: Duration,
}

/// What starting and ending a worker costs on the machines we know; only for estimates of time.
const WORKER_LIFE: Duration = Duration::from_millis(12);

/// Until all parties of a window are at work, and the near end has looked; the same.
const BEGINNING: Duration = Duration::from_millis(3);

/// Slow operations: at least so many are timed by themselves in a launch.
const FEWEST_EACH: u64 = 10;
/// Slow operations: at least so many batches, however long each takes.
const FEWEST_BATCHES: u32 = 5;

impl Effort {
    /// How many batches of this length: fewer where one operation alone takes longer than a batch should.
    fn batches_of(&self, batch: Duration) -> u32 {
        if batch <= self.batch * 2 {
            return self.batches;
        }
        let fitting = (self.batch * self.batches).as_nanos() / batch.as_nanos().max(1);
        u32::try_from(fitting).unwrap_or(self.batches).clamp(FEWEST_BATCHES, self.batches)
    }

    /// About how long one launch takes, where a turn (an operation with its idle time) takes about so long.
    pub fn expected(&self, offers_each: bool, turn: Duration) -> Duration {
        let batch = self.batch.max(turn);
        let each = if offers_each { self.each.max(turn * FEWEST_EACH as u32) } else { Duration::ZERO };
        WORKER_LIFE + self.warm_up.max(turn) + batch * self.batches_of(batch) + each
    }
}

impl Effort {
    /// The same where windows of this length are measured instead of batches.
    pub fn expected_of_windows(&self, window: Duration) -> Duration {
        let windows = window * self.batches + self.each.max(window);
        WORKER_LIFE + self.warm_up + windows + BEGINNING * (self.batches + 2)
    }
}

/// Whether single operations are timed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Each {
    /// If they take long enough: the question is settled in the first launch of a cell.
    IfLongEnough,
    /// As in the launches before, whatever an operation takes in this one: only the slow launches would have tails else.
    AsBefore {
        /// Whether they were.
        timed: bool,
    },
}

/// What one launch measured.
#[derive(Clone, Debug)]
pub struct LaunchResult {
    /// The batches.
    pub launch: Launch,
    /// The latencies of single operations, or why there are none.
    pub histogram: Result<Histogram, String>,
}

/// Measures one launch in a worker that has just been opened.
pub fn measure(worker: &mut Worker, effort: &Effort, clock: &Clock, each: Each) -> Result<LaunchResult, Failure> {
    let warm_up = worker.window(effort.warm_up)?;
    let pace = Pace { op_ns: warm_up.ns_per_op().max(0.01), turn_ns: warm_up.wall_ns_per_op().max(0.01) };
    let mut launch = Launch::default();
    match worker.window_of {
        Some(window) => {
            for _ in 0..effort.batches {
                add(&mut launch, &worker.window(window)?);
            }
        }
        None => {
            let iterations = pace.iterations(effort.batch);
            let expected = Duration::from_nanos((pace.turn_ns * iterations as f64) as u64);
            for _ in 0..effort.batches_of(expected) {
                add(&mut launch, &worker.batch(iterations, expected)?);
            }
        }
    }
    let timed = match each {
        Each::IfLongEnough => measure_each(worker, effort, clock, pace)?,
        Each::AsBefore { timed: true } => Ok(time_each(worker, effort, pace)?),
        Each::AsBefore { timed: false } => Err("as in the launches before".into()),
    };
    let histogram = timed.map(|(facts, histogram)| {
        launch.facts.extend(facts);
        histogram
    });
    Ok(LaunchResult { launch, histogram })
}

/// How long an operation takes.
#[derive(Copy, Clone, Debug)]
pub struct Pace {
    /// The operation itself, in nanoseconds.
    pub op_ns: f64,
    /// With the idle time that belongs to it, in nanoseconds.
    pub turn_ns: f64,
}

impl Pace {
    /// What a batch shows.
    pub fn of(sample: &Sample) -> Pace {
        Pace { op_ns: sample.ns_per_op(), turn_ns: sample.wall_ns_per_op() }
    }

    /// How many fit, at least one.
    fn iterations(self, duration: Duration) -> u64 {
        (duration.as_nanos() as f64 / self.turn_ns).clamp(1.0, 1e12) as u64
    }
}

/// What was seen while single operations were timed, and their latencies.
pub type Timed = (BTreeMap<String, f64>, Histogram);

/// The latencies of single operations, or why they are not taken.
pub fn measure_each(
    worker: &mut Worker,
    effort: &Effort,
    clock: &Clock,
    pace: Pace,
) -> Result<Result<Timed, String>, Failure> {
    let op_ns = pace.op_ns;
    if !worker.offers_each {
        return Ok(Err("an operation of this workload has no latency of its own".into()));
    }
    if worker.each_wants_long_operations && op_ns < EACH_FLOOR * clock.cost_ns {
        let why = format!(
            "an operation of {op_ns:.1} ns is shorter than {EACH_FLOOR} clock readings of {:.1} ns: only batches are timed",
            clock.cost_ns
        );
        return Ok(Err(why));
    }
    time_each(worker, effort, pace).map(Ok)
}

fn time_each(worker: &mut Worker, effort: &Effort, pace: Pace) -> Result<Timed, Failure> {
    let iterations = pace.iterations(effort.each).max(FEWEST_EACH);
    let expected = Duration::from_nanos((pace.turn_ns * iterations as f64) as u64);
    worker.each(iterations, expected).map(|(sample, histogram)| (sample.facts, histogram))
}

/// What a record says of samples that were not kept, if there were any.
pub fn discarded_note(samples: u64) -> Option<String> {
    let why = "the worker or a peer was stopped meanwhile (SIGSTOP, SIGTSTP), or the machine suspended";
    (samples > 0).then(|| format!("samples discarded and taken again: {samples}; {why}"))
}

/// Adds a batch to what a launch has measured.
pub fn add(launch: &mut Launch, sample: &Sample) {
    let first = launch.batches_ns.is_empty();
    launch.near = if first { sample.near } else { launch.near.plus(&sample.near) };
    launch.far = if first { sample.far } else { launch.far.plus(&sample.far) };
    launch.batches_ns.push(sample.ns_per_op());
    launch.operations += sample.covered;
    launch.facts.extend(sample.facts.clone());
    launch.shares.resize(sample.shares.len(), 0);
    launch.shares.iter_mut().zip(&sample.shares).for_each(|(total, share)| *total += share);
}
