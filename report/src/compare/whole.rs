//! What two columns differ by as a whole: the common shift of their cells, apart from what each cell does beyond it.
//!
//! The shift is the weighted median of the cells' logarithms. Its interval has three parts:
//!
//! - **cells**: the median of cells drawn with replacement, so that it is wide where cells fall into groups: when half of them take a
//!   third longer, neither "everything a third" nor "nothing" is known; never narrower than the weights say;
//! - **records**: where a column has several records, how much they differ as wholes, by Student's t: two or three of them drawn with
//!   replacement would say far too little;
//! - **the machine**: where its own steps moved the same way ([`super::machine`]), the interval reaches to what that leaves.
//!
//! With one record a side and no such steps, how much two runs differ as wholes is known from nothing; the tolerance stands for it,
//! and [`KnownBy`] says so.

use ipcmark_harness::estimate::median;
use ipcmark_harness::student;
use serde::Serialize;

use super::evidence::Evidence;
use super::machine::Machine;
use super::ratio::{NORMAL_975, Ratio};
use super::scatter::{self, Known};
use super::verdict::{self, Verdict};

/// Cells are drawn so many times.
const DRAWS: usize = 400;
/// No cell is known better than this when weights are given, in logarithms, lest one of them be the median of all.
const FINEST: f64 = 0.005;
/// The variance of a median over that of a mean, of normal values.
const MEDIAN_TO_MEAN_VARIANCE: f64 = std::f64::consts::FRAC_PI_2;

/// What tells how much two runs differ as wholes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnownBy {
    /// Several records of a column.
    Records,
    /// The steps of the machine, probed before each run, and cells of `null`.
    MachineSteps,
    /// Nothing: the tolerance stands for it.
    Nothing,
}

/// The common shift of a column against the first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Whole {
    /// How many times as long the cells take, as a whole.
    pub ratio: Ratio,
    /// What is said of that.
    pub verdict: Verdict,
    /// Cells that it is taken from: those that were not disturbed.
    pub cells: usize,
    /// Deviation of a cell between the two beyond its launches and the common shift, as a share.
    pub scatter: f64,
    /// What tells how much two runs differ as wholes.
    pub known_by: KnownBy,
    /// Half-width of that at 95 %, as a share, where records tell.
    pub between_records: Option<f64>,
    /// What became of the machine's own steps.
    pub machine: Option<Machine>,
    /// Whether their shift explains the whole's, in part or in full.
    pub machine_explains: bool,
    /// What of a cell's ratio is not its own.
    #[serde(skip)]
    pub(super) common: Common,
}

/// How far a cell's ratio is not its own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Common {
    /// The common shift, in logarithms, and its half-width by cells alone.
    shift: (f64, f64),
    /// Deviation of each cell between runs.
    scatter: f64,
    /// Half-width of the shift between records.
    between: f64,
    /// What the machine did, and its half-width.
    machine: (f64, f64),
}

impl Common {
    /// A cell's own evidence with all that a run adds.
    pub(super) fn absolute(&self, own: Evidence) -> Evidence {
        own.widened(NORMAL_975 * self.scatter).widened(self.between).less(self.machine.0, self.machine.1)
    }

    /// The same against the common shift, which records and the machine move alike.
    pub(super) fn relative(&self, own: Evidence) -> Evidence {
        own.widened(NORMAL_975 * self.scatter).beyond(self.shift.0, self.shift.1)
    }

    /// The common shift, in logarithms.
    pub(super) fn shift(&self) -> f64 {
        self.shift.0
    }

    /// Half-width that no further launch removes.
    pub(super) fn floor(&self) -> f64 {
        (NORMAL_975 * self.scatter).hypot(self.between)
    }
}

/// What the common shift is found from.
pub(super) struct Seen<'a> {
    /// The cells.
    pub(super) cells: &'a [Known],
    /// What each record of the first column, and of the other, differs by from its column, in logarithms.
    pub(super) records: [Vec<f64>; 2],
    /// The machine's steps.
    pub(super) machine: Option<Machine>,
}

