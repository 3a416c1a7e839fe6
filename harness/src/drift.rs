//! How far a whole run may be off, as far as its own launches show.
//!
//! An interval over launches takes them to be independent. They are not: frequency, temperature and other guests of the same
//! hardware move all cells of a moment together, over seconds and minutes, so that a run agrees better with itself than with the next
//! one. Of 288 intervals with a stated coverage of 96.9 %, 253 held the median of 24 runs (87.8 %).
//!
//! What launches of one **round** have in common can be seen well even with six launches a cell, since every cell of a run takes
//! part: it is the median, over all cells of as many CPUs, of how far each one's launch of that round lies from the median of its
//! launches. These common parts follow each other slowly (as 1/f noise does), so that the mean of a run's rounds is off by about as much
//! as one of them: they do not average out. Their deviation counts in whole, by Student's t for that number of rounds, beside the
//! interval that the launches give. It is taken from the differences of all pairs of rounds (P. J. Rousseeuw and C. Croux, *JASA* 88,
//! 1993), so that one round in which the hypervisor moved a CPU does not decide.

use std::collections::BTreeMap;

use crate::estimate::median;
use crate::record::{Cell, Outcome};
use crate::student;

/// Fewer launches of a cell have no middle to lie apart from.
const FEWEST_LAUNCHES: usize = 3;
/// Fewer cells in a round have nothing in common, and fewer rounds no deviation.
const FEWEST_CELLS: usize = 5;
const FEWEST_ROUNDS: usize = 4;
/// The median of the difference of two standard normal values, without its sign.
const MEDIAN_DIFFERENCE: f64 = 0.953_87;
/// What the rounds of a run have shown.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Drift {
    /// Of what the launches of a round have in common, in logarithms.
    deviation: f64,
    rounds: usize,
}

/// Widens the intervals of all cells of one run by what its rounds show of drift, and says in each by how much.
pub fn widen(cells: &mut [Cell]) {
    let all = drift(cells.iter());
    let counts: Vec<usize> = cells.iter().map(cpus).collect();
    let by_cpus: BTreeMap<usize, Option<Drift>> =
        counts.iter().map(|&count| (count, drift(cells.iter().filter(|cell| cpus(cell) == count)))).collect();
    for (cell, count) in cells.iter_mut().zip(counts).filter(|(cell, _)| cell.drift_share.is_none()) {
        // Too few of its kind: the run as a whole tells more than nothing.
        let Some(drift) = by_cpus.get(&count).copied().flatten().or(all) else { continue };
        if let (Some(estimate), Some([low, high])) = (cell.estimate_ns.filter(|ns| *ns > 0.0), cell.interval_ns) {
            let t = student::quantile_975(drift.rounds as f64 - 1.0);
            let further = |end: f64| (end / estimate).ln().abs().hypot(t * drift.deviation).exp();
            cell.interval_ns = Some([estimate / further(low), estimate * further(high)]);
            cell.drift_share = Some(drift.deviation);
        }
    }
}

/// The number of CPUs that its parties are pinned to, none for wherever the scheduler likes.
fn cpus(cell: &Cell) -> usize {
    let mut cpus: Vec<usize> = cell.cpus.near.iter().chain(&cell.cpus.far).copied().collect();
    cpus.sort_unstable();
    cpus.dedup();
    cpus.len()
}

