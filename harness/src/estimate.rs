//! Point estimates and intervals that assume no distribution.
//!
//! The centre is a median, the interval a pair of order statistics: how many of n independent values fall below the
//! true median is binomial(n, ½) whatever they are distributed like, so the coverage of (kth smallest, kth largest) is
//! exactly 1 − 2·P(B < k). Sources: J.-Y. Le Boudec, *Performance Evaluation of Computer and Communication Systems*
//! (2010), theorem 2.1 and its tables; H. A. David and H. N. Nagaraja, *Order Statistics* (2003), section 7.1.
//!
//! The unit of repetition is the **launch**. Batches of one launch share its memory layout, placement and moment, so an
//! interval over them says how steady that launch was, not how well the number is known: [`Spans`] tells which it is.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The coverage that intervals aim at, as a share.
pub const LEVEL: f64 = 0.95;

/// What the values behind an interval are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Spans {
    /// Medians of several launches.
    #[serde(rename = "launches")]
    Launches,
    /// Batches of a single launch: not the uncertainty of the number.
    #[serde(rename = "batches within one launch")]
    Batches,
}

impl Spans {
    /// The words that records and reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Launches => "launches",
            Self::Batches => "batches within one launch",
        }
    }
}

impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An interval for a median, in the unit of the values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The lower end, itself one of the values.
    pub low: f64,
    /// The upper end, itself one of the values.
    pub high: f64,
    /// The exact coverage as a share. Below 0.95 where fewer than six values allow no more; 0 for a single value.
    pub level: f64,
    /// What it spans.
    pub spans: Spans,
}

/// A number with its uncertainty. Times are ns per operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The median of the launch medians.
    pub point_ns: f64,
    /// The interval for it.
    pub interval: Interval,
    /// How many launches had batches.
    pub launches: usize,
    /// How many batches there were in all launches.
    pub batches: usize,
    /// Half the interval's width as a share of the point; absent if the point is zero.
    pub relative_half_width: Option<f64>,
    /// Median absolute deviation of the values that the interval spans, unscaled (for a normal distribution it is
    /// 0.6745 standard deviations).
    pub mad_ns: f64,
}

/// The median, or nothing of nothing. Of an even number of values it is the mean of the two in the middle.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    middle(&sorted(values))
}

/// The smallest of the ascending values that at least a share `q` (0 … 1) of them does not exceed; nothing of nothing.
/// It does not interpolate, and does not ask whether there are enough values for `q`.
#[must_use]
pub fn quantile_sorted(ascending: &[f64], q: f64) -> Option<f64> {
    let rank = (q.clamp(0.0, 1.0) * ascending.len() as f64).ceil() as usize;
    ascending.get(rank.saturating_sub(1)).copied()
}

/// The estimate from each launch's batches, given as ns per operation.
///
/// - With several launches the values are their medians; with one, its batches.
/// - The interval is the narrowest symmetric pair of order statistics with a coverage of at least 95 %; below six
///   values it is their range, with the level that really has: 1 − 2^(1 − n).
/// - Launches without batches are left out. Without any batch, or with a batch that is not finite, there is no estimate.
#[must_use]
pub fn estimate(launches: &[Vec<f64>]) -> Option<Estimate> {
    let batches: Vec<f64> = launches.iter().flatten().copied().collect();
    if batches.iter().any(|ns| !ns.is_finite()) {
        return None;
    }
    let medians: Vec<f64> = launches.iter().filter_map(|ns| median(ns)).collect();
    let (values, spans) = match medians.len() {
        0 => return None,
        1 => (sorted(&batches), Spans::Batches),
        _ => (sorted(&medians), Spans::Launches),
    };
    let point_ns = middle(&values)?;
    let interval = interval(&values, spans);
    let half_width = (interval.high - interval.low) / 2.0;
    Some(Estimate {
        point_ns,
        interval,
        launches: medians.len(),
        batches: batches.len(),
        relative_half_width: (point_ns != 0.0).then(|| half_width / point_ns.abs()),
        mad_ns: absolute_deviation(&values, point_ns)?,
    })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut ascending = values.to_vec();
    ascending.sort_by(f64::total_cmp);
    ascending
}

fn middle(ascending: &[f64]) -> Option<f64> {
    let upper = *ascending.get(ascending.len() / 2)?;
    if ascending.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(ascending[ascending.len() / 2 - 1], upper))
}

fn absolute_deviation(values: &[f64], centre: f64) -> Option<f64> {
    let deviations: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    median(&deviations)
}

fn interval(ascending: &[f64], spans: Spans) -> Interval {
    let (rank, level) = rank_and_level(ascending.len());
    Interval { low: ascending[rank - 1], high: ascending[ascending.len() - rank], level, spans }
}

