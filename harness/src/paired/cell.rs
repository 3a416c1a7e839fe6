//! A cell under comparison: its episodes, how long the next one is, and what has been decided.

use std::time::Duration;

use serde_json::Value;

use super::boundary::{self, Boundary};
use super::episode::{Alone, Episode, Length, Pair, measure, measure_alone};
use super::interval::{Centre, centre};
use super::steady::Steady;
use super::verdict::{Rules, Verdict};
use crate::control::{Failure, FailureKind};
use crate::estimate::median;
use crate::launch::{Launcher, Program};

/// So many episodes are long, to see when a cell becomes steady.
const PILOTS: usize = 3;
/// What all pilots' warm-up may take of a cell's time.
const PILOT_SHARE: f64 = 0.05;
/// Bounds of one worker's warm-up in a pilot.
const PILOT_WARM_UP: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(200)];
/// The least warm-up: what a cell has found steady from the start.
const LEAST_WARM_UP: Duration = Duration::from_millis(4);
/// Pairs of an episode until its variances are known.
const FIRST_PAIRS: u32 = 6;
/// After so many episodes they are looked at; the first time few of them tell little.
const VARIANCES_AFTER: [usize; 3] = [8, 16, 32];
/// A cell's time must hold so many episodes.
const EPISODES_WANTED: f64 = 24.0;
const MOST_PAIRS: u32 = 24;
/// So many more episodes are replaced where a count of the cell's own failed of other work: none of those has a result.
const MOST_RETRIES: usize = 3;

/// One cell of a comparison.
#[derive(Debug)]
pub struct PairedCell {
    /// Its id.
    pub id: String,
    /// What workers open.
    pub spec: Value,
    /// The CPUs of its parties; none: all.
    pub cpus: Vec<usize>,
    /// All that count.
    pub episodes: Vec<Episode>,
    /// Why episodes were replaced, one sentence each.
    pub replaced: Vec<String>,
    /// Why it has no numbers.
    pub failure: Option<Failure>,
    /// B against A, as the logarithm of the ratio, at the last look.
    pub centre: Option<Centre>,
    /// What the last look has decided.
    pub verdict: Verdict,
    /// How long all its episodes took, in seconds.
    pub spent_s: f64,
    /// In how many pilots the level still moved at the end.
    pub unsteady_pilots: u32,
    share_s: f64,
    length: Length,
    warm_ups_s: Vec<f64>,
    boundary: Boundary,
}

impl PairedCell {
    /// A cell of which nothing has been measured; `share` is its part of the budget.
    pub fn new(id: String, spec: Value, cpus: Vec<usize>, share: Duration) -> PairedCell {
        let [least, most] = PILOT_WARM_UP;
        let warm_up = share.mul_f64(PILOT_SHARE / (2 * PILOTS) as f64).clamp(least, most);
        PairedCell {
            id,
            spec,
            cpus,
            episodes: Vec::new(),
            replaced: Vec::new(),
            failure: None,
            centre: None,
            verdict: Verdict::NotResolved,
            spent_s: 0.0,
            unsteady_pilots: 0,
            share_s: share.as_secs_f64(),
            length: Length { warm_up, pairs: FIRST_PAIRS },
            warm_ups_s: Vec::new(),
            boundary: Boundary::default(),
        }
    }

    /// Whether more episodes would tell more.
    pub fn is_open(&self) -> bool {
        self.failure.is_none() && self.verdict == Verdict::NotResolved
    }

    /// Measures one more episode; fails only by an interruption, for any other failure is the cell's.
    pub fn measure(
        &mut self,
        launcher: &Launcher,
        programs: &[Program; 2],
        random: &mut fastrand::Rng,
    ) -> Result<(), Failure> {
        let pair = Pair { programs, spec: &self.spec, cpus: &self.cpus };
        let length = self.length;
        match measure(launcher, &pair, &length, random) {
            Err(failure) if failure.kind == FailureKind::Interrupted => return Err(failure),
            // As an episode of which the machine says that it was disturbed: what does not end is how it is.
            Err(failure) if failure.kind == FailureKind::Disturbed && self.may_replace(MOST_RETRIES) => {
                self.replaced.push(failure.reason);
            }
            Err(failure) => self.failure = Some(failure),
            Ok(episode) => self.add(episode),
        }
        Ok(())
    }

    /// Measures a launch of one program by itself; none where it fails, which is the cell's end.
    pub(super) fn measure_alone(
        &mut self,
        launcher: &Launcher,
        programs: &[Program; 2],
        arm: usize,
        random: &mut fastrand::Rng,
    ) -> Result<Option<Alone>, Failure> {
        let pair = Pair { programs, spec: &self.spec, cpus: &self.cpus };
        let length = Length { pairs: FIRST_PAIRS, ..self.length };
        match measure_alone(launcher, &pair, arm, &length, random) {
            Err(failure) if failure.kind == FailureKind::Interrupted => Err(failure),
            Err(failure) => {
                self.failure = Some(failure);
                Ok(None)
            }
            Ok(launch) => Ok(Some(launch)),
        }
    }

