//! Runs cells, launch by launch. The order is made of rounds: each has every cell once, in groups of cells that are to be compared,
//! so that drift is shared and launches of one round and group are neighbours in time. After the planned rounds, further ones go to cells whose interval is wider
//! than wanted, while the budget lasts. Each result is written when it is complete.
//!
//! A launch is measured again if the machine was not the cell's own meanwhile (`runner/meter.rs`): never because of its result.

use std::collections::BTreeSet;
use std::time::Duration;

use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::estimate::{LEVEL, Spans, estimate, median};
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::launch::{Launcher, Worker};
use ipcmark_harness::machine::{Scheduling, not_inherited};
use ipcmark_harness::placement::Placement;
use ipcmark_harness::record::{self, Launch, Measurement, NearFar};
use ipcmark_harness::sampling::{self, Each, Earlier, Effort};

use crate::cell::Cell;
use crate::mechanism::{Stage, Waiting};
use meter::{Meter, Spent};
pub use rounds::{Event, expected, run};

mod disturbed;
mod meter;
mod rounds;

/// What is checked in the first launch of each cell.
const VERIFIED_OPERATIONS: u64 = 200;
const VERIFIED_AT_MOST: Duration = Duration::from_millis(3);

/// What starting the further peers, and emptying the channel after each batch, adds to a launch, about.
const EMPTYING: Duration = Duration::from_millis(60);
/// Until all parties of a window are at work, and the near end has looked; the same.
const BEGINNING: Duration = Duration::from_millis(3);

/// However wide its interval, no cell gets more launches.
const MOST_LAUNCHES: usize = 60;

/// How well cells should be known, and how long that may take.
#[derive(Copy, Clone, Debug)]
pub struct Goal {
    /// Half the width of the interval that is wanted, as a share of the estimate; none: the planned launches and no more.
    pub target: Option<f64>,
    /// Beyond the planned launches, none is begun that would end later than this after the begin of the run.
    pub budget: Duration,
}

/// How the launches of a run come one after the other.
#[derive(Copy, Clone, Debug)]
pub struct Course {
    /// How well cells should be known.
    pub goal: Goal,
    /// Of the orders of rounds.
    pub seed: u64,
    /// The rounds that earlier starts of a resumed run have had.
    pub rounds: u32,
    /// What these starts took.
    pub elapsed: Duration,
}

/// A cell on its way to a result.
#[derive(Debug)]
pub struct Job {
    cell: Cell,
    stage: Result<Stage, String>,
    launches: Vec<Launch>,
    histogram: Option<Result<Histogram, String>>,
    failure: Option<Failure>,
    verification: Option<String>,
    notes: Vec<String>,
    discarded: u64,
    spent: Spent,
    planned: usize,
    /// Why launches were measured again.
    replaced: Vec<String>,
    /// How many of them for a count of their own that other work changed.
    retries: usize,
    /// Whether launches beyond the planned ones were asked for.
    is_extended: bool,
    /// Whether none is to follow any more, however wide the interval.
    is_settled: bool,
    start: u32,
    /// How the run was scheduled when it started.
    scheduling: Option<Scheduling>,
}

impl Job {
    /// A cell of which nothing has been measured yet.
    pub fn new(cell: Cell, stage: Result<Stage, String>, launches: u32) -> Job {
        Job {
            cell,
            stage,
            launches: Vec::new(),
            histogram: None,
            failure: None,
            verification: None,
            notes: Vec::new(),
            discarded: 0,
            spent: Spent::default(),
            planned: launches as usize,
            replaced: Vec::new(),
            retries: 0,
            is_extended: false,
            is_settled: false,
            start: 0,
            scheduling: None,
        }
    }

    /// In this start of a run that was scheduled so at first.
    pub fn in_start(self, start: u32, scheduling: Option<Scheduling>) -> Job {
        Job { start, scheduling, ..self }
    }

    /// How the parties are scheduled, if not as the run was at first.
    fn unusual_scheduling(&self, worker: &Worker) -> Option<NearFar<Vec<Scheduling>>> {
        let stage = self.stage.as_ref().ok()?;
        let pinned = NearFar { near: !stage.near_cpus.is_empty(), far: !stage.far_cpus.is_empty() };
        not_inherited(worker.scheduling()?, self.scheduling.as_ref()?, pinned)
    }

