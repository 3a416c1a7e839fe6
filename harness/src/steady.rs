//! When a launch has reached a steady state.
//!
//! A launch begins with a transient: page tables and caches fill, the CPU's frequency and the kernel's idle governor adapt, the
//! scheduler places the parties. On the development machine a pointer chase over 64 MiB took 170 ns at first and 55 after 100 ms;
//! a semaphore in shared memory across CPUs 61 µs in the first 20 ms and 79 µs after 90 ms. A fixed warm-up is right for some
//! cells and wrong for others (L. Traini et al., *Empirical Software Engineering* 28, 2023), so each launch decides for itself:
//! batches continue until the middle third of them and the last third agree, or a cap is reached.
//!
//! Two thirds *agree* unless their medians differ by more than [`NEGLIGIBLE`] **and** a rank-sum test (H. B. Mann and D. R.
//! Whitney, 1947) finds fewer than [`ALARM`] of all orders as extreme. Source of the procedure: E. Barrett et al., *Virtual Machine
//! Warmup Blows Hot and Cold* (OOPSLA 2017), whose change points are looked for here by the same test between neighbouring blocks.

use crate::estimate::median;
use crate::student::normal_tail;

/// Medians that differ by no more than this share agree: what two runs of one binary differ by on a machine with other guests.
pub const NEGLIGIBLE: f64 = 0.03;
/// The share of orders that must be as extreme for chance to be an explanation.
pub const ALARM: f64 = 0.01;
/// Fewer batches in a third show nothing: of five and five, chance orders one in 126 as extreme as can be.
const FEWEST: usize = 6;
/// So many after the transient can be judged.
pub(crate) const FEWEST_BATCHES: usize = 3 * FEWEST;
/// How many batches make one block when the begin of the steady part is looked for: about 10 ms.
const BLOCK: usize = 5;

/// What the batches of a launch show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The first batch of the steady part; where there is none, the first of the last third.
    pub from: usize,
    /// Whether a steady state was reached; none: too few batches to tell.
    pub steady: Option<bool>,
}

/// Looks for the steady part of a launch's batches, given in their order: the middle and the last third of those after the first
/// `transient` ones, if they agree, and what agrees with them before. `transient` is what earlier launches took to settle.
#[must_use]
pub fn settled(batches: &[f64], transient: usize) -> Settled {
    // A launch has a figure, whatever earlier ones took to settle.
    let transient = transient.min(batches.len().saturating_sub(1));
    let third = (batches.len() - transient) / 3;
    if third < FEWEST {
        return Settled { from: transient, steady: None };
    }
    let (middle, last) = batches[transient + third..].split_at(third);
    if differ(middle, last) {
        return Settled { from: transient + 2 * third, steady: Some(false) };
    }
    Settled { from: begin(batches, transient + third), steady: Some(true) }
}

/// Where the steady part begins that batches from `known` on belong to: blocks before it are taken in while they agree with it.
fn begin(batches: &[f64], known: usize) -> usize {
    let steady = &batches[known..];
    let mut from = known;
    while from > 0 {
        let block = from.saturating_sub(BLOCK);
        if differ(&batches[block..from], steady) {
            break;
        }
        from = block;
    }
    from
}

/// Whether two series differ by more than [`NEGLIGIBLE`], and by more than chance explains.
#[must_use]
pub fn differ(a: &[f64], b: &[f64]) -> bool {
    let (Some(first), Some(second)) = (median(a), median(b)) else { return false };
    let apart = (second - first).abs() > NEGLIGIBLE * first.min(second);
    apart && rank_sum_p(a, b) < ALARM
}

/// The two-sided p of the rank-sum test, by its normal approximation with the correction for continuity; ties count half.
fn rank_sum_p(a: &[f64], b: &[f64]) -> f64 {
    let (m, n) = (a.len() as f64, b.len() as f64);
    let above = |x: f64| b.iter().map(|&y| if x > y { 1.0 } else { f64::from(u8::from(x == y)) / 2.0 }).sum::<f64>();
    let u: f64 = a.iter().map(|&x| above(x)).sum();
    let deviation = (m * n * (m + n + 1.0) / 12.0).sqrt();
    let z = ((u - m * n / 2.0).abs() - 0.5).max(0.0) / deviation;
    2.0 * normal_tail(z)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches around a level, with noise of about 1 %.
    fn noisy(level: impl Fn(usize) -> f64, count: usize, seed: u64) -> Vec<f64> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..count).map(|i| level(i) * (1.0 + 0.02 * (random.f64() - 0.5))).collect()
    }

    #[test]
    fn flat_batches_are_steady_from_the_first() {
        assert_eq!(settled(&noisy(|_| 100.0, 60, 1), 0), Settled { from: 0, steady: Some(true) });
    }

    #[test]
    fn a_step_ends_the_transient() {
        let found = settled(&noisy(|i| if i < 12 { 250.0 } else { 100.0 }, 60, 2), 0);
        assert_eq!(found.steady, Some(true));
        // A block that straddles the step goes by its median.
        assert!((10..=15).contains(&found.from), "{found:?}");
        let known = settled(&noisy(|i| if i < 12 { 250.0 } else { 100.0 }, 31, 2), 12);
        assert_eq!(known, Settled { from: 13, steady: Some(true) });
    }

    #[test]
    fn what_still_moves_is_not_steady() {
        let found = settled(&noisy(|i| 100.0 + i as f64, 60, 3), 0);
        assert_eq!(found, Settled { from: 40, steady: Some(false) });
        assert_eq!(settled(&noisy(|i| if i < 45 { 61.0 } else { 79.0 }, 60, 4), 0).steady, Some(false));
    }

    #[test]
    fn a_few_batches_tell_nothing() {
        assert_eq!(settled(&noisy(|i| 100.0 * i as f64, 17, 5), 0), Settled { from: 0, steady: None });
        assert_eq!(settled(&[], 9), Settled { from: 0, steady: None });
    }

    #[test]
    fn a_transient_as_long_as_the_launch_leaves_its_last_batch() {
        assert_eq!(settled(&[3.0, 2.0, 1.0], 3), Settled { from: 2, steady: None });
    }

    #[test]
    fn a_small_difference_is_none_however_certain() {
        assert!(!differ(&[100.0; 30], &[102.0; 30]));
        assert!(differ(&[100.0; 6], &[104.0; 6]));
        assert!(!differ(&[100.0, 130.0, 100.0, 130.0, 100.0, 130.0], &[130.0, 100.0, 130.0, 100.0, 130.0, 130.0]));
    }

    #[test]
    fn white_noise_is_seldom_called_unsteady() {
        let wrong = (0..1000).filter(|&seed| {
            let mut random = fastrand::Rng::with_seed(seed);
            let batches: Vec<f64> = (0..75).map(|_| 100.0 * (1.0 + 0.4 * (random.f64() - 0.5))).collect();
            settled(&batches, 0).steady == Some(false)
        });
        assert!(wrong.count() <= 20);
    }
}
