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
use ipcmark_harness::student;
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
    /// Its logarithm; times of a stranger's record may be so far apart that their ratio is no number.
    pub(super) fn log(&self) -> f64 {
        logarithm(self.value)
    }

    /// Half of the interval's width, in logarithms; none without an interval.
    pub fn half_width(&self) -> Option<f64> {
        self.interval.map(|[low, high]| (high / low).ln() / 2.0)
    }
}

/// Of a ratio, within what can be turned back into one.
pub(super) fn logarithm(ratio: f64) -> f64 {
    ratio.ln().clamp(-FURTHEST, FURTHEST)
}

const FURTHEST: f64 = 700.0;

/// No more launches of each are used: a stranger's record may have any number, and their product is sorted.
const MOST_LAUNCHES: usize = 200;
/// Up to this product of launches the null distribution is counted out; above, the normal one is near enough.
const EXACT_UP_TO: usize = 900;

/// The logarithms of the ratios of each launch of the one to each of the other, ascending.
#[derive(Clone, Debug)]
pub(super) struct Pairs {
    sorted: Vec<f64>,
    launches: [usize; 2],
}

/// Null distributions by numbers of launches: comparing many cells asks for the same few again and again.
#[derive(Debug, Default)]
pub struct Ranks(HashMap<(usize, usize), Vec<f64>>);

impl Ranks {
    /// `other` over `base`, both medians of launches in nanoseconds. None: there is nothing to divide.
    pub fn ratio(&mut self, base: &[f64], other: &[f64]) -> Option<Ratio> {
        let pairs = Pairs::of(base, other);
        self.ratio_of(&pairs)
    }

    pub(super) fn ratio_of(&mut self, pairs: &Pairs) -> Option<Ratio> {
        let sorted = &pairs.sorted;
        let value = ipcmark_harness::estimate::median(sorted)?.exp();
        let rank = self.rank(pairs.launches);
        let interval = rank.map(|rank| [sorted[rank - 1].exp(), sorted[sorted.len() - rank].exp()]);
        Some(Ratio { value, interval })
    }

    /// The probability of such an order of launches, or one further from even, if the ratio were `at`, a logarithm; whatever
    /// launches are distributed like.
    pub(super) fn p_value(&mut self, pairs: &Pairs, at: f64) -> f64 {
        let [m, n] = pairs.launches;
        let below = pairs.sorted.partition_point(|log| *log < at);
        let ties = pairs.sorted[below..].partition_point(|log| *log <= at);
        let fewer = (below + ties / 2).min(m * n - below - ties / 2);
        let one_sided = match self.cumulative(pairs.launches) {
            Some(cumulative) => cumulative.get(fewer).copied().unwrap_or(1.0),
            None => student::tail(((m * n) as f64 / 2.0 - fewer as f64) / deviation(m, n), student::NORMAL),
        };
        (2.0 * one_sided).min(1.0)
    }

    /// The rank k, from 1, for which (kth smallest, kth largest) of the m·n ratios covers at least [`LEVEL`].
    fn rank(&mut self, launches: [usize; 2]) -> Option<usize> {
        let [m, n] = launches;
        match self.cumulative(launches) {
            _ if m * n == 0 => None,
            None => normal_rank(m, n),
            Some(cumulative) => {
                let outside = |below: &&f64| 1.0 - 2.0 * **below >= LEVEL;
                Some(cumulative.iter().take_while(outside).count()).filter(|rank| *rank > 0)
            }
        }
    }

    /// P(U ≤ u) for each u; none where that is not counted out.
    fn cumulative(&mut self, [m, n]: [usize; 2]) -> Option<&[f64]> {
        if m * n > EXACT_UP_TO {
            return None;
        }
        Some(self.0.entry((m.min(n), m.max(n))).or_insert_with(|| exact(m, n)))
    }
}

impl Pairs {
    pub(super) fn of(base: &[f64], other: &[f64]) -> Pairs {
        let logarithms = |values: &[f64]| -> Vec<f64> {
            let sound: Vec<f64> = values.iter().filter(|ns| **ns > 0.0 && ns.is_finite()).map(|ns| ns.ln()).collect();
            // Spread over all of them, as they may be of several records.
            let step = sound.len().div_ceil(MOST_LAUNCHES).max(1);
            sound.into_iter().step_by(step).collect()
        };
        let (base, other) = (logarithms(base), logarithms(other));
        let mut sorted: Vec<f64> = other.iter().flat_map(|other| base.iter().map(move |base| other - base)).collect();
        sorted.sort_by(f64::total_cmp);
        Pairs { sorted, launches: [base.len(), other.len()] }
    }

    pub(super) fn launches(&self) -> [usize; 2] {
        self.launches
    }
}

/// The distribution of U under equality: how many of the arrangements have each value, the coefficients of the Gaussian
/// binomial, by the recursion of Mann and Whitney (1947): the largest of all is either of the one or of the other.
fn exact(m: usize, n: usize) -> Vec<f64> {
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
    let sum = |below: &mut f64, count: &f64| {
        *below += count / all;
        Some(*below)
    };
    counts[n].iter().scan(0.0, sum).collect()
}

fn normal_rank(m: usize, n: usize) -> Option<usize> {
    let rank = ((m * n) as f64 / 2.0 - NORMAL_975 * deviation(m, n)).floor();
    (rank >= 1.0).then_some(rank as usize)
}

/// Of U under equality.
fn deviation(m: usize, n: usize) -> f64 {
    ((m * n * (m + n + 1)) as f64 / 12.0).sqrt()
}

/// The quantile of the standard normal distribution that 2.5 % lie beyond.
pub(super) const NORMAL_975: f64 = 1.959_964;

#[cfg(test)]
mod tests {
    use super::*;

    fn exact_rank(m: usize, n: usize) -> Option<usize> {
        Ranks::default().rank([m, n])
    }

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
    fn orders_have_the_probabilities_of_the_published_tables() {
        let p = |base: &[f64], other: &[f64]| Ranks::default().p_value(&Pairs::of(base, other), 0.0);
        // All of four beyond all of four: 2 of 70 arrangements.
        assert!((p(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0]) - 2.0 / 70.0).abs() < 1e-9);
        assert_eq!(p(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.0]), 1.0);
        // Beyond what is counted out: 40 against 40.
        let (low, high): (Vec<f64>, Vec<f64>) = ((1..=40).map(f64::from).collect(), (41..=80).map(f64::from).collect());
        assert!(p(&low, &high) < 1e-10 && p(&low, &low) > 0.99);
    }

    #[test]
    fn three_launches_have_a_ratio_without_an_interval_and_none_have_none() {
        let three = ratio(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]).unwrap();
        assert_eq!((three.value, three.interval), (2.0, None));
        assert_eq!(ratio(&[], &[1.0]), None);
        assert_eq!(ratio(&[0.0, 0.0], &[1.0, 2.0]), None);
    }
}
