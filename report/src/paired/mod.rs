//! The ratio of two cells of one record, with an interval and a grade of its own.
//!
//! Every round of a run has each cell once, in shuffled order: launches of one round are neighbours in time, and what lasts longer
//! than a round (another frequency, other guests, a hotter processor) falls out of their ratio. So a ratio within a run is known
//! better than either number, and on a machine that allows no A to a number it may still be an A itself.
//!
//! - Launches are paired by their round; the observation is the logarithm of their ratio ([`signed_rank`]).
//! - Records without rounds, as of earlier versions, have the unpaired interval of [`Ranks`].
//! - The grade is that of the ratio's own interval, and of what disturbed the two unequally ([`grade`]).
//!
//! All of it is a pure function of the record.

mod grade;
mod signed_rank;

use std::collections::BTreeMap;

use ipcmark_harness::estimate::{LEVEL, median};
use ipcmark_harness::grade::Grade;
use ipcmark_harness::record::{Cell, Header};
use serde::Serialize;

use crate::compare::ratio::Ranks;
use crate::words::Figures;

/// How many times as long one cell takes as another of its record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairedRatio {
    /// The estimate.
    pub value: f64,
    /// Its interval; none where there are too few launches.
    pub interval: Option<[f64; 2]>,
    /// Exact coverage of the interval, as a share; at least this where launches are not paired.
    pub level: Option<f64>,
    /// Launches that are paired by round; none: the record has no rounds.
    pub pairs: Option<usize>,
    /// How far it can be trusted.
    pub grade: Grade,
}

impl PairedRatio {
    /// Of two cells of the record that has this header, `other` over `base`; none where a time is zero, or was not measured.
    #[must_use]
    pub fn of(header: &Header, base: &Cell, other: &Cell) -> Option<PairedRatio> {
        let logs = log_ratios(base, other);
        let found = logs.as_ref().map_or_else(|| unpaired(base, other), |logs| from_pairs(logs))?;
        let grade = grade::of(header, [base, other], &found, logs.as_deref());
        Some(PairedRatio { grade, ..found })
    }

    /// Whether the whole interval lies on one side of 1.
    #[must_use]
    pub fn told_apart(&self) -> bool {
        self.interval.is_some_and(|[low, high]| low > 1.0 || high < 1.0)
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

/// The logarithms of the ratios of launches of one round, in the order of rounds. None: the launches have no rounds.
fn log_ratios(base: &Cell, other: &Cell) -> Option<Vec<f64>> {
    let (base, other) = (by_round(base)?, by_round(other)?);
    Some(base.iter().filter_map(|(round, base)| Some(other.get(round)? - base)).collect())
}

/// The logarithm of each round's launch; of several of one round their median. None: all launches are of one round, so that
/// nothing tells which are neighbours.
fn by_round(cell: &Cell) -> Option<BTreeMap<u32, f64>> {
    let mut rounds: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for launch in cell.per_launch.iter().filter(|launch| launch.estimate_ns > 0.0 && launch.estimate_ns.is_finite()) {
        rounds.entry(launch.round).or_default().push(launch.estimate_ns.ln());
    }
    let of_round = |(round, logs): (u32, Vec<f64>)| Some((round, median(&logs)?));
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
    })
}

fn unpaired(base: &Cell, other: &Cell) -> Option<PairedRatio> {
    let launches = |cell: &Cell| -> Vec<f64> { cell.per_launch.iter().map(|launch| launch.estimate_ns).collect() };
    // The only launch is no sample of launches, and its cell's estimate is the same number.
    let of_launches = Ranks::default().ratio(&launches(base), &launches(other));
    let value = of_launches.map(|found| found.value).or_else(|| plain(base, other))?;
    let interval = of_launches.and_then(|found| found.interval);
    Some(PairedRatio { value, interval, level: interval.map(|_| LEVEL), pairs: None, grade: grade::none_yet() })
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
