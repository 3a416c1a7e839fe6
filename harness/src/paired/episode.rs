//! One episode: two live workers of one cell on the same CPUs, whose batches alternate.
//!
//! While one works the other sleeps, its near end in recv(2) and its peers at the gate's futex. Each batch follows a short
//! untimed run of the same operations, which has caches and predictors back.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::disturbance::Meter;
use super::steady::{Steady, steady_after};
use crate::control::{Failure, FailureKind};
use crate::estimate::median;
use crate::launch::{Launcher, Program, Worker};
use crate::session::Sample;

/// The length of a batch, where operations are shorter than that.
pub const BATCH: Duration = Duration::from_millis(2);
/// The length of those that warm: many of them tell when a worker has become steady.
const WARM_UP_BATCH: Duration = Duration::from_micros(500);
/// The untimed run before a batch; where an operation takes longer than that there is none.
const LEAD_IN: Duration = Duration::from_micros(150);
/// From this an operation's length is known roughly.
const FIRST_WINDOW: Duration = Duration::from_millis(1);
/// What is believed of an operation's length, in nanoseconds: a minute. It is another program's word, and makes the deadline
/// of its answers.
const LONGEST_TURN_NS: f64 = 6e10;
/// At most so many bytes are added to the environment, at random: see [`Launcher::open`].
pub(super) const MAX_PADDING: usize = 4096;

/// What is set against each other.
#[derive(Copy, Clone, Debug)]
pub struct Pair<'a> {
    /// The programs of A and B.
    pub programs: &'a [Program; 2],
    /// What their workers open.
    pub spec: &'a Value,
    /// The CPUs of the cell; none: all.
    pub cpus: &'a [usize],
}

/// How long an episode is.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Length {
    /// How long each worker is warmed.
    pub warm_up: Duration,
    /// Pairs of neighbouring batches, two at least and even: each order as often.
    pub pairs: u32,
}

/// What an episode has shown.
#[derive(Clone, Debug, Serialize)]
pub struct Episode {
    /// The median of the pairs' ln(B/A).
    pub log_ratio: f64,
    /// ln(B/A) of each pair of neighbouring batches.
    pub pairs: Vec<f64>,
    /// Median time of an operation of A and of B, in nanoseconds.
    pub ns: [f64; 2],
    /// How the machine disturbed it.
    pub disturbance: Option<String>,
    /// How long it took but for the pairs, in seconds.
    pub fixed_s: f64,
    /// How long its pairs took, in seconds.
    pub pairs_s: f64,
    /// How long each worker was warmed until it was steady, in seconds.
    pub steady_after_s: Steady<f64>,
}

impl Episode {
    /// Of these log-ratios of pairs; `ns` are medians of A and B.
    pub fn of(pairs: Vec<f64>, ns: [f64; 2]) -> Episode {
        let log_ratio = median(&pairs).unwrap_or(f64::NAN);
        Episode { log_ratio, pairs, ns, disturbance: None, fixed_s: 0.0, pairs_s: 0.0, steady_after_s: Steady::Unknown }
    }
}

/// Measures one.
pub fn measure(
    launcher: &Launcher,
    pair: &Pair<'_>,
    length: &Length,
    random: &mut fastrand::Rng,
) -> Result<Episode, Failure> {
    let (start, meter) = (Instant::now(), Meter::start(pair.cpus));
    let mut workers = open(launcher, pair, random)?;
    let mut portion = first_portion(&mut workers)?;
    let warm = warm_up(&mut workers, &portion, length.warm_up)?;
    portion.adapt(&warm);
    let pairs_start = Instant::now();
    let mut episode = alternate(&mut workers, &portion, length.pairs, random)?;
    episode.pairs_s = pairs_start.elapsed().as_secs_f64();
    for worker in workers {
        worker.quit()?;
    }
    episode.steady_after_s = warm.steady_after_s();
    episode.fixed_s = start.elapsed().as_secs_f64() - episode.pairs_s;
    episode.disturbance = meter.stop().disturbance();
    Ok(episode)
}

/// Which of the two is started first is drawn, as is the size of each one's environment.
fn open(launcher: &Launcher, pair: &Pair<'_>, random: &mut fastrand::Rng) -> Result<[Worker; 2], Failure> {
    let a_first = random.bool();
    let mut open = |arm: usize| launcher.open_from(&pair.programs[arm], pair.spec, random.usize(..MAX_PADDING));
    if !a_first {
        let b = open(1)?;
        return Ok([open(0)?, b]);
    }
    Ok([open(0)?, open(1)?])
}

