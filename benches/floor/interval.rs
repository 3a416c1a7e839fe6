//! How far two arms are apart: the pairs of one alternation each, compared without asking how they are distributed.

/// A ratio, and an interval that covers it 19 times of 20 or more often.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) estimate: f64,
    /// None: there are too few pairs for an interval.
    pub(crate) interval: Option<[f64; 2]>,
}

/// At most so often is the interval to miss on either side.
const MISSES: f64 = 0.025;

/// Hodges and Lehmann's estimate over the logarithms of `values` / `references`, pair by pair, and the interval that belongs to
/// Wilcoxon's signed-rank test (Hollander and Wolfe, Nonparametric Statistical Methods, 3.2 and 3.3): both stand on the means of
/// all pairs of differences, and bear a third of the pairs being disturbed.
pub(crate) fn ratio(values: &[f64], references: &[f64]) -> Option<Ratio> {
    let differences: Vec<f64> =
        values.iter().zip(references).map(|(value, reference)| (value / reference).ln()).collect();
    let count = differences.len();
    let mut means: Vec<f64> = (0..count)
        .flat_map(|i| (i..count).map(move |j| (i, j)))
        .map(|(i, j)| (differences[i] + differences[j]) / 2.0)
        .collect();
    means.sort_by(f64::total_cmp);
    let middle = means.len() / 2;
    let estimate =
        if means.len() % 2 == 1 { *means.get(middle)? } else { (means.get(middle - 1)? + means[middle]) / 2.0 };
    let interval = outer(count).map(|rank| [means[rank].exp(), means[means.len() - 1 - rank].exp()]);
    Some(Ratio { estimate: estimate.exp(), interval })
}

/// Which of the ordered means bounds the interval of so many pairs: as far in as the exact distribution of the rank sum allows.
fn outer(pairs: usize) -> Option<usize> {
    let mut ways = vec![1.0];
    for rank in 1..=pairs {
        let mut more = vec![0.0; ways.len() + rank];
        ways.iter().enumerate().for_each(|(sum, ways)| {
            more[sum] += ways / 2.0;
            more[sum + rank] += ways / 2.0;
        });
        ways = more;
    }
    let mut tail = 0.0;
    let within = ways.iter().take_while(|&&share| {
        tail += share;
        tail <= MISSES
    });
    within.count().checked_sub(1)
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "×{:.3}", self.estimate)?;
        match self.interval {
            Some([low, high]) => write!(f, " [{low:.3}, {high:.3}]"),
            None => Ok(()),
        }
    }
}