impl Whole {
    /// None without cells.
    pub(super) fn find(seen: Seen<'_>, tolerance: f64) -> Option<Whole> {
        let scatter = scatter::deviation(seen.cells);
        let (shift, half_width) = shift(seen.cells, scatter)?;
        let between = between_records(&seen.records);
        let (explained, known_to) = seen.machine.map_or((0.0, 0.0), |machine| machine.explains(shift));
        let common = Common {
            shift: (shift, half_width),
            scatter,
            between: between.unwrap_or(0.0),
            machine: (explained, known_to),
        };
        let ratio = Evidence::centred(shift, half_width).widened(common.between).less(explained, known_to).ratio();
        let known_by = match (between, seen.machine) {
            (Some(_), _) => KnownBy::Records,
            (None, Some(_)) => KnownBy::MachineSteps,
            (None, None) => KnownBy::Nothing,
        };
        Some(Whole {
            ratio,
            verdict: verdict::verdict(&ratio, tolerance),
            cells: seen.cells.len(),
            scatter,
            known_by,
            between_records: between.map(f64::exp_m1),
            machine: seen.machine,
            machine_explains: explained != 0.0 && seen.machine.is_some_and(|machine| machine.moved),
            common,
        })
    }
}

/// The weighted median of the logarithms, and the half-width of its interval by cells.
fn shift(cells: &[Known], scatter: f64) -> Option<(f64, f64)> {
    let weight = |cell: &Known| 1.0 / (cell.own.powi(2) + scatter.powi(2) + FINEST * FINEST);
    let mut sorted: Vec<(f64, f64)> = cells.iter().map(|cell| (cell.log, weight(cell))).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let middle = weighted_median(&sorted, None)?;
    let all: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let of_medians = if cells.len() > 2 { MEDIAN_TO_MEAN_VARIANCE } else { 1.0 };
    let by_weights = NORMAL_975 * (of_medians / all).sqrt();
    let (low, high) = drawn(&sorted);
    Some((middle, by_weights.max(middle - low).max(high - middle)))
}

/// The ends of the middle 95 % of the medians of cells drawn with replacement.
fn drawn(sorted: &[(f64, f64)]) -> (f64, f64) {
    let mut random = Random(0x5eed);
    let mut counts = vec![0_u32; sorted.len()];
    let draw = |_| {
        counts.fill(0);
        (0..sorted.len()).for_each(|_| counts[random.below(sorted.len())] += 1);
        weighted_median(sorted, Some(&counts))
    };
    let mut medians: Vec<f64> = (0..DRAWS).filter_map(draw).collect();
    medians.sort_by(f64::total_cmp);
    let outside = DRAWS / 40;
    (medians[outside], medians[medians.len() - 1 - outside])
}

/// Of values in ascending order, each with its weight, taken as many times as counted, else once.
fn weighted_median(sorted: &[(f64, f64)], counts: Option<&[u32]>) -> Option<f64> {
    let weight = |place: usize| sorted[place].1 * counts.map_or(1.0, |counts| f64::from(counts[place]));
    let half = (0..sorted.len()).map(weight).sum::<f64>() / 2.0;
    let mut below = 0.0;
    let mut lower = None;
    for place in (0..sorted.len()).filter(|place| weight(*place) > 0.0) {
        if let Some(lower) = lower {
            return Some(f64::midpoint(lower, sorted[place].0));
        }
        below += weight(place);
        match below - half {
            beyond if beyond.abs() <= 1e-9 * half => lower = Some(sorted[place].0),
            beyond if beyond > 0.0 => return Some(sorted[place].0),
            _ => {}
        }
    }
    lower
}

/// Half-width at 95 % of the shift, by how much records of one column differ as wholes. None where no column has two.
fn between_records(records: &[Vec<f64>; 2]) -> Option<f64> {
    let degrees = records.iter().map(|shifts| shifts.len().saturating_sub(1)).sum::<usize>();
    let squares = |shifts: &Vec<f64>| {
        let mean = shifts.iter().sum::<f64>() / shifts.len() as f64;
        shifts.iter().map(|shift| (shift - mean).powi(2)).sum::<f64>()
    };
    if degrees == 0 || records.iter().any(Vec::is_empty) {
        return None;
    }
    let variance = records.iter().map(squares).sum::<f64>() / degrees as f64;
    let of_means: f64 = records.iter().map(|shifts| 1.0 / shifts.len() as f64).sum();
    Some(student::quantile_975(degrees as f64) * (variance * of_means).sqrt())
}

