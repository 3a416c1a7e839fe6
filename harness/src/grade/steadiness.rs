//! Whether launches agree: a trend, a step, or two groups among their medians, in the order in which they ran.
//!
//! Each test compares a statistic with what the same launches give when chance alone is at work, by drawing thousands of orders of
//! the same values (permutation tests; E. Pitman, 1937), or as many samples of a flat distribution. So nothing is assumed of
//! how times are distributed, and six launches are as well served as ten: what they cannot show is not called.
//!
//! - Trend: Kendall's S (H. B. Mann, *Econometrica* 13, 1945; M. G. Kendall, *Rank Correlation Methods*).
//! - Step: Pettitt's K over ranks (A. N. Pettitt, *Applied Statistics* 28, 1979); its published approximation needs more launches.
//! - Two groups: the share of the squares that the best split into two explains (L. Engelman and J. A. Hartigan, *JASA* 64, 1969),
//!   against samples of a flat distribution: of all with one mode it looks most like two groups.

use crate::estimate::median;

/// The chance at which agreement by accident is called disagreement, for each test.
pub const ALARM: f64 = 0.01;
/// How often chance is drawn: the least p that can be seen is well below [`ALARM`].
const DRAWS: usize = 9_999;
/// Fewer launches show nothing: three can be ordered in six ways.
const FEWEST: usize = 5;
/// Fewer launches than these are no group, but outliers.
const FEWEST_IN_GROUP: usize = 2;

/// How the launches of a cell disagree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unsteady {
    /// What was seen.
    pub kind: Kind,
    /// How far it moves the figure, as a share of the median.
    pub by: f64,
}

/// The kinds of disagreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Later launches were slower, or faster, than earlier ones.
    Trend,
    /// From one launch on, figures were others.
    Step,
    /// Launches fall into two groups, in whatever order.
    TwoGroups,
}

/// The first of trend, step and groups that chance does not explain and that moves the figure by more than the share
/// `negligible`. Pure: the same launches always give the same answer.
#[must_use]
pub fn unsteady(launches: &[f64], negligible: f64) -> Option<Unsteady> {
    let centre = median(launches).filter(|&centre| centre > 0.0)?;
    if launches.len() < FEWEST || launches.iter().any(|ns| !ns.is_finite()) {
        return None;
    }
    let mut random = fastrand::Rng::with_seed(launches.len() as u64);
    let mut found = |kind, by: f64, beyond_chance: fn(&[f64], &mut fastrand::Rng) -> bool| {
        let by = by / centre;
        (by > negligible && beyond_chance(launches, &mut random)).then_some(Unsteady { kind, by })
    };
    let (before, after) = launches.split_at(step(launches).1);
    let (low, high) = groups(launches).1;
    found(Kind::Trend, slope(launches) * (launches.len() - 1) as f64, |all, random| shuffled(all, random, kendall))
        .or_else(|| {
            let by = distance(before, after);
            found(Kind::Step, by, |all, random| shuffled(all, random, |order| step(order).0))
        })
        .or_else(|| found(Kind::TwoGroups, distance(&low, &high), flat))
}

/// The medians of the two groups that launches fall into, ascending, where chance does not explain them and they lie apart by more
/// than 5 %: launches are bimodal by process, as by memory layout, and a single number stands for neither group.
#[must_use]
pub fn two_modes(launches: &[f64]) -> Option<[f64; 2]> {
    const APART: f64 = 0.05;
    const LEAST_SHARE: usize = 4;
    let centre = median(launches).filter(|&centre| centre > 0.0)?;
    if launches.len() < FEWEST || launches.iter().any(|ns| !ns.is_finite()) {
        return None;
    }
    let (low, high) = groups(launches).1;
    // Two outliers of twelve are outliers.
    if low.len().min(high.len()) * LEAST_SHARE < launches.len() {
        return None;
    }
    let mut random = fastrand::Rng::with_seed(launches.len() as u64);
    let found = distance(&low, &high) > APART * centre && flat(launches, &mut random);
    found.then(|| [median(&low), median(&high)].map(|mode| mode.unwrap_or(centre)))
}

/// Whether too few orders of the same values have a statistic as large for chance to be behind it.
fn shuffled(values: &[f64], random: &mut fastrand::Rng, statistic: fn(&[f64]) -> f64) -> bool {
    let seen = statistic(values);
    let mut order = values.to_vec();
    rare(|| {
        random.shuffle(&mut order);
        statistic(&order) >= seen
    })
}

/// Whether too few samples of a flat distribution split as well.
fn flat(values: &[f64], random: &mut fastrand::Rng) -> bool {
    let seen = groups(values).0;
    let mut sample = values.to_vec();
    rare(|| {
        sample.fill_with(|| random.f64());
        groups(&sample).0 >= seen
    })
}