    /// Takes over the launches that an interrupted run has recorded of this cell.
    pub fn resume_from(&mut self, earlier: &record::Cell) {
        if earlier.outcome != record::Outcome::Measured {
            return;
        }
        self.launches = earlier.per_launch.iter().map(Launch::from_summary).collect();
        self.histogram = match earlier.decode_histogram() {
            Some(Ok(histogram)) => Some(Ok(histogram)),
            _ => earlier.quantiles_missing.clone().map(Err),
        };
        self.verification = earlier.verification.clone();
        self.notes = earlier.notes.clone();
        self.replaced = earlier.replaced.clone();
        self.spent = Spent::of(earlier);
    }

    /// Launches still to come.
    pub fn left(&self) -> usize {
        if self.stage.is_err() { 0 } else { self.planned.saturating_sub(self.launches.len()) }
    }

    /// Whether launches of it have been measured.
    pub fn is_measured(&self) -> bool {
        !self.launches.is_empty()
    }

    /// How long the next launch takes, about.
    pub fn expected(&self, effort: &Effort) -> Duration {
        self.expected_after(effort, &self.earlier())
    }

    /// How long all launches still to come take, about.
    fn expected_of_all(&self, effort: &Effort) -> Duration {
        let settled_after = Some(self.earlier().settled_after.unwrap_or(Duration::ZERO));
        let later = Earlier { settled_after, ..self.earlier() };
        match self.left() as u32 {
            0 => Duration::ZERO,
            left => self.expected(effort) + self.expected_after(effort, &later) * (left - 1),
        }
    }