/// What one turn of a worker is.
#[derive(Clone, Debug)]
pub(super) enum Portion {
    /// So many operations.
    Batch { iterations: u64, lead_in: u64, turn_ns: f64 },
    /// All that fits.
    Window(Duration),
}

impl Portion {
    /// As many operations as fill `length`, where one takes so long with its idle time.
    pub(super) fn of(length: Duration, turn_ns: f64) -> Portion {
        let turn_ns = turn_ns.clamp(0.0, LONGEST_TURN_NS);
        let fitting = |length: Duration| (length.as_nanos() as f64 / turn_ns.max(0.01)).min(1e12) as u64;
        Portion::Batch { iterations: fitting(length).max(1), lead_in: fitting(LEAD_IN), turn_ns }
    }

    pub(super) fn take(&self, worker: &mut Worker) -> Result<Sample, Failure> {
        match *self {
            Portion::Window(length) => worker.window(length),
            Portion::Batch { iterations, lead_in, .. } => worker.batch_after(lead_in, iterations, self.expected()),
        }
    }

    /// How long it should take.
    fn expected(&self) -> Duration {
        match *self {
            Portion::Window(length) => length,
            Portion::Batch { iterations, lead_in, turn_ns } => {
                Duration::from_nanos((turn_ns * (iterations + lead_in) as f64) as u64)
            }
        }
    }

    /// What is measured after a warm-up: warm operations may take less, or more, than the first ones did.
    pub(super) fn adapt(&mut self, warm: &WarmUp) {
        if let (Portion::Batch { .. }, Some(turn_ns)) = (&self, warm.turn_ns) {
            *self = Portion::of(BATCH, turn_ns);
        }
    }
}

/// One count for both, from both.
fn first_portion(workers: &mut [Worker; 2]) -> Result<Portion, Failure> {
    if let Some(window) = same_window([workers[0].window_of, workers[1].window_of])? {
        return Ok(Portion::Window(window));
    }
    let mut turn_ns = 0.0;
    for worker in workers.iter_mut() {
        turn_ns += worker.window(FIRST_WINDOW)?.wall_ns_per_op() / 2.0;
    }
    Ok(Portion::of(WARM_UP_BATCH, turn_ns))
}

/// The window that both measure, if they measure one. Builds that disagree are not comparable: a window's length is part of
/// what a cell measures.
fn same_window([of_a, of_b]: [Option<Duration>; 2]) -> Result<Option<Duration>, Failure> {
    if of_a == of_b {
        return Ok(of_a);
    }
    let text = |window: Option<Duration>| window.map_or("batches".into(), |window| format!("windows of {window:?}"));
    let why = format!("A measures {} and B {}", text(of_a), text(of_b));
    Err(Failure::new(FailureKind::Mechanism, format!("{why}: the two builds measure this cell in different ways")))
}

/// What was seen while workers were warmed.
pub(super) struct WarmUp {
    /// Each one's batches, in nanoseconds an operation.
    batches_ns: Vec<Vec<f64>>,
    spent: Duration,
    turn_ns: Option<f64>,
}

impl WarmUp {
    /// Until when each of them became steady, in seconds.
    pub(super) fn steady_after_s(&self) -> Steady<f64> {
        let own_s = self.spent.as_secs_f64() / self.batches_ns.len() as f64;
        let of_worker = |batches_ns: &Vec<f64>| {
            steady_after(batches_ns).map(|after| own_s * after as f64 / batches_ns.len() as f64)
        };
        self.batches_ns.iter().map(of_worker).reduce(Steady::or_later).unwrap_or(Steady::Unknown)
    }
}

/// Turns of all workers in a row, until each has had `length`; two each at least.
pub(super) fn warm_up(workers: &mut [Worker], portion: &Portion, length: Duration) -> Result<WarmUp, Failure> {
    let start = Instant::now();
    let mut batches_ns = vec![Vec::new(); workers.len()];
    let mut last_turns = Vec::new();
    while batches_ns[0].len() < 2 || start.elapsed() < length * workers.len() as u32 {
        last_turns.clear();
        for (worker, batches_ns) in workers.iter_mut().zip(&mut batches_ns) {
            let sample = portion.take(worker)?;
            batches_ns.push(sample.ns_per_op());
            last_turns.push(sample.wall_ns_per_op());
        }
    }
    Ok(WarmUp { batches_ns, spent: start.elapsed(), turn_ns: median(&last_turns) })
}

