//! From when on a series of batches is steady.

use serde::Serialize;

use crate::estimate::median;

/// Into so many blocks of neighbouring batches a series is divided, whose medians are looked at: a single batch may have met an
/// interrupt.
const BLOCKS: usize = 12;
/// The last third is what it settles at.
const BLOCKS_OF_LEVEL: usize = BLOCKS / 3;
/// What the level may move by and still be called steady, as a share. On virtual machines it wanders by 1 or 2 % without end;
/// both workers of an episode go through what is left alike, so that their ratio moves by a small part of it.
const MOVES_BY: f64 = 0.03;

/// Whether a series becomes steady.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Steady<T> {
    /// After so much of it.
    After(T),
    /// The level still moves at the end.
    Moving,
    /// There are too few batches to tell.
    Unknown,
}

impl<T> Steady<T> {
    /// The same in another unit.
    pub fn map<U>(self, unit: impl FnOnce(T) -> U) -> Steady<U> {
        match self {
            Steady::After(after) => Steady::After(unit(after)),
            Steady::Moving => Steady::Moving,
            Steady::Unknown => Steady::Unknown,
        }
    }

    /// Of two series the later; one that moves outweighs one of which too little is known.
    pub fn or_later(self, other: Steady<T>) -> Steady<T>
    where
        T: PartialOrd,
    {
        match (self, other) {
            (Steady::After(one), Steady::After(other)) => Steady::After(if one > other { one } else { other }),
            (Steady::Moving, _) | (_, Steady::Moving) => Steady::Moving,
            _ => Steady::Unknown,
        }
    }
}

/// How many batches pass until all blocks that follow keep the level of the last third; too few are less than one a block.
///
/// Neither is one batch trusted, nor the first plateau: some cells stay on one for tens of milliseconds and leave it (shared
/// memory with a semaphore, two CPUs: 61 µs for 20 ms, 79 µs from 90 ms on).
pub fn steady_after(batches_ns: &[f64]) -> Steady<usize> {
    let in_block = batches_ns.len() / BLOCKS;
    let last_third = &batches_ns[batches_ns.len() - in_block * BLOCKS_OF_LEVEL..];
    let Some(level) = median(last_third) else { return Steady::Unknown };
    let allowed = (MOVES_BY * level).max(block_noise(last_third, in_block));
    let off_level = |block: &[f64]| median(block).is_none_or(|ns| (ns - level).abs() > allowed);
    // From the end, where blocks are whole.
    let steady = batches_ns.rchunks_exact(in_block).take_while(|block| !off_level(block)).count();
    if steady < BLOCKS / 3 {
        Steady::Moving
    } else {
        Steady::After(batches_ns.len().saturating_sub(steady * in_block) / in_block * in_block)
    }
}

/// How far medians of blocks lie from the level by chance: three standard errors. By the differences of neighbours, since a
/// level that moves is no noise.
fn block_noise(batches_ns: &[f64], in_block: usize) -> f64 {
    let steps: Vec<f64> = batches_ns.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    // 1.4826 makes the median a standard deviation, that of a difference is √2 of a value's, and a median of n has √(π/2n)
    // of that as its standard error (one value that itself).
    let per_block = (std::f64::consts::FRAC_PI_2 / in_block as f64).sqrt().min(1.0);
    3.0 * 1.4826 / std::f64::consts::SQRT_2 * per_block * median(&steps).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64, length: usize, level: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..length).map(|i| level(i) * (1.0 + 0.004 * (random.f64() - 0.5))).collect()
    }

    #[test]
    fn a_level_is_steady_from_the_start_whatever_single_batches_do() {
        let mut flat = noise(1, 60, |_| 100.0);
        flat[31] = 400.0;
        assert_eq!(steady_after(&flat), Steady::After(0));
    }

    #[test]
    fn a_plateau_that_is_left_is_not_the_steady_state() {
        let step = noise(2, 60, |i| if i < 25 { 61.0 } else { 79.0 });
        let after = steady_after(&step);
        assert!(matches!(after, Steady::After(24..=30)), "{after:?}");
    }

    #[test]
    fn what_moves_to_the_end_is_not_steady_and_few_batches_do_not_tell() {
        assert_eq!(steady_after(&noise(3, 60, |i| 100.0 + i as f64)), Steady::Moving);
        assert_eq!(steady_after(&noise(4, 11, |_| 100.0)), Steady::Unknown);
    }
}
