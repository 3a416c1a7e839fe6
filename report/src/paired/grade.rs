//! Grades of ratios: the worst letter that any of the reasons allows, as with numbers, but of what moves a *ratio*: what disturbs
//! both arms alike falls out of it. The thresholds are a convention of this suite.

use std::collections::BTreeMap;

use ipcmark_harness::doctor::{Finding, Severity};
use ipcmark_harness::grade::scheduling::of_scheduling;
use ipcmark_harness::grade::steadiness::{Kind, unsteady};
use ipcmark_harness::grade::{Grade, Letter, MOST_FOREIGN, MOST_STOLEN};
use ipcmark_harness::record::{Cell, LaunchSummary};
use serde_json::Value;

use super::{PairedRatio, RunContext, signed_rank};
use crate::words::time;

/// Half the interval's width, as a share, up to which a letter is given: as for numbers.
const WIDTHS: [(f64, Letter); 3] = [(0.02, Letter::A), (0.05, Letter::B), (0.15, Letter::C)];
/// Below so many pairs there is no interval at 95 %.
const FEWEST_PAIRS: usize = 6;
/// Shares that differ by less between the arms are alike: they cannot move a ratio by more than the width of an A.
const ALIKE: f64 = 0.02;
/// Without launches to tell chance from more, shares that differ by less are alike.
const ALIKE_IN_ALL: f64 = 0.05;
/// Ratios of pairs that drift by less do not count as drifting.
const NEGLIGIBLE: f64 = 0.02;
/// More launches of an arm than this share without a steady state: a burst and a steady state are mixed.
const MOST_UNSTEADY: f64 = 0.25;
/// /proc/stat counts in ticks of 1/USER_HZ, which is 100 on every architecture of Linux.
const TICK_NS: f64 = 1e7;

/// How the reason that every reader sees begins.
pub(super) const OF_WIDTH: &str = "the interval of the ratio is";

type Reason = (Letter, String);

/// Before anything was judged.
pub(super) fn none_yet() -> Grade {
    Grade { letter: Letter::D, tail: None, reasons: Vec::new() }
}

/// Of a ratio of two arms; `logs`: the logarithms of its pairs, in the order of rounds.
pub(super) fn of(run: RunContext<'_>, arms: [&Cell; 2], found: &PairedRatio, logs: Option<&[f64]>) -> Grade {
    let mut reasons: Vec<Reason> = of_run(run, arms);
    reasons.extend(of_width(found));
    reasons.extend(of_count(arms, found));
    reasons.extend(logs.and_then(of_drift));
    for (place, arm) in arms.into_iter().enumerate() {
        let name = named(arms, place);
        reasons.extend(of_verification(arm, name));
        reasons.extend(of_disturbance(arm, name));
        reasons.extend(of_steadiness(arm, name));
        reasons.extend(of_modes(arm, name));
        reasons.extend(of_scheduling(arm).map(|(letter, why)| (letter, format!("{name}: {why}"))));
    }
    reasons.extend(unequal(arms, "other work used", foreign_ns, "foreign_cpu_share"));
    reasons.extend(unequal(arms, "the hypervisor took", stolen_ns, "steal_ns"));
    reasons.sort_by_key(|(letter, _)| std::cmp::Reverse(*letter));
    let letter = reasons.first().map_or(Letter::A, |(letter, _)| *letter);
    Grade { letter, tail: None, reasons: reasons.iter().map(|(letter, why)| format!("{letter}: {why}")).collect() }
}

/// The mechanism, or where both are of one the id.
fn named(arms: [&Cell; 2], place: usize) -> &str {
    if arms[0].mechanism == arms[1].mechanism { &arms[place].id } else { &arms[place].mechanism }
}

/// What is measured must be known, and on a machine that was refused nothing is.
fn of_run(run: RunContext<'_>, arms: [&Cell; 2]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if run.header.revision.dirty == Some(true) {
        reasons.push((Letter::D, "the source differs from its commit".to_owned()));
    }
    let refused = refused(run, arms);
    if !refused.is_empty() {
        reasons.push((Letter::D, format!("measured although the doctor refused: {}", refused.join(", "))));
    }
    reasons
}

