//! What one launch of a cell measures, in which order, and how long that takes.
//!
//! 1. A window of a millisecond, which tells what an operation costs here.
//! 2. Batches of about 2 ms until they are steady ([`crate::steady`]), within bounds: the central value is the median of the
//!    steady ones. The first launch of a cell looks for long ([`Effort::first_launch`]); the others are given the time that this
//!    one took to settle, and some batches more ([`Effort::steady`]), and go on where these are not steady.
//! 3. Where an operation takes at least [`EACH_FLOOR`] clock readings, each operation by itself: tails come from these.
//!
//! The first 20 ms are kept apart: they are what a burst sees.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Clock;
use crate::control::{Failure, FailureKind};
use crate::estimate::median;
use crate::histogram::Histogram;
use crate::launch::Worker;
use crate::record::{Launch, LaunchContext, facts};
use crate::session::Sample;
use crate::steady::{self, Settled};

/// Below so many clock readings an operation is not timed by itself: the reading would be over 5 % of the figure.
pub const EACH_FLOOR: f64 = 20.0;

/// How much is measured in one launch.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Effort {
    /// The length of one batch, if operations are shorter than that.
    pub batch: Duration,
    /// The first launch of a cell measures batches for at least so long: what settles later is taken for steady.
    pub first_launch: Duration,
    /// The others measure at least so long after they have settled.
    pub steady: Duration,
    /// No launch measures batches for longer: what is not steady then is said not to be.
    pub cap: Duration,
    /// How long single operations are timed, all together.
    pub each: Duration,
}

/// What starting and ending a worker costs on the machines we know; only for estimates of time.
const WORKER_LIFE: Duration = Duration::from_millis(12);
/// How long it is looked what an operation costs.
const LOOK: Duration = Duration::from_millis(1);
/// What [`LaunchContext::first_ns`] covers.
const FIRST: Duration = Duration::from_millis(20);
/// How much longer a launch goes on that is not steady, before it is judged again.
const FURTHER: u32 = 2;

/// Slow operations: at least so many are timed by themselves in a launch.
const FEWEST_EACH: u64 = 10;
/// Slow operations: at least so many batches, however long each takes.
const FEWEST_BATCHES: u32 = 5;

impl Effort {
    /// About how long one launch takes, where one batch or window at least takes so long, and single operations, if they are timed.
    pub fn expected(&self, earlier: &Earlier, batch: Duration, each: Option<Duration>) -> Duration {
        let batches = self.least(earlier).max(batch * FEWEST_BATCHES);
        let each = each.map_or(Duration::ZERO, |turn| self.each.max(turn * FEWEST_EACH as u32));
        WORKER_LIFE + LOOK.max(batch / 2) + batches + each
    }

    /// How long batches are measured before they are judged.
    fn least(&self, earlier: &Earlier) -> Duration {
        let settled = earlier.settled_after.map(|after| (after + self.steady).min(self.cap));
        settled.unwrap_or(self.first_launch)
    }
}

/// What earlier launches of the cell have shown.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// How long the first one took to settle; none: this is the first.
    pub settled_after: Option<Duration>,
    /// Whether single operations are timed.
    pub each: Each,
}