/// The rank k, counted from 1, for which (kth smallest, kth largest) of n values is the narrowest pair that covers at
/// least [`LEVEL`], with the coverage; or (1, what the range covers) if no pair does. `n` must not be zero.
fn rank_and_level(n: usize) -> (usize, f64) {
    let coverage = |below: f64| (1.0 - 2.0 * below).max(0.0);
    // P(B = i) by its logarithm: 0.5^n itself underflows from 1,075 values on.
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut below = log_term.exp();
    let mut best = (1, coverage(below));
    for rank in 2..=n.div_ceil(2) {
        log_term += ((n - rank + 2) as f64 / (rank - 1) as f64).ln();
        below += log_term.exp();
        if coverage(below) < LEVEL {
            break;
        }
        best = (rank, coverage(below));
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn singles(values: &[f64]) -> Vec<Vec<f64>> {
        values.iter().map(|value| vec![*value]).collect()
    }

    #[test]
    fn ranks_and_levels_are_those_of_the_published_tables() {
        // Le Boudec, table for the median at 95 %; David and Nagaraja, section 7.1.
        for (n, rank, level) in [
            (6, 1, 0.96875),
            (7, 1, 0.9844),
            (8, 1, 0.9922),
            (9, 2, 0.9609),
            (10, 2, 0.9785),
            (20, 6, 0.9586),
            (30, 10, 0.9572),
        ] {
            let (found_rank, found_level) = rank_and_level(n);
            assert_eq!(found_rank, rank, "n = {n}");
            assert!((found_level - level).abs() < 6e-5, "n = {n}: {found_level}");
        }
    }

    #[test]
    fn below_six_values_the_level_is_what_the_range_covers() {
        for (n, level) in [(1, 0.0), (2, 0.5), (3, 0.75), (4, 0.875), (5, 0.9375)] {
            let (rank, found) = rank_and_level(n);
            assert_eq!(rank, 1);
            assert!((found - level).abs() < 1e-12, "n = {n}: {found}");
        }
    }

    #[test]
    fn thousands_of_values_do_not_underflow() {
        let (rank, level) = rank_and_level(10_000);
        // Normal approximation: n/2 − 1.96·√n/2 = 4902.
        assert!((4_900..=4_904).contains(&rank), "{rank}");
        assert!((0.95..0.953).contains(&level), "{level}");
    }

    #[test]
    fn several_launches_count_each_launch_once() {
        let found = estimate(&[vec![1.0; 99], vec![3.0], vec![2.0, 4.0], vec![]]).unwrap();
        assert_eq!(found.point_ns, 3.0);
        assert_eq!((found.launches, found.batches), (3, 102));
        assert_eq!((found.interval.low, found.interval.high), (1.0, 3.0));
        assert_eq!(found.interval.spans, Spans::Launches);
        assert_eq!(found.relative_half_width, Some(1.0 / 3.0));
        assert_eq!(found.mad_ns, 0.0);
    }

    #[test]
    fn one_launch_is_judged_by_its_batches_and_says_so() {
        let found = estimate(&[(1..=10).map(f64::from).collect()]).unwrap();
        assert_eq!(found.point_ns, 5.5);
        assert_eq!((found.interval.low, found.interval.high), (2.0, 9.0));
        assert_eq!(found.interval.spans.to_string(), "batches within one launch");
        assert_eq!(found.mad_ns, 2.5);
    }

    #[test]
    fn nothing_and_infinities_have_no_estimate() {
        assert_eq!(estimate(&[]), None);
        assert_eq!(estimate(&[vec![], vec![]]), None);
        assert_eq!(estimate(&[vec![1.0], vec![f64::NAN]]), None);
        assert_eq!(median(&[]), None);
        assert_eq!(quantile_sorted(&[], 0.5), None);
    }

    #[test]
    fn a_quantile_is_the_value_that_its_share_does_not_exceed() {
        let values = [1.0, 2.0, 3.0, 4.0];
        let found = [0.0, 0.25, 0.26, 0.5, 1.0].map(|q| quantile_sorted(&values, q));
        assert_eq!(found, [1.0, 1.0, 2.0, 2.0, 4.0].map(Some));
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic without pointers, five thousand times")]
    fn ten_launches_cover_the_true_median_at_least_94_times_in_100() {
        // Exponential launch medians: skewed, as latencies are. True median ln 2; expected coverage 0.9785.
        let mut random = fastrand::Rng::with_seed(7);
        let trials = 5_000;
        let covered = (0..trials)
            .filter(|_| {
                let launches = singles(&[(); 10].map(|()| -(1.0 - random.f64()).ln()));
                let interval = estimate(&launches).unwrap().interval;
                (interval.low..=interval.high).contains(&std::f64::consts::LN_2)
            })
            .count();
        let share = covered as f64 / f64::from(trials);
        assert!(share >= 0.94, "{share}");
        assert!((share - 0.9785).abs() < 0.01, "{share}");
    }

    proptest! {
        #[test]
        fn the_point_lies_within_and_order_does_not_matter(
            mut values in prop::collection::vec(0.0..1e12_f64, 1..40),
            seed: u64,
        ) {
            let found = estimate(&singles(&values)).unwrap();
            prop_assert!(found.interval.low <= found.point_ns);
            prop_assert!(found.point_ns <= found.interval.high);
            fastrand::Rng::with_seed(seed).shuffle(&mut values);
            prop_assert_eq!(estimate(&singles(&values)).unwrap(), found);
        }

        #[test]
        fn a_launch_is_within_its_own_batches(batches in prop::collection::vec(0.0..1e6_f64, 1..300)) {
            let found = estimate(&[batches]).unwrap();
            prop_assert!(found.interval.low <= found.point_ns && found.point_ns <= found.interval.high);
            prop_assert!((0.0..=1.0).contains(&found.interval.level));
        }
    }
}
