//! Grades: how far a cell's numbers can be trusted, with the reasons.
//!
//! A grade is the worst letter that any of its reasons allows. It is a pure function of what a record holds, so anyone can work
//! it out again. The letters and their thresholds are a convention of this suite; each constant says what it rests on.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::doctor::probe::Floor;
use crate::doctor::{Finding, Severity};
use crate::record::{Cell, Header, Outcome};
use steadiness::{Kind, unsteady};

pub mod scheduling;
pub mod steadiness;

/// How far a number can be trusted; `A` is the least value, so the worse of two is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Letter {
    /// Citable.
    A,
    /// Citable with its conditions.
    B,
    /// Indicative.
    C,
    /// Not to be cited.
    D,
}

impl Letter {
    /// The letter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
        }
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The grade of a measured cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Grade {
    /// Of the central value and its interval.
    pub letter: Letter,
    /// Of the quantiles of single operations; absent where there are none.
    pub tail: Option<Letter>,
    /// What kept it from an A, each beginning with the letter that it allows at best, `tail` before it where only the
    /// quantiles suffer; empty for an A.
    #[serde(default)]
    pub reasons: Vec<String>,
}

/// Half the interval's width, as a share, up to which a letter is given. Two percent is what a tuned, quiet server repeats to; five
/// is the least difference that reviewers of such figures take for one; beyond fifteen, which is more than an untuned desktop's
/// spread, a figure does not even order mechanisms.
const WIDTHS: [(f64, Letter); 3] = [(0.02, Letter::A), (0.05, Letter::B), (0.15, Letter::C)];
/// The coverage that six launches reach and five do not (`estimate::LEVEL`); and what five reach.
const LEVELS: [(f64, Letter); 2] = [(0.95, Letter::A), (0.9375, Letter::B)];
/// Disagreement of launches below this share costs no letter: an A promises no more.
const NEGLIGIBLE: f64 = 0.02;
/// Shares of its CPUs that other work had: beyond the first it has a C, since repeated runs on the development machine stopped
/// agreeing there; beyond the second a D, as a launch is measured again for it.
const FOREIGN_SHARES: [f64; 2] = [0.05, MOST_FOREIGN];
/// The same of what the hypervisor took.
const STOLEN_SHARES: [f64; 2] = [0.01, MOST_STOLEN];
/// The share of its CPUs' time above which other work disturbs a launch, an episode or a cell.
pub const MOST_FOREIGN: f64 = 0.10;
/// The same of what the hypervisor takes.
pub const MOST_STOLEN: f64 = 0.05;
/// A platform's gap below this share of the median is not told from it: an A's width, and what quantiles are rounded to in print.
const FLOOR_SHARE: f64 = 0.05;

/// Findings that allow less than a flag's `B`: what they tell of reaches every cell.
const GRAVE: [&str; 7] =
    ["smt-sibling", "frequency-drift", "throttling", "battery", "swap", "lock-debugging", "clock-cost"];
/// Findings about a moment before or after the run. Each launch has counted the same of its own CPUs in its own time, and
/// equal series are measured within each cell, so these are notes to the reader and cost no cell a letter.
pub const COUNTED_BY_CELLS: [&str; 6] = ["steal", "load", "pressure", "foreign-work", "interrupts", "a-a-noise"];
/// Findings that leave the tail indicative, whatever becomes of the median.
const GRAVE_FOR_TAILS: [&str; 3] = ["hypervisor", "jitter", "interrupts"];

/// What all cells of a run share.
#[derive(Clone, Debug)]
pub struct Grader {
    common: Vec<(Letter, String)>,
    tails: Vec<(Letter, String)>,
    floor: Option<Floor>,
}

impl Grader {
    /// From a record's first line and findings made since, as by a doctor after the run.
    #[must_use]
    pub fn new(header: &Header, since: &[Finding]) -> Self {
        let findings: Vec<&Finding> = header.findings.iter().chain(since).collect();
        let mut common = of_revision(header).into_iter().collect::<Vec<_>>();
        let refused = ids(&findings, |finding| finding.severity == Severity::Refuse);
        common.extend(refused.map(|ids| (Letter::D, format!("measured although the doctor refused: {ids}"))));
        let counted = |finding: &Finding| COUNTED_BY_CELLS.contains(&finding.id.as_str());
        let flag = |finding: &Finding| finding.severity == Severity::Flag && !counted(finding);
        let grave = |finding: &Finding| GRAVE.contains(&finding.id.as_str());
        let of_tails = |finding: &Finding| GRAVE_FOR_TAILS.contains(&finding.id.as_str());
        common.extend(ids(&findings, |f| flag(f) && grave(f)).map(|ids| (Letter::C, flagged(&ids))));
        common.extend(ids(&findings, |f| flag(f) && !grave(f)).map(|ids| (Letter::B, flagged(&ids))));
        let mut tails: Vec<(Letter, String)> = ids(&findings, |f| f.severity == Severity::Flag && of_tails(f))
            .map(|ids| (Letter::C, flagged(&ids)))
            .into_iter()
            .collect();
        let floor = Floor::of(&header.probes);
        if floor.is_none() {
            tails.push((Letter::C, "no jitter probe".to_owned()));
        }
        Self { common, tails, floor }
    }