/// What the doctor refused before the first start, and before each later one that a launch of either arm is of.
fn refused<'a>(run: RunContext<'a>, arms: [&Cell; 2]) -> Vec<&'a str> {
    let mut findings: Vec<&Finding> = run.header.findings.iter().collect();
    let mut otherwise = false;
    for (start, resumed) in (1..).zip(run.resumed) {
        let concerned = |arm: &&Cell| arm.per_launch.iter().any(|launch| launch.start == start);
        if arms.iter().any(concerned) {
            findings.extend(&resumed.findings);
            otherwise |= !resumed.changed.is_empty();
        }
    }
    let refusals = findings.into_iter().filter(|finding| finding.severity == Severity::Refuse);
    let mut ids: Vec<&str> = refusals.map(|finding| finding.id.as_str()).collect();
    ids.extend(otherwise.then_some("resumed-otherwise"));
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn of_width(found: &PairedRatio) -> Option<Reason> {
    let Some(share) = found.half_width() else { return Some((Letter::D, "no interval: too few launches".to_owned())) };
    let letter = WIDTHS.iter().find(|(limit, _)| share <= *limit).map_or(Letter::D, |(_, letter)| *letter);
    (letter > Letter::A).then(|| (letter, format!("{OF_WIDTH} ± {:.1} %", share * 100.0)))
}

fn of_count(arms: [&Cell; 2], found: &PairedRatio) -> Option<Reason> {
    let fewest = arms.map(|arm| arm.per_launch.len()).into_iter().min().unwrap_or(0);
    let (count, of_what) = match found.pairs {
        Some(pairs) => (pairs, "pairs of launches"),
        None => (fewest, "launches of an arm"),
    };
    (count < FEWEST_PAIRS).then(|| (Letter::C, format!("{count} {of_what}, of {FEWEST_PAIRS} that 95 % need")))
}

/// Whether the pairs agree from first to last.
fn of_drift(logs: &[f64]) -> Option<Reason> {
    let ratios: Vec<f64> = logs.iter().map(|log| log.exp()).collect();
    let found = unsteady(&ratios, NEGLIGIBLE)?;
    let what = match found.kind {
        Kind::Trend => "the ratio drifts from the first round to the last by",
        Kind::Step => "from one round on the ratio is another, by",
        Kind::TwoGroups => "ratios of rounds fall into two groups that differ by",
    };
    Some((Letter::C, format!("{what} {:.0} %", found.by * 100.0)))
}

fn of_verification(arm: &Cell, name: &str) -> Option<Reason> {
    let said = arm.verification.as_deref().unwrap_or("no word of it");
    (!said.starts_with("passed")).then(|| (Letter::D, format!("{name} was not verified: {said}")))
}

fn of_steadiness(arm: &Cell, name: &str) -> Option<Reason> {
    let (unsteady, all) = (arm.unsteady_launches, arm.launches.max(1));
    let letter = if f64::from(unsteady) > MOST_UNSTEADY * f64::from(all) { Letter::C } else { Letter::B };
    (unsteady > 0).then(|| (letter, format!("{unsteady} of {all} launches of {name} reached no steady state")))
}

fn of_modes(arm: &Cell, name: &str) -> Option<Reason> {
    let [low, high] = arm.modes_ns[..] else { return None };
    Some((Letter::C, format!("{name} takes {} or {}, by process: no single ratio tells it", time(low), time(high))))
}

fn foreign_ns(launch: &LaunchSummary) -> u64 {
    launch.foreign_ns
}

fn stolen_ns(launch: &LaunchSummary) -> u64 {
    launch.stolen_ns
}

/// What an arm's CPUs lost to something, as a share, and how far off that may be by the kernel's ticks.
#[derive(Clone, Copy)]
struct Lost {
    share: f64,
    /// Independent errors of a tick a reading add up by their squares; twice that is left to chance.
    chance: f64,
}

impl Lost {
    fn beyond(self, limit: f64) -> bool {
        self.share > limit && self.share > self.chance
    }
}