/// ABBA or BAAB, drawn anew each time: drift that is steady over four batches falls out.
fn alternate(
    workers: &mut [Worker; 2],
    portion: &Portion,
    pairs: u32,
    random: &mut fastrand::Rng,
) -> Result<Episode, Failure> {
    let mut all_ns = [Vec::new(), Vec::new()];
    let mut log_ratios = Vec::new();
    for _ in 0..pairs.div_ceil(2) {
        let first = usize::from(random.bool());
        for first in [first, 1 - first] {
            let mut ns = [0.0; 2];
            for arm in [first, 1 - first] {
                ns[arm] = portion.take(&mut workers[arm])?.ns_per_op();
                all_ns[arm].push(ns[arm]);
            }
            log_ratios.push((ns[1] / ns[0]).ln());
        }
    }
    // A window in which nothing was done has no ratio.
    log_ratios.retain(|ratio| ratio.is_finite());
    if log_ratios.is_empty() {
        let why = format!("in none of {pairs} pairs of windows did both programs complete an operation");
        return Err(Failure::new(FailureKind::Mechanism, why));
    }
    Ok(Episode::of(log_ratios, all_ns.map(|ns| median(&ns).unwrap_or(f64::NAN))))
}

/// One launch of one program by itself: half of an episode where the two cannot be live at once.
#[derive(Clone, Debug)]
pub(super) struct Alone {
    /// Median time of an operation, in nanoseconds.
    pub(super) ns: f64,
    pub(super) disturbance: Option<String>,
    pub(super) steady_after_s: Steady<f64>,
    /// How long it took, in seconds.
    pub(super) took_s: f64,
}

/// Measures `length.pairs` batches of program `arm`.
pub(super) fn measure_alone(
    launcher: &Launcher,
    pair: &Pair<'_>,
    arm: usize,
    length: &Length,
    random: &mut fastrand::Rng,
) -> Result<Alone, Failure> {
    let (start, meter) = (Instant::now(), Meter::start(pair.cpus));
    let mut worker = launcher.open_from(&pair.programs[arm], pair.spec, random.usize(..MAX_PADDING))?;
    let mut portion = match worker.window_of {
        Some(window) => Portion::Window(window),
        None => Portion::of(WARM_UP_BATCH, worker.window(FIRST_WINDOW)?.wall_ns_per_op()),
    };
    let warm = warm_up(std::slice::from_mut(&mut worker), &portion, length.warm_up)?;
    portion.adapt(&warm);
    let mut batches_ns = Vec::new();
    for _ in 0..length.pairs {
        batches_ns.push(portion.take(&mut worker)?.ns_per_op());
    }
    worker.quit()?;
    Ok(Alone {
        ns: median(&batches_ns).unwrap_or(f64::NAN),
        disturbance: meter.stop().disturbance(),
        steady_after_s: warm.steady_after_s(),
        took_s: start.elapsed().as_secs_f64(),
    })
}

impl Episode {
    /// From launches of A and of B, each in a block of its own.
    pub(super) fn of_blocks(launches: [&[Alone]; 2]) -> Episode {
        let ns = launches.map(|of_arm| median(&of_arm.iter().map(|l| l.ns).collect::<Vec<f64>>()).unwrap_or(f64::NAN));
        let all = || launches.into_iter().flatten();
        Episode {
            disturbance: all().find_map(|launch| launch.disturbance.clone()),
            fixed_s: all().map(|launch| launch.took_s).sum(),
            steady_after_s: all().map(|l| l.steady_after_s).reduce(Steady::or_later).unwrap_or(Steady::Unknown),
            ..Episode::of(vec![(ns[1] / ns[0]).ln()], ns)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_program_says_of_its_operations_makes_no_deadline_of_years() {
        for turn_ns in [1e300, f64::INFINITY] {
            let portion = Portion::of(BATCH, turn_ns);
            assert!(portion.expected() <= Duration::from_nanos(LONGEST_TURN_NS as u64), "{portion:?}");
        }
        assert_eq!(Portion::of(BATCH, f64::NAN).expected(), Duration::ZERO);
        assert_eq!(Portion::of(BATCH, 1000.0).expected(), Duration::from_micros(2150));
    }

    #[test]
    fn builds_that_measure_in_different_ways_are_refused() {
        let window = Some(Duration::from_millis(5));
        assert_eq!(same_window([window, window]).unwrap(), window);
        assert_eq!(same_window([None, None]).unwrap(), None);
        let why = same_window([window, None]).unwrap_err().reason;
        assert!(why.contains("A measures windows of 5ms and B batches"), "{why}");
    }
}