impl Earlier {
    /// None yet.
    pub const NONE: Earlier = Earlier { settled_after: None, each: Each::IfLongEnough };
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
pub fn measure(
    worker: &mut Worker,
    effort: &Effort,
    clock: &Clock,
    earlier: &Earlier,
) -> Result<LaunchResult, Failure> {
    let look = worker.window(LOOK)?;
    let mut batches = Batches { pace: Pace::of(&look), since_start: wall(&look), samples: Vec::new() };
    // What settles only in the last third of the longest launch is not steady.
    let transient = earlier.settled_after.unwrap_or(Duration::ZERO).min(effort.cap / 2);
    let mut least = effort.least(earlier);
    let settled = loop {
        batches.continue_for(least, transient, worker, effort)?;
        let settled = batches.settled(transient);
        let further = match settled.steady {
            Some(true) => break settled,
            Some(false) => least * FURTHER,
            None => batches.time_until_judged(transient),
        };
        if least >= effort.cap || further > effort.cap {
            break settled;
        }
        least = further.max(least + effort.batch).min(effort.cap);
    };
    let pace = batches.pace;
    let mut launch = batches.launch(&settled);
    let timed = match earlier.each {
        Each::IfLongEnough => measure_each(worker, effort.each, clock, pace)?,
        Each::AsBefore { timed: true } => Ok(time_each(worker, effort.each, pace)?),
        Each::AsBefore { timed: false } => Err("as in the launches before".into()),
    };
    let histogram = timed.map(|(seen, histogram)| {
        facts::add(&mut launch.facts, &seen);
        histogram
    });
    Ok(LaunchResult { launch, histogram })
}

/// The batches of a launch so far.
struct Batches {
    pace: Pace,
    since_start: Duration,
    /// Each with the time from the start of the launch's first operation to its own.
    samples: Vec<(Duration, Sample)>,
}

impl Batches {
    /// Measures until so much time has passed since the first operation, and there are batches enough after the transient.
    fn continue_for(
        &mut self,
        least: Duration,
        transient: Duration,
        worker: &mut Worker,
        effort: &Effort,
    ) -> Result<(), Failure> {
        while self.since_start < least || self.after(transient) < FEWEST_BATCHES as usize {
            let sample = match worker.window_of {
                Some(window) => worker.window(window)?,
                None => {
                    let iterations = self.pace.iterations(effort.batch);
                    worker.batch(iterations, self.pace.time_of(iterations))?
                }
            };
            if sample.wall_ns.is_nan() || sample.wall_ns <= 0.0 {
                let why = format!("a batch took {} ns by the worker's word", sample.wall_ns);
                return Err(Failure::new(FailureKind::Worker, why));
            }
            // What an operation costs may change while caches fill: batches stay about as long as they should be.
            self.pace = Pace::of(&sample);
            let begin = self.since_start;
            self.since_start += wall(&sample);
            self.samples.push((begin, sample));
        }
        Ok(())
    }

    /// How many batches began after the transient.
    fn after(&self, transient: Duration) -> usize {
        self.samples.iter().filter(|(begin, _)| *begin >= transient).count()
    }

    fn settled(&self, transient: Duration) -> Settled {
        let times: Vec<f64> = self.samples.iter().map(|(_, sample)| sample.ns_per_op()).collect();
        steady::settled(&times, times.len() - self.after(transient))
    }

    /// How long batches of this length must go on until there are enough after the transient to judge by.
    fn time_until_judged(&self, transient: Duration) -> Duration {
        let after = self.after(transient).max(1);
        let missing = steady::FEWEST_BATCHES.saturating_sub(after) as u32;
        let each = self.since_start.saturating_sub(transient) / after as u32;
        self.since_start + each * missing
    }

    fn launch(self, settled: &Settled) -> Launch {
        let first: Vec<f64> =
            self.samples.iter().filter(|(begin, _)| *begin < FIRST).map(|(_, sample)| sample.ns_per_op()).collect();
        let after = self.samples.get(settled.from).map(|(begin, _)| begin.as_secs_f64() * 1e3);
        let context = LaunchContext {
            first_ns: median(&first),
            steady: settled.steady,
            steady_after_ms: after.filter(|_| settled.steady == Some(true)),
            ..LaunchContext::default()
        };
        let mut launch = Launch { context, ..Launch::default() };
        self.samples[settled.from..].iter().for_each(|(_, sample)| add(&mut launch, sample));
        launch
    }
}

fn wall(sample: &Sample) -> Duration {
    Duration::from_nanos(sample.wall_ns as u64)
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
        Pace { op_ns: sample.ns_per_op().max(0.01), turn_ns: sample.wall_ns_per_op().max(0.01) }
    }

    fn time_of(self, iterations: u64) -> Duration {
        Duration::from_nanos((self.turn_ns * iterations as f64) as u64)
    }

    /// How many fit, at least one.
    fn iterations(self, duration: Duration) -> u64 {
        (duration.as_nanos() as f64 / self.turn_ns).clamp(1.0, 1e12) as u64
    }
}

/// What was seen while single operations were timed, and their latencies.
pub type Timed = (BTreeMap<String, f64>, Histogram);

/// The latencies of single operations, timed for about `duration`, or why they are not taken.
pub fn measure_each(
    worker: &mut Worker,
    duration: Duration,
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
    time_each(worker, duration, pace).map(Ok)
}

fn time_each(worker: &mut Worker, duration: Duration, pace: Pace) -> Result<Timed, Failure> {
    let iterations = pace.iterations(duration).max(FEWEST_EACH);
    worker.each(iterations, pace.time_of(iterations)).map(|(sample, histogram)| (sample.facts, histogram))
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
    facts::add(&mut launch.facts, &sample.facts);
    launch.shares.resize(sample.shares.len(), 0);
    launch.shares.iter_mut().zip(&sample.shares).for_each(|(total, share)| *total += share);
}