/// What each record of a column differs by from its column as a whole, in logarithms: `launches` has, for each cell, the launches of
/// each record.
pub(super) fn of_records<'a>(launches: impl Iterator<Item = &'a [Vec<f64>]>) -> Vec<f64> {
    let mut apart: Vec<Vec<f64>> = Vec::new();
    for records in launches {
        let logs: Vec<Option<f64>> = records.iter().map(|ns| median(ns).filter(|ns| *ns > 0.0).map(f64::ln)).collect();
        let known: Vec<f64> = logs.iter().flatten().copied().collect();
        let Some(middle) = median(&known) else { continue };
        apart.resize(apart.len().max(logs.len()), Vec::new());
        logs.iter().zip(&mut apart).for_each(|(log, apart)| apart.extend(log.map(|log| log - middle)));
    }
    apart.iter().filter_map(|apart| median(apart)).collect()
}

/// Numbers from a seed: the same records give the same interval. (G. L. Steele, D. Lea, C. H. Flood, *Fast splittable pseudorandom
/// number generators*, OOPSLA 2014.)
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let high = u128::from(mixed ^ (mixed >> 31)) * limit as u128;
        (high >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(logs: &[f64], records: [Vec<f64>; 2], machine: Option<Machine>) -> Whole {
        let cells: Vec<Known> = logs.iter().map(|log| Known { log: *log, own: 0.005 }).collect();
        Whole::find(Seen { cells: &cells, records, machine }, verdict::TOLERANCE).unwrap()
    }

    fn moved(share: f64) -> Vec<f64> {
        (0..100).map(|place| if (f64::from(place) + 0.5) / 100.0 < share { 1.34_f64.ln() } else { 0.0 }).collect()
    }

    #[test]
    fn a_common_shift_is_called_and_half_of_the_cells_are_no_common_shift() {
        for (share, verdict) in [(1.0, Verdict::Slower), (0.9, Verdict::Slower), (0.5, Verdict::IntervalTooWide)] {
            let found = whole(&moved(share), [vec![0.0], vec![0.0]], None);
            assert_eq!(found.verdict, verdict, "{share}: {found:?}");
            assert!(found.scatter < 0.01 && found.known_by == KnownBy::Nothing, "{found:?}");
        }
        let found = whole(&moved(0.2), [vec![0.0], vec![0.0]], None);
        assert!(matches!(found.verdict, Verdict::NoDifference { .. }), "{found:?}");
    }

    #[test]
    fn ratios_that_are_no_numbers_are_borne() {
        let cells = [Known { log: 700.0, own: 700.0 }, Known { log: -700.0, own: 700.0 }];
        assert!(Whole::find(Seen { cells: &cells, records: [vec![0.0], vec![0.0]], machine: None }, 0.03).is_some());
    }

    #[test]
    fn records_that_differ_as_wholes_leave_a_shift_of_their_size_open() {
        let apart = || vec![-0.04, 0.04];
        let found = whole(&[0.08; 30], [apart(), apart()], None);
        assert_eq!((found.verdict, found.known_by), (Verdict::IntervalTooWide, KnownBy::Records));
        let alike = || vec![-0.002, 0.002];
        assert_eq!(whole(&[0.08; 30], [alike(), alike()], None).verdict, Verdict::Slower);
    }

    #[test]
    fn a_machine_that_moved_as_much_leaves_the_whole_open_and_one_that_did_not_leaves_it() {
        let machine = |value: f64, moved| Machine { value, interval: [value * 0.97, value * 1.03], steps: 6, moved };
        let ones = || [vec![0.0], vec![0.0]];
        let found = whole(&[3.0_f64.ln(); 30], ones(), Some(machine(3.02, true)));
        assert!(found.verdict == Verdict::IntervalTooWide && found.machine_explains, "{found:?}");
        let found = whole(&[3.0_f64.ln(); 30], ones(), Some(machine(1.01, false)));
        assert!(found.verdict == Verdict::Slower && !found.machine_explains, "{found:?}");
        assert_eq!(found.known_by, KnownBy::MachineSteps);
    }

    #[test]
    fn a_record_is_set_against_the_others_of_its_column() {
        let cells = [[vec![100.0, 101.0], vec![110.0]], [vec![10.0], vec![11.0]]];
        let found = of_records(cells.iter().map(<[Vec<f64>; 2]>::as_slice));
        assert!(found.len() == 2 && (found[1] - found[0] - 0.093).abs() < 0.01, "{found:?}");
    }
}
