//! The ratio of two cells of one record, with an interval and a grade of its own.
//!
//! Every round of a run has each cell once, in shuffled order: launches of one round are neighbours in time, and what lasts longer
//! than a round (another frequency, other guests, a hotter processor) falls out of their ratio. So a ratio within a run is known
//! better than either number, and on a machine that allows no A to a number it may still be an A itself.
//!
//! - Launches are paired by their round; the observation is the logarithm of their ratio (`signed_rank.rs`).
//! - Launches of different starts of a resumed run are no pair: they may be hours and other conditions apart.
//! - Records without rounds, as of earlier versions, and cells without a common round have the unpaired interval of [`Ranks`].
//! - The grade is that of the ratio's own interval, and of what disturbed the two unequally (`grade.rs`).
//!
//! All of it is a pure function of the record.

mod grade;
mod signed_rank;

use std::collections::BTreeMap;

use ipcmark_harness::estimate::{LEVEL, median};
use ipcmark_harness::grade::Grade;
use ipcmark_harness::record::{Cell, Header, Record, Resumed};
use serde::Serialize;

use crate::compare::evidence::p_of_equality;
use crate::compare::ratio::{Ranks, Ratio};
use crate::words::Figures;

/// The run that cells are of, as far as it decides how far their ratios can be trusted.
#[derive(Clone, Copy, Debug)]
pub struct RunContext<'a> {
    /// The record's first line.
    pub header: &'a Header,
    /// The times that it was resumed, in their order.
    pub resumed: &'a [Resumed],
}

impl<'a> From<&'a Record> for RunContext<'a> {
    fn from(record: &'a Record) -> Self {
        RunContext { header: &record.header, resumed: &record.resumed }
    }
}

/// Of a run whose header holds all its findings, as while it is under way.
impl<'a> From<&'a Header> for RunContext<'a> {
    fn from(header: &'a Header) -> Self {
        RunContext { header, resumed: &[] }
    }
}

/// How many times as long one cell takes as another of its record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairedRatio {
    /// The estimate.
    pub value: f64,
    /// Its interval; none where there are too few launches.
    pub interval: Option<[f64; 2]>,
    /// Exact coverage of the interval, as a share; at least this where launches are not paired.
    pub level: Option<f64>,
    /// Launches that are paired by round, at most 100; none: the two have no round in common.
    pub pairs: Option<usize>,
    /// How far it can be trusted.
    pub grade: Grade,
    /// Of its interval: one less than the pairs, or than the launches of the arm that has fewer.
    #[serde(skip)]
    degrees: f64,
}

impl PairedRatio {
    /// Of two cells of this run, `other` over `base`; none where a time is zero, or was not measured.
    #[must_use]
    pub fn of<'a>(run: impl Into<RunContext<'a>>, base: &Cell, other: &Cell) -> Option<PairedRatio> {
        let found = PairedRatio::ungraded(base, other)?;
        let grade = grade::of(run.into(), [base, other], &found, log_ratios(base, other).as_deref());
        Some(PairedRatio { grade, ..found })
    }

    /// The same without a grade, which takes most of the time.
    pub(crate) fn ungraded(base: &Cell, other: &Cell) -> Option<PairedRatio> {
        log_ratios(base, other).map_or_else(|| unpaired(base, other), |logs| from_pairs(&logs))
    }

    /// Whether the whole interval lies on one side of 1.
    #[must_use]
    pub fn told_apart(&self) -> bool {
        self.interval.is_some_and(|[low, high]| low > 1.0 || high < 1.0)
    }

    /// Whether it is also told apart where the ratios of every two of so many cells are looked at, of which some lie far from 1 by chance:
    /// at most one such group in twenty has any two equal cells that are (C. E. Bonferroni's correction). Ranks of few launches have no
    /// tails so thin, so these are Student's.
    #[must_use]
    pub(crate) fn told_apart_among(&self, cells: usize) -> bool {
        let comparisons = (cells * cells.saturating_sub(1) / 2).max(1) as f64;
        let ratio = Ratio { value: self.value, interval: self.interval };
        self.told_apart() && p_of_equality(&ratio, self.degrees) <= (1.0 - LEVEL) / comparisons
    }

    /// Half the interval's width as a share: 0.05 where the ends are 5 % from the middle.
    #[must_use]
    pub fn half_width(&self) -> Option<f64> {
        self.interval.map(|[low, high]| (high / low).sqrt() - 1.0)
    }

    /// What keeps the grade down beside the width of the interval, which is seen.
    pub fn other_reasons(&self) -> impl Iterator<Item = &str> {
        self.grade.reasons.iter().map(String::as_str).filter(|reason| !reason.contains(grade::OF_WIDTH))
    }

    /// `1.23 (1.20 – 1.27)`.
    #[must_use]
    pub fn said(&self) -> String {
        Figures::plain(self.value, self.interval).to_string()
    }
}

/// A start of the run, and a round.
type Slot = (u32, u32);

/// The logarithms of the ratios of launches of one start and round, in their order, as many as are used. None: the two have none in
/// common.
fn log_ratios(base: &Cell, other: &Cell) -> Option<Vec<f64>> {
    let (base, other) = (by_round(base)?, by_round(other)?);
    let logs = base.iter().filter_map(|(slot, base)| Some(other.get(slot)? - base));
    let logs: Vec<f64> = logs.take(signed_rank::MOST).collect();
    (!logs.is_empty()).then_some(logs)
}

/// The logarithm of each round's launch; of several of one round their median. None: all launches are of one round, so that
/// nothing tells which are neighbours.
fn by_round(cell: &Cell) -> Option<BTreeMap<Slot, f64>> {
    let mut rounds: BTreeMap<Slot, Vec<f64>> = BTreeMap::new();
    for launch in cell.per_launch.iter().filter(|launch| launch.estimate_ns > 0.0 && launch.estimate_ns.is_finite()) {
        rounds.entry((launch.start, launch.round)).or_default().push(launch.estimate_ns.ln());
    }
    let of_round = |(slot, logs): (Slot, Vec<f64>)| Some((slot, median(&logs)?));
    (rounds.len() > 1).then(|| rounds.into_iter().filter_map(of_round).collect())
}

fn from_pairs(logs: &[f64]) -> Option<PairedRatio> {
    let found = signed_rank::estimate(logs)?;
    Some(PairedRatio {
        value: found.centre.exp(),
        interval: found.interval.map(|ends| ends.map(f64::exp)),
        level: found.interval.map(|_| found.level),
        pairs: Some(logs.len()),
        grade: grade::none_yet(),
        degrees: logs.len() as f64 - 1.0,
    })
}

fn unpaired(base: &Cell, other: &Cell) -> Option<PairedRatio> {
    let launches = |cell: &Cell| -> Vec<f64> { cell.per_launch.iter().map(|launch| launch.estimate_ns).collect() };
    // The only launch is no sample of launches, and its cell's estimate is the same number.
    let of_launches = Ranks::default().ratio(&launches(base), &launches(other));
    let value = of_launches.map(|found| found.value).or_else(|| plain(base, other))?;
    let interval = of_launches.and_then(|found| found.interval);
    let degrees = base.per_launch.len().min(other.per_launch.len()).saturating_sub(1) as f64;
    let level = interval.map(|_| LEVEL);
    Some(PairedRatio { value, interval, level, pairs: None, grade: grade::none_yet(), degrees })
}

/// Of the estimates.
fn plain(base: &Cell, other: &Cell) -> Option<f64> {
    let value = other.estimate_ns? / base.estimate_ns?;
    (value.is_finite() && value > 0.0).then_some(value)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
