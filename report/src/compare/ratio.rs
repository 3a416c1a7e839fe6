//! How many times longer: the ratio of two runs of a cell, with an interval that assumes no distribution.
//!
//! The values are the medians of launches, the unit of repetition, and everything happens on their logarithms. The estimate is
//! that of Hodges and Lehmann: the median of the ratios of each launch of the one to each of the other. The interval is a pair of
//! order statistics of these ratios, its ranks from the exact null distribution of the Mann–Whitney U, so that it covers as
//! stated whatever launches are distributed like, as long as the two distributions differ in scale alone. One disturbed launch
//! moves it little. Sources: M. Hollander, D. A. Wolfe, E. Chicken, *Nonparametric Statistical Methods* (3rd edition, 2014),
//! sections 4.2 and 4.3; E. L. Lehmann, *Nonparametrics* (1975), section 2.5.
//!
//! At 95 % four launches of each are the fewest that have an interval (1 − 2/70 = 97.1 %); three have none: their range covers
//! 90 %. What it does *not* know is how much two runs of the same program differ as a whole; that is [`super::verdict`]'s.

use std::collections::HashMap;

use ipcmark_harness::estimate::LEVEL;
use serde::Serialize;

/// A ratio of times: 1.1 took 10 % longer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// The estimate.
    pub value: f64,
    /// Low and high; absent where there are too few launches for an interval.
    pub interval: Option<[f64; 2]>,
}

impl Ratio {
    /// Half of the interval's width, in logarithms; none without an interval.
    pub fn half_width(&self) -> Option<f64> {
        self.interval.map(|[low, high]| (high / low).ln() / 2.0)
    }
}

/// No more launches of each are used: a stranger's record may have any number, and their product is sorted.
const MOST_LAUNCHES: usize = 200;
/// Up to this product of launches the null distribution is counted out; above, the normal one is near enough.
const EXACT_UP_TO: usize = 900;

/// Ranks by numbers of launches: comparing many cells asks for the same few again and again.
#[derive(Debug, Default)]
pub struct Ranks(HashMap<(usize, usize), Option<usize>>);

impl Ranks {
    /// `other` over `base`, both medians of launches in nanoseconds. None: there is nothing to divide.
    pub fn ratio(&mut self, base: &[f64], other: &[f64]) -> Option<Ratio> {
        let logarithms = |values: &[f64]| -> Vec<f64> {
            let sound: Vec<f64> = values.iter().filter(|ns| **ns > 0.0 && ns.is_finite()).map(|ns| ns.ln()).collect();
            // Spread over all of them, as they may be of several records.
            let step = sound.len().div_ceil(MOST_LAUNCHES).max(1);
            sound.into_iter().step_by(step).collect()
        };
        let (base, other) = (logarithms(base), logarithms(other));
        let mut ratios: Vec<f64> = other.iter().flat_map(|other| base.iter().map(move |base| other - base)).collect();
        ratios.sort_by(f64::total_cmp);
        let value = ipcmark_harness::estimate::median(&ratios)?.exp();
        let rank = self.rank(base.len(), other.len());
        let interval = rank.map(|rank| [ratios[rank - 1].exp(), ratios[ratios.len() - rank].exp()]);
        Some(Ratio { value, interval })
    }

    /// The rank k, from 1, for which (kth smallest, kth largest) of the m·n ratios covers at least [`LEVEL`].
    fn rank(&mut self, m: usize, n: usize) -> Option<usize> {
        *self.0.entry((m.min(n), m.max(n))).or_insert_with(|| match m * n {
            0 => None,
            product if product <= EXACT_UP_TO => exact_rank(m, n),
            _ => normal_rank(m, n),
        })
    }
}

/// By the distribution of U under equality: how many of the arrangements have each value, the coefficients of the Gaussian
/// binomial, by the recursion of Mann and Whitney (1947): the largest of all is either of the one or of the other.
fn exact_rank(m: usize, n: usize) -> Option<usize> {
    // counts[j][u]: arrangements of i of the one and j of the other with U = u, for the i reached so far.
    let mut counts: Vec<Vec<f64>> = vec![vec![1.0]; n + 1];
    for i in 1..=m {
        counts[0] = vec![1.0];
        for j in 1..=n {
            let mut both = vec![0.0; i * j + 1];
            for (u, count) in counts[j].iter().enumerate() {
                both[u + j] += count;
            }
            for (u, count) in counts[j - 1].iter().enumerate() {
                both[u] += count;
            }
            counts[j] = both;
        }
    }
    let all: f64 = counts[n].iter().sum();
    let mut below = 0.0;
    let within = counts[n].iter().take_while(|count| {
        below += **count / all;
        1.0 - 2.0 * below >= LEVEL
    });
    Some(within.count()).filter(|rank| *rank > 0)
}

fn normal_rank(m: usize, n: usize) -> Option<usize> {
    let (m, n) = (m as f64, n as f64);
    let deviation = (m * n * (m + n + 1.0) / 12.0).sqrt();
    let rank = (m * n / 2.0 - NORMAL_975 * deviation).floor();
    (rank >= 1.0).then_some(rank as usize)
}

/// The quantile of the standard normal distribution that 2.5 % lie beyond.
pub(super) const NORMAL_975: f64 = 1.959_964;

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(base: &[f64], other: &[f64]) -> Option<Ratio> {
        Ranks::default().ratio(base, other)
    }

    #[test]
    fn ranks_are_those_of_the_published_tables() {
        // Critical values of U at 0.05, two-sided, plus one: Hollander, Wolfe, Chicken, table A.6; Mann and Whitney (1947).
        for (m, n, critical) in [(4, 4, 0), (5, 5, 2), (6, 6, 5), (8, 8, 13), (10, 10, 23), (6, 10, 11), (20, 20, 127)]
        {
            assert_eq!(exact_rank(m, n), Some(critical + 1), "{m}, {n}");
            assert_eq!(exact_rank(n, m), exact_rank(m, n));
        }
        for (m, n) in [(1, 30), (2, 7), (3, 3), (3, 4)] {
            assert_eq!(exact_rank(m, n), None, "{m}, {n}");
        }
    }

    #[test]
    fn the_normal_approximation_meets_the_exact_ranks_where_they_end() {
        for (m, n) in [(30, 30), (25, 36), (20, 45)] {
            let (exact, normal) = (exact_rank(m, n).unwrap(), normal_rank(m, n).unwrap());
            assert!(exact.abs_diff(normal) <= 2, "{m}, {n}: {exact} {normal}");
        }
    }

    #[test]
    fn a_ratio_is_the_middle_of_all_ratios_and_swaps_with_its_runs() {
        let base = [100.0, 101.0, 99.0, 102.0, 98.0, 500.0];
        let other = base.map(|ns| ns * 1.1);
        let there = ratio(&base, &other).unwrap();
        assert!((there.value - 1.1).abs() < 1e-9, "{there:?}");
        let [low, high] = there.interval.unwrap();
        assert!(low > 1.05 && high < 6.0, "{there:?}");
        let back = ratio(&other, &base).unwrap();
        assert!((back.value - 1.0 / 1.1).abs() < 1e-9 && (back.interval.unwrap()[0] - 1.0 / high).abs() < 1e-9);
    }

    #[test]
    fn three_launches_have_a_ratio_without_an_interval_and_none_have_none() {
        let three = ratio(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]).unwrap();
        assert_eq!((three.value, three.interval), (2.0, None));
        assert_eq!(ratio(&[], &[1.0]), None);
        assert_eq!(ratio(&[0.0, 0.0], &[1.0, 2.0]), None);
    }
}