    /// Grades a measured cell, and takes back quantiles that the platform alone explains; others are left as they are.
    pub fn apply(&self, cell: &mut Cell) {
        if cell.outcome != Outcome::Measured {
            return;
        }
        let beyond = self.beyond_floor(cell);
        // What was withheld when it was graded before, stays so.
        let withheld = self.withhold(cell).or_else(|| cell.quantiles_ns.and(cell.quantiles_missing.clone()));
        cell.grade = Some(self.grade(cell, beyond, withheld));
    }

    fn grade(&self, cell: &Cell, beyond: Option<String>, withheld: Option<String>) -> Grade {
        let mut reasons = self.common.clone();
        reasons.extend(of_launches(cell));
        reasons.extend(of_width(cell));
        reasons.extend(of_agreement(cell));
        reasons.extend(of_steady_state(cell));
        reasons.extend(of_verification(cell));
        reasons.extend(of_other_work(cell));
        reasons.extend(scheduling::of_scheduling(cell));
        let worst = |reasons: &[(Letter, String)]| reasons.iter().map(|(letter, _)| *letter).max().unwrap_or(Letter::A);
        let letter = worst(&reasons);
        let has_tail = cell.quantiles_ns.is_some();
        let tails: Vec<(Letter, String)> =
            self.tails.iter().cloned().chain(beyond.map(|why| (Letter::B, why))).collect();
        let tail = has_tail.then(|| letter.max(worst(&tails)));
        let mut texts: Vec<String> = sorted(reasons).iter().map(|(letter, why)| format!("{letter}: {why}")).collect();
        if has_tail {
            texts.extend(tails.iter().map(|(letter, why)| format!("tail {letter}: {why}")));
        }
        texts.extend(withheld);
        Grade { letter, tail, reasons: texts }
    }

    /// Which quantiles the jitter probe was too short for: operations of a length that it saw few of.
    fn beyond_floor(&self, cell: &Cell) -> Option<String> {
        let (floor, quantiles) = (self.floor.as_ref()?, cell.quantiles_ns.as_ref()?);
        let median = quantiles.p50.filter(|&ns| ns > 0)? as f64;
        let given = [("p99", 0.99, quantiles.p99), ("p99.9", 0.999, quantiles.p999)];
        let unknown = |(name, q, value): (&'static str, f64, Option<u64>)| {
            (value.is_some() && floor.at(q, median).is_none()).then_some(name)
        };
        let names: Vec<&str> = given.into_iter().filter_map(unknown).collect();
        (!names.is_empty())
            .then(|| format!("the jitter probe was too short to tell the floor of {}", names.join(" and ")))
    }

    /// Takes back each quantile whose distance from the median a CPU that does nothing would show as well.
    fn withhold(&self, cell: &mut Cell) -> Option<String> {
        let (floor, quantiles) = (self.floor.as_ref()?, cell.quantiles_ns.as_mut()?);
        let median = quantiles.p50.filter(|&ns| ns > 0)? as f64;
        let mut names = Vec::new();
        for (name, q, value) in
            [("p90", 0.9, &mut quantiles.p90), ("p99", 0.99, &mut quantiles.p99), ("p99.9", 0.999, &mut quantiles.p999)]
        {
            let (Some(ns), Some(gap)) = (*value, floor.at(q, median)) else { continue };
            if gap >= median * FLOOR_SHARE && ns as f64 - median <= gap {
                *value = None;
                names.push(format!("{name} (platform alone: + {gap:.0} ns)"));
            }
        }
        let why = format!("withheld, below the jitter floor: {}", names.join(", "));
        (!names.is_empty()).then(|| cell.quantiles_missing.insert(why).clone())
    }
}

fn of_width(cell: &Cell) -> Option<(Letter, String)> {
    let share = half_width_share(cell)?;
    let letter = first_within(share, &WIDTHS);
    (letter > Letter::A).then(|| (letter, format!("the interval is ± {:.1} %", share * 100.0)))
}

/// Launches that differ as a series, beyond what an A promises.
fn of_agreement(cell: &Cell) -> Option<(Letter, String)> {
    let launches: Vec<f64> = cell.per_launch.iter().map(|launch| launch.estimate_ns).collect();
    let found = unsteady(&launches, NEGLIGIBLE)?;
    let what = match found.kind {
        Kind::Trend => "launches drift from first to last by",
        Kind::Step => "from one launch on, figures differ by",
        Kind::TwoGroups => "launches fall into two groups that differ by",
    };
    Some((Letter::C, format!("{what} {:.0} %", found.by * 100.0)))
}