/// The deviation of the rounds' common parts; none: too few cells or rounds.
fn drift<'a>(cells: impl Iterator<Item = &'a Cell>) -> Option<Drift> {
    let mut apart: BTreeMap<(u32, u32), Vec<f64>> = BTreeMap::new();
    for cell in cells.filter(|cell| cell.outcome == Outcome::Measured && cell.per_launch.len() >= FEWEST_LAUNCHES) {
        let launches: Vec<f64> = cell.per_launch.iter().map(|launch| launch.estimate_ns).collect();
        let Some(middle) = median(&launches).filter(|middle| *middle > 0.0) else { continue };
        for launch in cell.per_launch.iter().filter(|launch| launch.estimate_ns > 0.0) {
            apart.entry((launch.start, launch.round)).or_default().push((launch.estimate_ns / middle).ln());
        }
    }
    let common: Vec<f64> =
        apart.values().filter(|cells| cells.len() >= FEWEST_CELLS).filter_map(|cells| median(cells)).collect();
    let differences: Vec<f64> = common
        .iter()
        .enumerate()
        .flat_map(|(i, one)| common[i + 1..].iter().map(move |other| (one - other).abs()))
        .collect();
    let deviation = median(&differences)? / MEDIAN_DIFFERENCE;
    (common.len() >= FEWEST_ROUNDS).then_some(Drift { deviation, rounds: common.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Identity, Launch, LaunchContext, Measurement};

    /// A run of so many cells, each launch off by its own noise and by what its round has in common.
    fn run(seed: u64, launches: u32, noise: f64, common: impl Fn(u32) -> f64) -> Vec<Cell> {
        let mut random = fastrand::Rng::with_seed(seed);
        let launch = |random: &mut fastrand::Rng, round: u32| {
            let ns = 1000.0 * (common(round) + noise * (random.f64() - 0.5)).exp();
            let context = LaunchContext { round, ..LaunchContext::default() };
            Launch { batches_ns: vec![ns], operations: 1, context, ..Launch::default() }
        };
        let cell = |_| {
            let measurement = Measurement {
                launches: (0..launches).map(|round| launch(&mut random, round)).collect(),
                histogram: Err("none".into()),
                bytes_per_operation: None,
                verification: None,
                conditions: BTreeMap::new(),
                notes: Vec::new(),
            };
            Cell::measured(Identity::default(), measurement)
        };
        (0..40).map(cell).collect()
    }

    #[test]
    fn rounds_with_nothing_in_common_widen_nothing_much() {
        let mut cells = run(1, 8, 0.04, |_| 0.0);
        widen(&mut cells);
        assert!(cells.iter().all(|cell| cell.drift_share.is_some_and(|share| share < 0.005)), "{:?}", cells[0]);
    }

    #[test]
    fn what_rounds_have_in_common_widens_every_interval_once() {
        let mut cells = run(2, 6, 0.02, |round| 0.02 * f64::from(round % 3));
        let before = cells[0].interval_ns.unwrap();
        widen(&mut cells);
        let (after, share) = (cells[0].interval_ns.unwrap(), cells[0].drift_share.unwrap());
        assert!((0.01..0.04).contains(&share), "{share}");
        assert!(after[0] < before[0] && after[1] > before[1]);
        widen(&mut cells);
        assert_eq!(cells[0].interval_ns, Some(after));
    }

    #[test]
    fn one_round_that_is_off_does_not_decide() {
        let mut cells = run(5, 8, 0.02, |round| if round == 3 { 0.4 } else { 0.0 });
        widen(&mut cells);
        assert!(cells[0].drift_share.is_some_and(|share| share < 0.01), "{:?}", cells[0].drift_share);
    }

    #[test]
    fn a_few_cells_or_rounds_say_nothing() {
        let mut few = run(3, 6, 0.02, f64::from);
        few.truncate(FEWEST_CELLS - 1);
        widen(&mut few);
        assert!(few.iter().all(|cell| cell.drift_share.is_none()));
        let mut short = run(4, 3, 0.02, f64::from);
        widen(&mut short);
        assert!(short.iter().all(|cell| cell.drift_share.is_none()));
    }

    #[test]
    fn odd_records_widen_nothing() {
        let mut cells = run(6, 6, 0.02, |_| 0.0);
        cells.iter_mut().flat_map(|cell| &mut cell.per_launch).for_each(|launch| launch.estimate_ns = 0.0);
        widen(&mut cells);
        assert!(cells.iter().all(|cell| cell.drift_share.is_none()));
        widen(&mut []);
    }
}