/// Whether a draw is as large in fewer than [`ALARM`] of all. What was seen counts as one of them, so that no chance is 0
/// (B. Phipson and G. Smyth, 2010). Ends as soon as the answer is known, which it mostly is early.
fn rare(mut as_large: impl FnMut() -> bool) -> bool {
    let most = ((DRAWS + 1) as f64 * ALARM) as usize - 1;
    (0..DRAWS).filter(|_| as_large()).take(most).count() < most
}

/// Pairs in ascending order less those in descending order, without the sign.
fn kendall(values: &[f64]) -> f64 {
    let signs = pairs(values).map(|(_, earlier, later)| later.partial_cmp(&earlier).map_or(0, |order| order as i64));
    signs.sum::<i64>().abs() as f64
}

/// Theil and Sen: the median of the slopes of all pairs, per launch, without the sign.
fn slope(values: &[f64]) -> f64 {
    let slopes: Vec<f64> = pairs(values).map(|(apart, earlier, later)| (later - earlier) / apart).collect();
    median(&slopes).unwrap_or(0.0).abs()
}

/// Every two values with how far apart they are in the order.
fn pairs(values: &[f64]) -> impl Iterator<Item = (f64, f64, f64)> {
    let with_later =
        move |i: usize| values[i + 1..].iter().enumerate().map(move |(j, later)| ((j + 1) as f64, values[i], *later));
    (0..values.len()).flat_map(with_later)
}

/// Pettitt's K, and how many launches lie before the step.
fn step(values: &[f64]) -> (f64, usize) {
    let above = |value: f64| values.iter().map(|other| value.total_cmp(other) as i64).sum::<i64>();
    let mut sum = 0;
    let mut best = (0, 1);
    for (i, value) in values.iter().enumerate().take(values.len() - 1) {
        sum += above(*value);
        if sum.abs() > best.0 {
            best = (sum.abs(), i + 1);
        }
    }
    (best.0 as f64, best.1)
}

/// The largest share of the squares that a split into two groups explains, and the groups.
fn groups(values: &[f64]) -> (f64, (Vec<f64>, Vec<f64>)) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let all = squares(&sorted);
    let explained =
        |at: usize| if all > 0.0 { 1.0 - (squares(&sorted[..at]) + squares(&sorted[at..])) / all } else { 0.0 };
    let best = (FEWEST_IN_GROUP..=sorted.len() - FEWEST_IN_GROUP)
        .map(|at| (explained(at), at))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap_or((0.0, FEWEST_IN_GROUP));
    let (low, high) = sorted.split_at(best.1);
    (best.0, (low.to_vec(), high.to_vec()))
}

/// Sum of squared distances from the mean.
fn squares(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// Between the medians of two groups.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    median(a).zip(median(b)).map_or(0.0, |(a, b)| (a - b).abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(launches: &[f64]) -> Option<Kind> {
        unsteady(launches, 0.02).map(|unsteady| unsteady.kind)
    }

    #[test]
    fn a_trend_is_seen_with_how_far_it_goes() {
        let found = unsteady(&[100.0, 102.0, 104.0, 106.0, 108.0, 110.0], 0.02).unwrap();
        assert_eq!(found.kind, Kind::Trend);
        assert!((found.by - 10.0 / 105.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_step_is_seen_where_there_are_launches_enough() {
        let step = [101.0, 99.0, 100.0, 102.0, 98.0, 131.0, 129.0, 130.0, 132.0, 128.0];
        assert_eq!(kind(&step), Some(Kind::Step));
        assert_eq!(super::step(&step).1, 5);
    }

    #[test]
    fn two_groups_are_seen_in_any_order() {
        assert_eq!(
            kind(&[100.0, 131.0, 101.0, 130.0, 130.5, 100.5, 131.5, 100.2, 130.2, 100.8]),
            Some(Kind::TwoGroups)
        );
    }

    #[test]
    fn one_outlier_is_no_group_and_equal_launches_are_steady() {
        assert_eq!(kind(&[100.0, 101.0, 99.0, 150.0, 100.5, 99.5]), None);
        assert_eq!(kind(&[100.0; 10]), None);
        assert_eq!(kind(&[100.0, 200.0]), None);
    }

    #[test]
    fn what_moves_nothing_is_not_called() {
        assert_eq!(kind(&[100.0, 100.1, 100.2, 100.3, 100.4, 100.5]), None);
    }

    #[test]
    fn launches_that_differ_by_chance_are_called_unsteady_in_three_of_a_hundred_cells_at_most() {
        // Three tests at one percent each. Skewed, as latencies are.
        let mut random = fastrand::Rng::with_seed(11);
        let cells = 400;
        let called = (0..cells)
            .filter(|i| {
                let count = if i % 2 == 0 { 6 } else { 10 };
                let launches: Vec<f64> = (0..count).map(|_| 100.0 - 10.0 * (1.0 - random.f64()).ln()).collect();
                kind(&launches).is_some()
            })
            .count();
        assert!(called as f64 / cells as f64 <= 0.05, "{called} of {cells}");
    }
}