/// Launches that did not settle have no steady figure: a few of them are outvoted by the median, half of them are not.
fn of_steady_state(cell: &Cell) -> Option<(Letter, String)> {
    let (unsteady, launches) = (cell.unsteady_launches, cell.launches);
    let why = || format!("{unsteady} of {} reached no steady state", launches_text(launches as usize));
    match () {
        () if unsteady * 2 > launches => Some((Letter::D, why())),
        () if unsteady * 4 > launches => Some((Letter::C, why())),
        () => None,
    }
}

/// `1 launch`, `2 launches`.
fn launches_text(launches: usize) -> String {
    format!("{launches} launch{}", if launches == 1 { "" } else { "es" })
}

/// Half the interval's width as a share of the estimate.
fn half_width_share(cell: &Cell) -> Option<f64> {
    let ([low, high], estimate) = cell.interval_ns.zip(cell.estimate_ns)?;
    (estimate > 0.0).then(|| (high - low) / 2.0 / estimate)
}

fn first_within(share: f64, limits: &[(f64, Letter)]) -> Letter {
    limits.iter().find(|(limit, _)| share <= *limit).map_or(Letter::D, |(_, letter)| *letter)
}

/// What is measured must be known: a tree that differs from its commit is nobody's but the author's.
fn of_revision(header: &Header) -> Option<(Letter, String)> {
    let revision = &header.revision;
    match (&revision.commit, revision.dirty) {
        (_, Some(true)) => Some((Letter::D, "the source differs from its commit".to_owned())),
        (None, _) => Some((Letter::B, "the revision is not known".to_owned())),
        _ => None,
    }
}

/// Kalibera and Jones (2013): without repetition where the variance arises there is no uncertainty to give.
fn of_launches(cell: &Cell) -> Option<(Letter, String)> {
    let one = cell.launches < 2 || cell.interval_spans.as_deref() != Some(crate::estimate::Spans::Launches.as_str());
    if one {
        return Some((Letter::D, "one launch: how well the number is known is not known".to_owned()));
    }
    let level = cell.interval_level.unwrap_or(0.0);
    let letter = LEVELS.iter().find(|(least, _)| level >= *least).map_or(Letter::C, |(_, letter)| *letter);
    let why = || format!("{} cover the median with {:.1} %", launches_text(cell.launches as usize), level * 100.0);
    (letter > Letter::A).then(|| (letter, why()))
}

fn of_verification(cell: &Cell) -> Option<(Letter, String)> {
    let said = cell.verification.as_deref().unwrap_or("no word of it");
    (!said.starts_with("passed")).then(|| (Letter::D, format!("not verified: {said}")))
}

/// What else ran on the cell's CPUs during its launches.
fn of_other_work(cell: &Cell) -> Option<(Letter, String)> {
    let condition = |name: &str| cell.conditions.get(name).and_then(Value::as_f64);
    let chance = condition("foreign_noise_share").unwrap_or(0.0);
    let foreign = condition("foreign_cpu_share").filter(|&share| share > chance);
    let of_wall = || condition("steal_ns").zip(condition("wall_s")).map(|(ns, s)| ns / 1e9 / s);
    // Steal is rounded to ticks, and not sampled by them: one tick is chance where two are for other work.
    let stolen = condition("stolen_cpu_share").or_else(of_wall).filter(|&share| share > chance / 2.0);
    let foreign = foreign.zip(foreign.and_then(|share| beyond(share, FOREIGN_SHARES)));
    let stolen = stolen.zip(stolen.and_then(|share| beyond(share, STOLEN_SHARES)));
    let foreign = foreign.map(|(share, letter)| (letter, format!("others used {:.0} % of its CPUs", share * 100.0)));
    let stolen =
        stolen.map(|(share, letter)| (letter, format!("the hypervisor took {:.0} % of its time", share * 100.0)));
    foreign.into_iter().chain(stolen).max_by_key(|(letter, _)| *letter)
}

fn beyond(share: f64, [c, d]: [f64; 2]) -> Option<Letter> {
    (share > c).then_some(if share > d { Letter::D } else { Letter::C })
}

/// Their names, if there are any.
fn ids(findings: &[&Finding], which: impl Fn(&Finding) -> bool) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for finding in findings.iter().filter(|finding| which(finding)) {
        if !names.contains(&finding.id.as_str()) {
            names.push(&finding.id);
        }
    }
    (!names.is_empty()).then(|| names.join(", "))
}

fn flagged(ids: &str) -> String {
    format!("the doctor flagged {ids}")
}

/// The gravest first.
fn sorted(mut reasons: Vec<(Letter, String)>) -> Vec<(Letter, String)> {
    reasons.sort_by_key(|(letter, _)| std::cmp::Reverse(*letter));
    reasons
}