    /// Adds an episode, or replaces it by a later one where the machine has disturbed it: never by what it has shown. Where it
    /// is disturbed all the time that is how it is, and no more than every second one is replaced.
    pub fn add(&mut self, episode: Episode) {
        self.spent_s += episode.fixed_s + episode.pairs_s;
        self.learn_warm_up(&episode);
        match &episode.disturbance {
            Some(why) if self.may_replace(0) => self.replaced.push(why.clone()),
            _ => self.episodes.push(episode),
        }
        if VARIANCES_AFTER.contains(&self.episodes.len()) {
            self.learn_pairs();
        }
    }

    /// So many more than there are episodes, and one.
    fn may_replace(&self, more: usize) -> bool {
        self.replaced.len() <= self.episodes.len() + more
    }

    /// How many counted episodes were disturbed.
    pub fn disturbed(&self) -> usize {
        self.episodes.iter().filter(|episode| episode.disturbance.is_some()).count()
    }

    /// Judges what there is, when `share` of the time is over.
    pub fn look(&mut self, rules: &Rules, share: f64) {
        let log_ratios: Vec<f64> = self.episodes.iter().map(|episode| episode.log_ratio).collect();
        let bound = self.boundary.look(log_ratios.len(), boundary::spent(rules.error_rate, share));
        self.centre = centre(&log_ratios, bound);
        self.verdict = self.centre.as_ref().map_or(Verdict::NotResolved, |centre| rules.judge(centre));
    }

    /// Median time of an operation of A and of B, in nanoseconds.
    pub fn ns(&self) -> [Option<f64>; 2] {
        [0, 1].map(|arm| median(&self.episodes.iter().map(|episode| episode.ns[arm]).collect::<Vec<f64>>()))
    }

    /// How long each worker is warmed, in seconds.
    pub fn warm_up_s(&self) -> f64 {
        self.length.warm_up.as_secs_f64()
    }

    /// The pilots' median is what later workers are warmed for; a pilot in which the level still moved counts as longest.
    fn learn_warm_up(&mut self, episode: &Episode) {
        if self.warm_ups_s.len() >= PILOTS {
            return;
        }
        self.unsteady_pilots += u32::from(episode.steady_after_s == Steady::Moving);
        self.warm_ups_s.push(match episode.steady_after_s {
            Steady::After(after_s) => after_s,
            Steady::Moving | Steady::Unknown => self.length.warm_up.as_secs_f64(),
        });
        if self.warm_ups_s.len() == PILOTS {
            let after = Duration::from_secs_f64(median(&self.warm_ups_s).unwrap_or(0.0));
            self.length.warm_up = after.clamp(LEAST_WARM_UP, self.length.warm_up);
        }
    }

    /// The number of pairs for which the variance of the mean of all episodes is least in a given time (T. Kalibera and R. Jones,
    /// *Rigorous Benchmarking in Reasonable Time*, ISMM 2013): √(cost of an episode / cost of a pair × variance within / between).
    ///
    /// Pairs take as long as the rest of an episode at least: that is never worse than the best number by more than a factor of
    /// two in time, and the variance between few episodes is not known well enough to go below.
    fn learn_pairs(&mut self) {
        let costs = self.costs();
        let (between, within) = self.variances();
        let balanced = costs.fixed_s / costs.pair_s;
        let best = (balanced * within / between).sqrt();
        let fitting = (self.share_s / EPISODES_WANTED - costs.fixed_s) / costs.pair_s;
        let pairs = best.max(balanced).min(f64::from(MOST_PAIRS)).min(fitting).max(2.0);
        self.length.pairs = if pairs.is_nan() { FIRST_PAIRS } else { (pairs / 2.0).round() as u32 * 2 };
    }

    /// Of the last episodes: the first ones, which are pilots, cost more.
    fn costs(&self) -> Costs {
        let recent = &self.episodes[self.episodes.len() - self.episodes.len() / 2..];
        let of = |cost: fn(&Episode) -> f64| median(&recent.iter().map(cost).collect::<Vec<f64>>()).unwrap_or(f64::NAN);
        Costs { fixed_s: of(|e| e.fixed_s), pair_s: of(|e| e.pairs_s / e.pairs.len() as f64) }
    }

    /// Between the values of episodes, beyond what pairs explain; and of a pair within one, as it enters a median.
    fn variances(&self) -> (f64, f64) {
        // A median of n has π/2 of a mean's variance.
        let of_pairs = |e: &Episode| std::f64::consts::FRAC_PI_2 * spread(&e.pairs);
        let within = median(&self.episodes.iter().map(of_pairs).collect::<Vec<f64>>()).unwrap_or(0.0);
        let pairs = self.episodes.iter().map(|e| e.pairs.len()).sum::<usize>() as f64 / self.episodes.len() as f64;
        let all = spread(&self.episodes.iter().map(|e| e.log_ratio).collect::<Vec<f64>>());
        ((all - within / pairs).max(0.0), within)
    }
}

/// What an episode takes, in seconds.
struct Costs {
    /// But for its pairs.
    fixed_s: f64,
    /// A pair.
    pair_s: f64,
}

/// The variance, by the median deviation: a few outliers do not make it.
fn spread(values: &[f64]) -> f64 {
    let centre = median(values).unwrap_or(0.0);
    let deviations: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    (1.4826 * median(&deviations).unwrap_or(0.0)).powi(2)
}