    fn expected_after(&self, effort: &Effort, earlier: &Earlier) -> Duration {
        let setup = self.cell.setup;
        if let Some(window_of) = self.cell.workload.windows_of {
            let window = window_of(&setup) + BEGINNING;
            return effort.expected(earlier, window, Some(window));
        }
        // Two parties that poll on one CPU take turns at the scheduler's tick: two of them an operation, 8 ms at 250 Hz.
        let ticks = setup.placement == Placement::SameCpu && setup.waiting == Waiting::Spin;
        let idle = Duration::from_nanos(setup.idle_ns.unwrap_or(0));
        let between = setup.rate_per_s.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate as u32);
        let turn = if ticks { Duration::from_millis(8) } else { Duration::ZERO }.max(idle).max(between);
        let usual = effort.expected(earlier, turn, self.cell.workload.times_each.then_some(turn));
        if setup.parties > 2 { usual + EMPTYING } else { usual }
    }

    /// What the launches so far have shown.
    fn earlier(&self) -> Earlier {
        let settled: Vec<f64> = self.launches.iter().filter_map(|launch| launch.context.steady_after_ms).collect();
        // Where there were too few batches to tell, a longer launch would not tell either.
        let tells = self.launches.first().is_none_or(|first| first.context.steady.is_some());
        let settled = if tells { median(&settled) } else { Some(0.0) };
        let each = match &self.histogram {
            None => Each::IfLongEnough,
            Some(earlier) => Each::AsBefore { timed: earlier.is_ok() },
        };
        Earlier { settled_after: settled.map(|ms| Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()), each }
    }

    /// Plans one more launch where the interval is wider than wanted, or there are too few launches for one.
    fn extend(&mut self, target: f64) -> bool {
        let batches: Vec<Vec<f64>> = self.launches.iter().map(|launch| launch.batches_ns.clone()).collect();
        let Some(found) = estimate(&batches) else { return false };
        let has_level = found.interval.spans == Spans::Launches && found.interval.level >= LEVEL;
        let is_known = has_level && found.relative_half_width.is_none_or(|width| width <= target);
        let may = self.failure.is_none() && !self.is_settled && self.launches.len() < MOST_LAUNCHES;
        let extends = may && !is_known;
        self.planned += usize::from(extends);
        self.is_extended |= extends;
        extends
    }

    /// A launch failed: what was measured before stands where nothing was found wrong and it was an extra one, or disturbed.
    fn fail(&mut self, failure: Failure) {
        let is_disturbed = failure.kind == FailureKind::Disturbed && self.is_measured();
        if is_disturbed || self.is_extended && failure.kind != FailureKind::Verification {
            self.notes.push(format!("a further launch failed: {failure}"));
            self.settle();
        } else {
            self.failure = Some(failure);
        }
    }

    /// Gives up what is planned beyond what there is.
    fn settle(&mut self) {
        self.planned = self.launches.len();
        self.is_settled = true;
    }

    /// The line of the record; none when nothing has been measured of it yet.
    pub fn result(&self) -> Option<record::Cell> {
        let identity = self.cell.identity(self.stage.as_ref().ok());
        if let Err(reason) = &self.stage {
            return Some(record::Cell::skipped(identity, reason));
        }
        if let Some(failure) = &self.failure {
            let cell = record::Cell::without_result(identity, failure);
            return Some(record::Cell { replaced: self.replaced.clone(), ..cell });
        }
        if self.launches.is_empty() {
            return None;
        }
        let histogram = self.histogram.clone().unwrap_or_else(|| Err("no single operation was timed".into()));
        let conditions = self.spent.conditions();
        let mut notes = self.notes.clone();
        notes.extend(self.spent.note());
        notes.extend(sampling::discarded_note(self.discarded));
        let measurement = Measurement {
            launches: self.launches.clone(),
            histogram,
            bytes_per_operation: self.cell.bytes_per_operation(),
            verification: self.verification.clone(),
            conditions,
            notes,
        };
        Some(record::Cell { replaced: self.replaced.clone(), ..record::Cell::measured(identity, measurement) })
    }

    /// The CPUs that its parties are pinned to; none when it cannot run here.
    pub fn cpus(&self) -> Option<BTreeSet<usize>> {
        let stage = self.stage.as_ref().ok()?;
        Some(stage.near_cpus.iter().chain(&stage.far_cpus).copied().collect())
    }

    /// Whether it failed, and how.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The cell's id.
    pub fn id(&self) -> String {
        self.cell.id()
    }

    /// One launch, and whether it counts. One that the machine says was disturbed is forgotten, and left to be measured again, up to
    /// as many as were planned: on a machine that is never quiet the last ones stand, and the grade says what they are.
    fn launch(&mut self, launcher: &Launcher, effort: &Effort, slot: Slot) -> Result<bool, Failure> {
        let Ok(stage) = &self.stage else { return Ok(true) };
        let meter = Meter::start(stage);
        let mut worker = launcher.open(&self.cell.spec(stage), slot.padding)?;
        let result = sampling::measure(&mut worker, effort, &launcher.clock, &self.earlier())?;
        if self.verification.is_none() {
            // After what is timed: it would warm up what a burst finds cold.
            let verified = worker.verify(VERIFIED_OPERATIONS, VERIFIED_AT_MOST)?;
            let summary = format!("passed: {} operations, {} bytes compared", verified.operations, verified.bytes);
            (self.verification, self.notes) = (Some(summary), worker.notes.clone());
        }
        let mut launch = result.launch;
        (launch.start, launch.scheduling) = (self.start, self.unusual_scheduling(&worker));
        self.discarded += worker.discarded;
        worker.quit()?;
        let spent = meter.stop();
        let context = &mut launch.context;
        (context.round, context.at_s) = (slot.round, slot.at.as_secs_f64());
        spent.describe(context);
        let may_replace = slot.may_replace && self.replaced.len() < self.planned;
        if let Some(why) = spent.disturbance().filter(|_| may_replace) {
            self.replaced.push(slot.why_replaced(&why));
            return Ok(false);
        }
        self.spent.add(spent);
        self.launches.push(launch);
        self.add_histogram(result.histogram);
        Ok(true)
    }

    fn add_histogram(&mut self, new: Result<Histogram, String>) {
        match (&mut self.histogram, new) {
            (None, first) => self.histogram = Some(first),
            (Some(Ok(all)), Ok(new)) => all.merge(&new),
            // The first launch has said why there are none.
            (Some(_), _) => {}
        }
    }
}

/// Which launch it is.
#[derive(Copy, Clone, Debug)]
struct Slot {
    round: u32,
    /// Since the run began.
    at: Duration,
    /// Bytes that the environment grows by.
    padding: usize,
    /// Whether there is time to measure it again.
    may_replace: bool,
}

impl Slot {
    fn why_replaced(&self, why: &str) -> String {
        format!("round {}, {:.1} s: {why}", self.round, self.at.as_secs_f64())
    }
}
