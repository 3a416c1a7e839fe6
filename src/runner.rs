//! Runs cells: all launches of all cells in one shuffled order, so that drift is shared; each result written when it is
//! complete.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::machine::{CpuTimes, Root, cpu_times};
use ipcmark_harness::placement::Placement;
use ipcmark_harness::record::{self, Launch, Measurement};
use ipcmark_harness::sampling::{self, Each, Effort};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

use crate::cell::Cell;
use crate::mechanism::{Stage, Waiting};

/// Above this share of foreign CPU time a cell carries a note: beyond it, repeated runs here stopped agreeing.
const FOREIGN_SHARE_NOTED: f64 = 0.05;
/// /proc/stat counts in ticks of 1/USER_HZ, which is 100 on every architecture of Linux.
const TICK_NS: f64 = 1e7;
/// The environment grows by up to so many bytes, at random, in each launch: one page, so that the stack moves through one.
const MAX_PADDING: usize = 4096;
/// What is checked in the first launch of each cell.
const VERIFIED_OPERATIONS: u64 = 200;
const VERIFIED_AT_MOST: Duration = Duration::from_millis(3);

/// What starting the further peers, and emptying the channel after each batch, adds to a launch, about.
const EMPTYING: Duration = Duration::from_millis(60);

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
}

/// What the CPUs of a cell did meanwhile.
#[derive(Copy, Clone, Debug, Default)]
struct Spent {
    wall_ns: u64,
    cpus: u64,
    machine: CpuTimes,
    own_ns: u64,
    /// Differences taken, one a launch and CPU: each is off by up to a tick.
    readings: u64,
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
        }
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
    }

    /// Launches still to come.
    pub fn left(&self) -> usize {
        if self.stage.is_err() { 0 } else { self.planned.saturating_sub(self.launches.len()) }
    }

    /// How long one launch takes, about.
    pub fn expected(&self, effort: &Effort) -> Duration {
        let setup = self.cell.setup;
        // Two parties that poll on one CPU take turns at the scheduler's tick: two of them an operation, 8 ms at 250 Hz.
        let ticks = setup.placement == Placement::SameCpu && setup.waiting == Waiting::Spin;
        let idle = Duration::from_nanos(setup.idle_ns.unwrap_or(0));
        let between = setup.rate_per_s.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate as u32);
        let turn = if ticks { Duration::from_millis(8) } else { Duration::ZERO };
        if let Some(window_of) = self.cell.workload.windows_of {
            return effort.expected_of_windows(window_of(&setup));
        }
        let usual = effort.expected(self.cell.workload.times_each, turn.max(idle).max(between));
        if setup.parties > 2 { usual + EMPTYING } else { usual }
    }

    /// The line of the record; none when nothing has been measured of it yet.
    pub fn result(&self) -> Option<record::Cell> {
        let identity = self.cell.identity(self.stage.as_ref().ok());
        if let Err(reason) = &self.stage {
            return Some(record::Cell::skipped(identity, reason));
        }
        if let Some(failure) = &self.failure {
            return Some(record::Cell::failed(identity, &failure.reason));
        }
        if self.launches.is_empty() {
            return None;
        }
        let histogram = self.histogram.clone().unwrap_or_else(|| Err("no single operation was timed".into()));
        let conditions = self.spent.conditions();
        let mut notes = self.notes.clone();
        notes.extend(self.spent.note());
        notes.extend(sampling::discarded_note(self.discarded));
        Some(record::Cell::measured(
            identity,
            Measurement {
                launches: self.launches.clone(),
                histogram,
                bytes_per_operation: self.cell.bytes_per_operation(),
                verification: self.verification.clone(),
                conditions,
                notes,
            },
        ))
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

    fn launch(&mut self, launcher: &Launcher, effort: &Effort, padding: usize) -> Result<(), Failure> {
        let Ok(stage) = &self.stage else { return Ok(()) };
        let meter = Meter::start(stage);
        let mut worker = launcher.open(&self.cell.spec(stage), padding)?;
        if self.launches.is_empty() {
            let verified = worker.verify(VERIFIED_OPERATIONS, VERIFIED_AT_MOST)?;
            let summary = format!("passed: {} operations, {} bytes compared", verified.operations, verified.bytes);
            (self.verification, self.notes) = (Some(summary), worker.notes.clone());
        }
        let each = match &self.histogram {
            None => Each::IfLongEnough,
            Some(earlier) => Each::AsBefore { timed: earlier.is_ok() },
        };
        let result = sampling::measure(&mut worker, effort, &launcher.clock, each)?;
        self.discarded += worker.discarded;
        worker.quit()?;
        self.spent.add(meter.stop());
        self.launches.push(result.launch);
        self.add_histogram(result.histogram);
        Ok(())
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

/// What happens while jobs run.
pub enum Event<'a> {
    /// A launch of this job begins; so much of the whole is done and so much is left, by expectation.
    Launch {
        /// Whose.
        job: &'a Job,
        /// Expected time of what has been done.
        done: Duration,
        /// Expected time of all.
        total: Duration,
    },
    /// This cell is complete, and its line should be kept now.
    Complete(Box<record::Cell>),
}

/// Runs all launches of `jobs` in an order drawn from `seed`. Ends early when interrupted; then `Ok` holds the failure that
/// says so. `report` may end it with an error of its own.
pub fn run<E>(
    jobs: &mut [Job],
    launcher: &Launcher,
    effort: &Effort,
    seed: u64,
    mut report: impl FnMut(Event<'_>) -> Result<(), E>,
) -> Result<Option<Failure>, E> {
    let mut random = fastrand::Rng::with_seed(seed);
    let order = order(jobs, &mut random);
    let total = order.iter().map(|&i| jobs[i].expected(effort)).sum();
    let mut done = Duration::ZERO;
    for job in jobs.iter().filter(|job| job.stage.is_err()) {
        complete(job, &mut report)?;
    }
    for index in order {
        let job = &mut jobs[index];
        if job.failure.is_none() {
            report(Event::Launch { job, done, total })?;
            match job.launch(launcher, effort, random.usize(..MAX_PADDING)) {
                Err(failure) if failure.kind == FailureKind::Interrupted => return Ok(Some(failure)),
                Err(failure) => job.failure = Some(failure),
                Ok(()) => {}
            }
            if job.failure.is_some() || job.left() == 0 {
                complete(job, &mut report)?;
            }
        }
        done += job.expected(effort);
    }
    Ok(None)
}

/// How long that takes, about: right within the noise of starting workers.
pub fn expected(jobs: &[Job], effort: &Effort) -> Duration {
    jobs.iter().map(|job| job.expected(effort) * job.left() as u32).sum()
}

fn complete<E>(job: &Job, report: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), E> {
    job.result().map_or(Ok(()), |cell| report(Event::Complete(Box::new(cell))))
}

fn order(jobs: &[Job], random: &mut fastrand::Rng) -> Vec<usize> {
    let mut order: Vec<usize> = jobs.iter().enumerate().flat_map(|(i, job)| vec![i; job.left()]).collect();
    random.shuffle(&mut order);
    order
}

/// Sets what a cell's CPUs did against what the run itself used of them.
struct Meter {
    cpus: Vec<usize>,
    before: Option<CpuTimes>,
    own_before: u64,
    start: Instant,
}

impl Meter {
    fn start(stage: &Stage) -> Meter {
        let mut cpus: Vec<usize> = stage.near_cpus.iter().chain(&stage.far_cpus).copied().collect();
        cpus.sort_unstable();
        cpus.dedup();
        let before = cpu_times(&Root::new("/"), &cpus).ok();
        Meter { cpus, before, own_before: own_cpu_ns(), start: Instant::now() }
    }

    fn stop(self) -> Spent {
        let after = cpu_times(&Root::new("/"), &self.cpus).ok();
        let (Some(before), Some(after)) = (self.before, after) else { return Spent::default() };
        let online = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        let cpus = if self.cpus.is_empty() { online } else { self.cpus.len() as u64 };
        let wall_ns = self.start.elapsed().as_nanos() as u64;
        let own_ns = own_cpu_ns().saturating_sub(self.own_before);
        Spent { wall_ns, cpus, machine: after.since(&before), own_ns, readings: cpus }
    }
}

/// CPU time of this process and of all workers and peers that have been reaped.
pub fn own_cpu_ns() -> u64 {
    let of = |who| {
        let ns = |t: nix::sys::time::TimeVal| t.tv_sec() as u64 * 1_000_000_000 + t.tv_usec() as u64 * 1000;
        getrusage(who).map_or(0, |usage| ns(usage.user_time()) + ns(usage.system_time()))
    };
    of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)
}

impl Spent {
    fn add(&mut self, more: Spent) {
        self.wall_ns += more.wall_ns;
        self.cpus = self.cpus.max(more.cpus);
        self.machine = self.machine + more.machine;
        self.own_ns += more.own_ns;
        self.readings += more.readings;
    }

    /// CPU time of others on these CPUs, in nanoseconds: ticks of 10 ms make it rough.
    fn foreign_ns(&self) -> u64 {
        self.machine.busy_ns.saturating_sub(self.own_ns)
    }

    /// The same as a share of all there was.
    fn foreign_share(&self) -> f64 {
        let available = (self.wall_ns * self.cpus.max(1)) as f64;
        if available == 0.0 { 0.0 } else { self.foreign_ns() as f64 / available }
    }

    /// How far off `foreign_ns` may be: independent errors of a tick add up by their squares; twice that is left to chance.
    fn tick_noise_ns(&self) -> f64 {
        2.0 * TICK_NS * (self.readings as f64).sqrt()
    }

    fn conditions(&self) -> BTreeMap<String, Value> {
        let wall_s = self.wall_ns as f64 / 1e9;
        let facts: HashMap<&str, Value> = HashMap::from([
            ("wall_s", json!(wall_s)),
            ("foreign_cpu_share", json!(self.foreign_share())),
            ("steal_ns", json!(self.machine.steal_ns)),
        ]);
        if self.wall_ns == 0 { BTreeMap::new() } else { facts.into_iter().map(|(k, v)| (k.to_owned(), v)).collect() }
    }

    fn note(&self) -> Option<String> {
        let share = self.foreign_share();
        let told_from_chance = self.foreign_ns() as f64 > self.tick_noise_ns();
        (share > FOREIGN_SHARE_NOTED && told_from_chance).then(|| {
            format!("other work used {:.0} % of the CPUs meanwhile: close it, or compare ratios only", share * 100.0)
        })
    }
}
