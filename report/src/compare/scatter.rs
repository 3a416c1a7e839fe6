//! How much the cells of two runs scatter about their common shift beyond what their launches explain: the deviation between runs.
//!
//! It has to hold whatever share of the cells moved. A scatter about 1, or about the median, takes cells that moved for scatter:
//! where half of them take a third longer, every interval would span that. So it is taken from **differences of pairs of cells**, as
//! the estimator Qn of P. J. Rousseeuw and C. Croux (J. Amer. Statist. Assoc. 88, 1993) does: pairs that moved alike, or stayed
//! alike, differ by scatter alone, and of two groups at least half of the pairs are within one. The first quartile of the
//! standardised differences is set against that of normal ones; where many pairs are further apart than scatter explains (groups), it
//! is the quartile of those that are not.
//!
//! Few cells say little. What a pair of runs was seen to differ by elsewhere ([`TYPICAL`]) counts as [`WORTH`] further cells, and
//! is all there is below [`FEWEST`].

/// The deviation of a cell's ratio between two runs, in logarithms, where the cells are too few to say: on a virtual machine of two CPUs
/// ten quiet runs in neighbouring pairs showed 0 to 0.5 %, a pair of published records on the same kind of machine while it did other work 4 %.
pub(super) const TYPICAL: f64 = 0.02;
/// For so many cells it counts.
const WORTH: f64 = 6.0;
/// Fewer cells have no pairs to speak of.
const FEWEST: usize = 4;
/// Up to so many cells all pairs are taken; of more, each with this many others, so that the work is linear.
const ALL_PAIRS: usize = 64;
/// What a quarter of normal deviates are within, either side.
const QUARTER: f64 = 0.318_639;
/// Pairs further apart than so many deviations are of different groups.
const APART: f64 = 3.0;
/// A group of fewer pairs than this share is none.
const LEAST_WITHIN: f64 = 0.2;

/// A cell: the logarithm of its ratio, and its standard deviation by launches alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) log: f64,
    pub(super) own: f64,
}

/// Of two cells: the square of their difference, and what of it launches explain.
type Pair = (f64, f64);

/// The deviation between runs, in logarithms.
pub(super) fn deviation(cells: &[Known]) -> f64 {
    let (count, typical) = (cells.len() as f64, TYPICAL * TYPICAL);
    if cells.len() < FEWEST {
        return TYPICAL;
    }
    let found = excess_variance(&pairs(cells));
    ((count * found + WORTH * typical) / (count + WORTH)).sqrt()
}

fn pairs(cells: &[Known]) -> Vec<Pair> {
    let pair = |a: &Known, b: &Known| ((a.log - b.log).powi(2), a.own * a.own + b.own * b.own);
    let count = cells.len();
    if count <= ALL_PAIRS {
        return (0..count).flat_map(|b| (0..b).map(move |a| pair(&cells[a], &cells[b]))).collect();
    }
    // Distances over the whole list: neighbours in it are of one kind, and move together.
    let distance = |step: usize| (1 + step * (count / 2 - 1) / (ALL_PAIRS / 2)).max(1);
    let with_others =
        |a: usize| (0..ALL_PAIRS / 2).map(move |step| pair(&cells[a], &cells[(a + distance(step)) % count]));
    (0..count).flat_map(with_others).collect()
}

/// The variance of one cell beyond its own, that the closer pairs show.
fn excess_variance(pairs: &[Pair]) -> f64 {
    let within = |variance: f64| {
        let near = pairs.iter().filter(|(square, own)| *square <= APART * APART * (own + 2.0 * variance)).count();
        (near as f64 / pairs.len() as f64).max(LEAST_WITHIN)
    };
    // Each round knows the groups better; more than four change nothing.
    (0..4)
        .fold((1.0, 0.0), |(share, _), _| {
            let variance = variance_of_quartile(pairs, share);
            (within(variance), variance)
        })
        .1
}

/// The variance at which a quarter of that share of the pairs is as close as a quarter of normal ones is.
fn variance_of_quartile(pairs: &[Pair], share: f64) -> f64 {
    let wanted = pairs.len() as f64 * share / 4.0;
    let enough = |variance: f64| {
        let close = |(square, own): &&Pair| *square <= QUARTER * QUARTER * (own + 2.0 * variance);
        pairs.iter().filter(close).count() as f64 >= wanted
    };
    if enough(0.0) {
        return 0.0;
    }
    let furthest = pairs.iter().map(|(square, _)| *square).fold(0.0, f64::max);
    let (mut low, mut high) = (0.0, furthest / (QUARTER * QUARTER));
    for _ in 0..30 {
        let middle = f64::midpoint(low, high);
        if enough(middle) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::normal;

    /// So many cells with this scatter, of which a share moved by a factor.
    fn cells(count: usize, scatter: f64, (share, factor): (f64, f64), random: &mut fastrand::Rng) -> Vec<Known> {
        let moved = (count as f64 * share).round() as usize;
        let shift = |place: usize| if place < moved { factor.ln() } else { 0.0 };
        let one = |place| Known { log: shift(place) + scatter.hypot(0.01) * normal(random), own: 0.01 };
        (0..count).map(one).collect()
    }

    #[test]
    fn scatter_is_the_same_whatever_share_of_the_cells_moved_and_by_how_much() {
        let mut random = fastrand::Rng::with_seed(5);
        for count in [60, 200] {
            for share in [0.0, 0.1, 0.45, 0.5, 0.55, 0.9, 1.0] {
                for factor in [1.34, 3.0] {
                    let found: f64 =
                        (0..20).map(|_| deviation(&cells(count, 0.03, (share, factor), &mut random))).sum();
                    let mean = found / 20.0;
                    assert!((0.024..0.042).contains(&mean), "{count} cells, {share} of them × {factor}: {mean}");
                }
            }
        }
    }

    #[test]
    fn few_cells_are_taken_for_typical_ones_and_steady_ones_for_steadier() {
        let steady = vec![Known { log: 0.5, own: 0.01 }; 100];
        assert_eq!(deviation(&steady[..3]), TYPICAL);
        assert!(deviation(&steady[..4]) > deviation(&steady) && deviation(&steady) < TYPICAL / 3.0);
    }

    #[test]
    fn cells_without_any_deviation_divide_by_nothing() {
        assert!(deviation(&[Known { log: 0.0, own: 0.0 }; 5]) < TYPICAL);
    }
}
