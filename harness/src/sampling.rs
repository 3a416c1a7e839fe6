//! What one launch of a cell measures, in which order, and how long that takes.
//!
//! 1. A warm-up window, which also tells what an operation costs here.
//! 2. Batches of equal length: the central value comes from these.
//! 3. Where an operation takes at least [`EACH_FLOOR`] clock readings, each operation by itself: tails come from these.

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

impl Effort {
    /// About how long one launch takes, where an operation is short against a batch.
    pub fn expected(&self, offers_each: bool) -> Duration {
        let each = if offers_each { self.each } else { Duration::ZERO };
        WORKER_LIFE + self.warm_up + self.batch * self.batches + each
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
    let op_ns = warm_up.ns_per_op().max(0.01);
    let iterations = (effort.batch.as_nanos() as f64 / op_ns).clamp(1.0, 1e12) as u64;
    let expected = Duration::from_nanos((op_ns * iterations as f64) as u64);
    let mut launch = Launch::default();
    for _ in 0..effort.batches {
        add(&mut launch, &worker.batch(iterations, expected)?);
    }
    let histogram = match each {
        Each::IfLongEnough => measure_each(worker, effort, clock, op_ns)?,
        Each::AsBefore { timed: true } => Ok(time_each(worker, effort, op_ns)?),
        Each::AsBefore { timed: false } => Err("as in the launches before".into()),
    };
    Ok(LaunchResult { launch, histogram })
}

/// The latencies of single operations, or why they are not taken.
pub fn measure_each(
    worker: &mut Worker,
    effort: &Effort,
    clock: &Clock,
    op_ns: f64,
) -> Result<Result<Histogram, String>, Failure> {
    if !worker.offers_each {
        return Ok(Err("an operation of this workload has no latency of its own".into()));
    }
    if op_ns < EACH_FLOOR * clock.cost_ns {
        let why = format!(
            "an operation of {op_ns:.1} ns is shorter than {EACH_FLOOR} clock readings of {:.1} ns: only batches are timed",
            clock.cost_ns
        );
        return Ok(Err(why));
    }
    time_each(worker, effort, op_ns).map(Ok)
}

fn time_each(worker: &mut Worker, effort: &Effort, op_ns: f64) -> Result<Histogram, Failure> {
    let iterations = (effort.each.as_nanos() as f64 / op_ns).clamp(1.0, 1e9) as u64;
    worker.each(iterations, effort.each).map(|(_, histogram)| histogram)
}

/// Adds a batch to what a launch has measured.
pub fn add(launch: &mut Launch, sample: &Sample) {
    let first = launch.batches_ns.is_empty();
    launch.near = if first { sample.near } else { launch.near.plus(&sample.near) };
    launch.far = if first { sample.far } else { launch.far.plus(&sample.far) };
    launch.batches_ns.push(sample.ns_per_op());
    launch.operations += sample.operations;
}