/// From the launches, or where those do not have it from the cell's conditions.
fn lost(arm: &Cell, of: fn(&LaunchSummary) -> u64, condition: &str) -> Option<Lost> {
    let available = |launch: &LaunchSummary| launch.wall_ns as f64 * f64::from(launch.cpus);
    let all: f64 = arm.per_launch.iter().map(available).sum();
    if all > 0.0 {
        let readings: f64 = arm.per_launch.iter().map(|launch| f64::from(launch.cpus)).sum();
        let lost: f64 = arm.per_launch.iter().map(|launch| of(launch) as f64).sum();
        return Some(Lost { share: lost / all, chance: 2.0 * TICK_NS * readings.sqrt() / all });
    }
    let value = arm.conditions.get(condition).and_then(Value::as_f64)?;
    let wall_ns = arm.conditions.get("wall_s").and_then(Value::as_f64).filter(|&s| s > 0.0)? * 1e9;
    let mut cpus = [&arm.cpus.near[..], &arm.cpus.far[..]].concat();
    cpus.sort_unstable();
    cpus.dedup();
    let cpus = cpus.len().max(1) as f64;
    let share = if condition.ends_with("_ns") { value / (wall_ns * cpus) } else { value };
    let chance = 2.0 * TICK_NS * (f64::from(arm.launches) * cpus).sqrt() / (wall_ns * cpus);
    Some(Lost { share, chance })
}

fn of_disturbance(arm: &Cell, name: &str) -> Vec<Reason> {
    let foreign = lost(arm, foreign_ns, "foreign_cpu_share").filter(|lost| lost.beyond(MOST_FOREIGN));
    let stolen = lost(arm, stolen_ns, "steal_ns").filter(|lost| lost.beyond(MOST_STOLEN));
    let foreign =
        foreign.map(|l| format!("other work used {:.0} % of the CPUs of {name}: not citable", l.share * 100.0));
    let stolen = stolen.map(|l| format!("the hypervisor took {:.0} % from {name}: not citable", l.share * 100.0));
    foreign.into_iter().chain(stolen).map(|why| (Letter::D, why)).collect()
}

/// Whether one arm lost more than the other, beyond chance.
fn unequal(arms: [&Cell; 2], what: &str, of: fn(&LaunchSummary) -> u64, condition: &str) -> Option<Reason> {
    let by = differences(arms, of).map_or_else(
        || {
            let [base, other] = [lost(arms[0], of, condition)?, lost(arms[1], of, condition)?];
            let by = other.share - base.share;
            (by.abs() > ALIKE_IN_ALL && by.abs() > base.chance.hypot(other.chance)).then_some(by)
        },
        |differences| beyond_chance(&differences),
    )?;
    let more = named(arms, usize::from(by > 0.0));
    Some((Letter::C, format!("{what} {:.0} % more of the CPUs of {more} than of the other's", by.abs() * 100.0)))
}

/// By start and round, what the other arm's launch lost more than the base's, as a share; none where launches do not have it.
fn differences(arms: [&Cell; 2], of: fn(&LaunchSummary) -> u64) -> Option<Vec<f64>> {
    let share = |launch: &LaunchSummary| {
        let available = launch.wall_ns as f64 * f64::from(launch.cpus);
        (available > 0.0).then(|| ((launch.start, launch.round), of(launch) as f64 / available))
    };
    let [base, other] = arms.map(|arm| arm.per_launch.iter().filter_map(share).collect::<BTreeMap<_, _>>());
    let pair = |(slot, share): (&(u32, u32), &f64)| Some(other.get(slot)? - share);
    let pairs: Vec<f64> = base.iter().filter_map(pair).collect();
    (pairs.len() >= FEWEST_PAIRS).then_some(pairs)
}

/// Their centre, where it matters and the interval for it leaves out that there is none.
fn beyond_chance(differences: &[f64]) -> Option<f64> {
    let found = signed_rank::estimate(differences)?;
    let [low, high] = found.interval?;
    ((low > 0.0 || high < 0.0) && found.centre.abs() > ALIKE).then_some(found.centre)
}
