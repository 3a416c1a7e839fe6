//! The centre of differences of pairs, with an interval that assumes no distribution but a symmetric one.
//!
//! The centre is the estimate of Hodges and Lehmann: the median of the Walsh averages (of each two values, and of each with itself).
//! The interval is a pair of these averages, its ranks from the exact null distribution of Wilcoxon's signed-rank statistic. Up to
//! 29 % of the pairs may be anything without moving the centre beyond the others. Sources: J. L. Hodges and E. L. Lehmann, *Annals
//! of Mathematical Statistics* 34 (1963); J. W. Tukey's interval in M. Hollander, D. A. Wolfe, E. Chicken, *Nonparametric
//! Statistical Methods* (3rd edition, 2014), sections 3.2 and 3.3.
//!
//! At 95 % six pairs are the fewest (1 − 2/64 = 96.9 %). Fewer, from four on, have the range of their averages, with the coverage
//! that it has: 1 − 2^(1 − n).

use ipcmark_harness::estimate::{LEVEL, median};

/// Fewer pairs have no interval: the range of three covers 75 %.
const FEWEST: usize = 4;
/// No more pairs are used: a stranger's record may have any number, and their averages are sorted.
pub(super) const MOST: usize = 100;

/// What pairs say.
pub(super) struct Centre {
    pub(super) centre: f64,
    /// None: fewer than four pairs.
    pub(super) interval: Option<[f64; 2]>,
    /// Exact coverage of the interval, as a share.
    pub(super) level: f64,
}

/// Of the differences of all pairs; none of none.
pub(super) fn estimate(differences: &[f64]) -> Option<Centre> {
    let differences = &differences[..differences.len().min(MOST)];
    let averages = walsh_averages(differences);
    let centre = median(&averages)?;
    let (rank, level) = rank_and_level(differences.len());
    let interval = (differences.len() >= FEWEST).then(|| [averages[rank - 1], averages[averages.len() - rank]]);
    Some(Centre { centre, interval, level })
}

/// Ascending.
fn walsh_averages(values: &[f64]) -> Vec<f64> {
    let with_later = |i: usize| values[i..].iter().map(move |later| f64::midpoint(values[i], *later));
    let mut averages: Vec<f64> = (0..values.len()).flat_map(with_later).collect();
    averages.sort_by(f64::total_cmp);
    averages
}

/// The rank k, from 1, for which (kth smallest, kth largest) average covers at least [`LEVEL`] and is narrowest, with the
/// coverage; or (1, what the range covers) where nothing does.
fn rank_and_level(pairs: usize) -> (usize, f64) {
    let shares = null_distribution(pairs);
    let mut below = 0.0;
    let mut best = (1, 0.0);
    for (statistic, share) in shares.iter().enumerate() {
        below += share;
        let level = (1.0 - 2.0 * below).max(0.0);
        if statistic > 0 && level < LEVEL {
            break;
        }
        best = (statistic + 1, level);
    }
    best
}

/// Of the sum of the ranks of positive differences, where each sign is as likely: the share of the 2^n subsets of the ranks 1 … n
/// that have each sum.
fn null_distribution(pairs: usize) -> Vec<f64> {
    let mut shares = vec![0.0; pairs * (pairs + 1) / 2 + 1];
    shares[0] = 1.0;
    for rank in 1..=pairs {
        for sum in (0..shares.len()).rev() {
            let without = if sum >= rank { shares[sum - rank] } else { 0.0 };
            shares[sum] = f64::midpoint(shares[sum], without);
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_levels_are_those_of_the_published_tables() {
        // Critical values of T at 0.05, two-sided, plus one: Hollander, Wolfe, Chicken, table A.4; Wilcoxon (1947).
        for (pairs, critical) in [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (12, 13), (15, 25), (20, 52), (25, 89)] {
            let (rank, level) = rank_and_level(pairs);
            assert_eq!(rank, critical + 1, "{pairs}");
            assert!((LEVEL..0.985).contains(&level), "{pairs}: {level}");
        }
        for (pairs, level) in [(1, 0.0), (2, 0.5), (3, 0.75), (4, 0.875), (5, 0.9375), (6, 0.96875)] {
            let (rank, found) = rank_and_level(pairs);
            assert!(rank == 1 && (found - level).abs() < 1e-12, "{pairs}: {rank} {found}");
        }
    }

    #[test]
    fn one_disturbed_pair_moves_neither_the_centre_nor_the_interval_far() {
        let calm: Vec<f64> = (0..12).map(|pair| 0.1 + f64::from(pair % 4) * 0.001).collect();
        let mut disturbed = calm.clone();
        disturbed[5] = 2.0;
        let (before, after) = (estimate(&calm).unwrap(), estimate(&disturbed).unwrap());
        assert!((before.centre - after.centre).abs() < 0.002, "{}", after.centre);
        assert!(after.interval.unwrap()[1] < 0.12, "{:?}", after.interval);
    }

    #[test]
    fn three_pairs_have_a_centre_alone_and_none_have_nothing() {
        let three = estimate(&[1.0, 2.0, 3.0]).unwrap();
        assert_eq!((three.centre, three.interval), (2.0, None));
        assert!(estimate(&[]).is_none());
        assert_eq!(estimate(&[1.0, 2.0, 3.0, 4.0]).unwrap().interval, Some([1.0, 4.0]));
    }

    #[test]
    fn the_interval_covers_as_often_as_it_says() {
        let mut random = fastrand::Rng::with_seed(11);
        // Symmetric with heavy tails: the difference of two exponentials.
        let mut value = || (1.0 - random.f64()).ln() - (1.0 - random.f64()).ln();
        for pairs in [6, 12] {
            let level = rank_and_level(pairs).1;
            let trials = 4_000;
            let covered = (0..trials)
                .filter(|_| {
                    let values: Vec<f64> = (0..pairs).map(|_| value()).collect();
                    let [low, high] = estimate(&values).unwrap().interval.unwrap();
                    low <= 0.0 && 0.0 <= high
                })
                .count();
            let share = covered as f64 / f64::from(trials);
            assert!((share - level).abs() < 0.01, "{pairs}: {share} of {level}");
        }
    }
}
