//! How far a whole run may be off, as far as its own launches show.
//!
//! An interval over launches takes them to be independent. They are not: frequency, temperature and other guests of the same
//! hardware change over seconds and minutes, so that launches that are neighbours in time agree better than others, and a
//! run agrees better with itself than with the next one. Of 288 intervals with a stated coverage of 96.9 %, 253 held the median of
//! 24 runs (87.8 %).
//!
//! What can be seen from within a run is how much less launches agree the further they lie apart in time: the mean of the squared
//! differences of the logarithms of two launches of one cell, over two, is their variance (J. von Neumann, *Annals of
//! Mathematical Statistics* 12, 1941, for neighbours); that of distant launches less that of neighbours is what drift adds. One
//! cell has few launches and tells little, but all cells of as many CPUs drift alike, so the median of them is taken. A later run
//! is at least as far away as the begin of a run is from its end: each interval is widened by that deviation.

use std::collections::BTreeMap;

use crate::estimate::median;
use crate::record::{Cell, Outcome};

/// Fewer launches have no neighbours and distant ones.
const FEWEST_LAUNCHES: usize = 4;
/// Fewer cells say nothing in common.
const FEWEST_CELLS: usize = 5;
/// The quantile of the standard normal distribution that 2.5 % lie beyond.
const NORMAL_975: f64 = 1.959_964;

/// Widens the intervals of all cells of one run by what its launches show of drift, and says in each by how much.
pub fn widen(cells: &mut [Cell]) {
    let deviations = deviations(cells);
    for cell in cells.iter_mut().filter(|cell| cell.drift_share.is_none()) {
        let Some(&deviation) = deviations.get(&cpus(cell)) else { continue };
        if let (Some(estimate), Some([low, high])) = (cell.estimate_ns.filter(|ns| *ns > 0.0), cell.interval_ns) {
            let further = |end: f64| (end / estimate).ln().abs().hypot(NORMAL_975 * deviation).exp();
            cell.interval_ns = Some([estimate / further(low), estimate * further(high)]);
            cell.drift_share = Some(deviation);
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

/// The deviation that drift adds, in logarithms, by the number of CPUs of the cells.
fn deviations(cells: &[Cell]) -> BTreeMap<usize, f64> {
    let mut excesses: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.outcome == Outcome::Measured) {
        excesses.entry(cpus(cell)).or_default().extend(excess(cell));
    }
    excesses.retain(|_, found| found.len() >= FEWEST_CELLS);
    excesses.into_iter().map(|(cpus, found)| (cpus, median(&found).unwrap_or(0.0).max(0.0).sqrt())).collect()
}

/// The variance of distant launches of a cell less that of neighbours, of logarithms.
fn excess(cell: &Cell) -> Option<f64> {
    let mut launches: Vec<(f64, f64)> = cell
        .per_launch
        .iter()
        .filter(|launch| launch.estimate_ns > 0.0)
        .map(|launch| (launch.at_s, launch.estimate_ns.ln()))
        .collect();
    if launches.len() < FEWEST_LAUNCHES {
        return None;
    }
    launches.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = launches.len() / 2;
    let neighbours = launches.windows(2).map(|pair| (pair[0].1, pair[1].1));
    let distant = launches.iter().zip(&launches[half..]).map(|(early, late)| (early.1, late.1));
    let (neighbours, distant) = (variance(neighbours), variance(distant));
    Some(distant - neighbours)
}

/// Half the mean of squared differences.
fn variance(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let squares: Vec<f64> = pairs.map(|(a, b)| (a - b).powi(2) / 2.0).collect();
    squares.iter().sum::<f64>() / squares.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Identity, Launch, LaunchContext, Measurement};

    /// A run of so many cells, each launch off by its own noise and by what drift adds at its time (0 … 1).
    fn run(seed: u64, launches: usize, noise: f64, drift: impl Fn(f64) -> f64) -> Vec<Cell> {
        let mut random = fastrand::Rng::with_seed(seed);
        let launch = |random: &mut fastrand::Rng, place: usize| {
            let at_s = place as f64 / launches as f64;
            let ns = 1000.0 * (drift(at_s) + noise * (random.f64() - 0.5)).exp();
            let context = LaunchContext { at_s, ..LaunchContext::default() };
            Launch { batches_ns: vec![ns], operations: 1, context, ..Launch::default() }
        };
        let cell = |_| {
            let measurement = Measurement {
                launches: (0..launches).map(|place| launch(&mut random, place)).collect(),
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
    fn launches_that_agree_at_any_distance_widen_nothing_much() {
        let mut cells = run(1, 8, 0.04, |_| 0.0);
        widen(&mut cells);
        assert!(cells.iter().all(|cell| cell.drift_share.is_some_and(|share| share < 0.005)), "{:?}", cells[0]);
    }

    #[test]
    fn a_machine_that_gets_slower_widens_every_interval_once() {
        let mut cells = run(2, 6, 0.02, |at| 0.1 * at);
        let before = cells[0].interval_ns.unwrap();
        widen(&mut cells);
        let (after, share) = (cells[0].interval_ns.unwrap(), cells[0].drift_share.unwrap());
        assert!((0.02..0.08).contains(&share), "{share}");
        assert!(after[0] < before[0] && after[1] > before[1]);
        widen(&mut cells);
        assert_eq!(cells[0].interval_ns, Some(after));
    }

    #[test]
    fn a_few_cells_or_launches_say_nothing() {
        let mut few = run(3, 6, 0.02, |at| at);
        few.truncate(FEWEST_CELLS - 1);
        widen(&mut few);
        assert!(few.iter().all(|cell| cell.drift_share.is_none()));
        let mut short = run(4, 3, 0.02, |at| at);
        widen(&mut short);
        assert!(short.iter().all(|cell| cell.drift_share.is_none()));
    }
}
