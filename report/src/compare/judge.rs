//! Ratios of all columns to the first, and what is said of them.

use super::evidence::{self, Evidence};
use super::machine::Machine;
use super::ratio::{NORMAL_975, Pairs, Ranks, Ratio};
use super::scatter::Known;
use super::verdict::{self, Verdict};
use super::whole::{Common, Seen, Whole, of_records};
use super::{Comparison, Entry, Row};
use crate::load::Source;

/// A cell that both columns have.
struct Judged {
    row: usize,
    ratio: Ratio,
    /// By its launches alone; none where they are too few.
    own: Option<Evidence>,
    pairs: Pairs,
    /// What disturbed the launches of either.
    disturbed: Option<String>,
}

/// All columns but the first.
pub(super) fn judge(comparison: &mut Comparison, sources: &[&Source]) {
    let mut ranks = Ranks::default();
    for column in 1..comparison.columns.len() {
        let judged = ratios(&comparison.rows, column, &mut ranks);
        if !comparison.columns[column].apart_by.is_empty() {
            for cell in &judged {
                put(comparison, column, cell.row, |entry| entry.ratio = Some(cell.ratio));
            }
            continue;
        }
        // Cells of one run, whose launches were interleaved: no run differs from itself.
        let within_one_run = comparison.columns[column].records.is_empty();
        let whole = if within_one_run { None } else { whole(comparison, column, &judged, sources) };
        absolute(comparison, column, &judged, whole.as_ref().map(|whole| whole.common).unwrap_or_default());
        if let Some(whole) = &whole {
            relative(comparison, column, &judged, whole.common, &mut ranks);
        }
        comparison.columns[column].whole = whole;
    }
}

fn put(comparison: &mut Comparison, column: usize, row: usize, set: impl FnOnce(&mut Entry)) {
    if let Some(entry) = &mut comparison.rows[row].values[column] {
        set(entry);
    }
}

fn ratios(rows: &[Row], column: usize, ranks: &mut Ranks) -> Vec<Judged> {
    let mut judged = Vec::new();
    for (row, both) in rows.iter().enumerate() {
        let (Some(base), Some(entry)) = (&both.values[0], &both.values[column]) else { continue };
        let pairs = Pairs::of(&base.launches_ns.concat(), &entry.launches_ns.concat());
        let Some(ratio) = ranks.ratio_of(&pairs).or_else(|| plain(base, entry)) else { continue };
        let own = Evidence::of(&ratio, pairs.launches(), ranks.p_value(&pairs, 0.0));
        let of_base = base.disturbed.as_ref().map(|why| format!("in the first column {why}"));
        judged.push(Judged { row, ratio, own, pairs, disturbed: entry.disturbed.clone().or(of_base) });
    }
    judged
}

/// Without launches there is a ratio of the estimates, and no interval.
fn plain(base: &Entry, entry: &Entry) -> Option<Ratio> {
    let value = entry.estimate_ns / base.estimate_ns;
    (value.is_finite() && value > 0.0).then_some(Ratio { value, interval: None })
}

/// The common shift, from the cells that were not disturbed and have an interval; none without such cells, as how far a single launch,
/// or one process's samples, can be from the next is not known.
fn whole(comparison: &Comparison, column: usize, judged: &[Judged], sources: &[&Source]) -> Option<Whole> {
    let quiet = || judged.iter().filter(|cell| cell.disturbed.is_none());
    let deviation = |own: &Evidence| (own.below + own.above) / 2.0 / NORMAL_975;
    let known = |cell: &Judged| Some(Known { log: cell.ratio.log(), own: deviation(cell.own.as_ref()?) });
    let cells: Vec<Known> = quiet().filter_map(known).collect();
    let of_null = quiet().filter(|cell| comparison.rows[cell.row].mechanism == "null");
    let null: Vec<f64> = of_null.map(|cell| cell.ratio.log()).collect();
    let records = |column: usize| -> Vec<&Source> {
        comparison.columns[column].records.iter().filter_map(|record| sources.get(*record).copied()).collect()
    };
    let apart = |column: usize| {
        let entries = judged.iter().filter_map(|cell| comparison.rows[cell.row].values[column].as_ref());
        of_records(entries.map(|entry| entry.launches_ns.as_slice()))
    };
    let machine = Machine::between(&records(0), &records(column), &null);
    Whole::find(Seen { cells: &cells, records: [apart(0), apart(column)], machine }, comparison.tolerances[column])
}

/// Verdicts on the ratios themselves.
fn absolute(comparison: &mut Comparison, column: usize, judged: &[Judged], common: Common) {
    let tolerance = comparison.tolerances[column];
    let widened: Vec<Option<Evidence>> = judged.iter().map(|cell| cell.own.map(|own| common.absolute(own))).collect();
    let sides = evidence::beyond(&quiet(judged, &widened), tolerance);
    for ((cell, evidence), side) in judged.iter().zip(widened).zip(sides) {
        let ratio = evidence.map_or(cell.ratio, |evidence| evidence.ratio());
        put(comparison, column, cell.row, |entry| {
            entry.ratio = Some(ratio);
            entry.verdict = Some(said(&ratio, tolerance, cell.disturbed.is_some(), side));
            entry.disturbed.clone_from(&cell.disturbed);
            entry.evidence = evidence;
            entry.own_half_width = cell.own.map_or(0.0, |own| own.above);
        });
    }
}

/// Verdicts on what the ratios are beyond the common shift.
fn relative(comparison: &mut Comparison, column: usize, judged: &[Judged], common: Common, ranks: &mut Ranks) {
    let tolerance = comparison.tolerances[column];
    let mut beyond = |cell: &Judged| {
        let by_order = ranks.p_value(&cell.pairs, common.shift());
        Some(common.relative(Evidence { by_order, ..cell.own? }))
    };
    let beyond: Vec<Option<Evidence>> = judged.iter().map(&mut beyond).collect();
    let sides = evidence::beyond(&quiet(judged, &beyond), tolerance);
    for ((cell, evidence), side) in judged.iter().zip(beyond).zip(sides) {
        let Some(ratio) = evidence.map(|evidence| evidence.ratio()) else { continue };
        put(comparison, column, cell.row, |entry| {
            entry.beyond = Some(ratio);
            entry.beyond_verdict = Some(said(&ratio, tolerance, cell.disturbed.is_some(), side));
        });
    }
}

/// Disturbed cells are not among those that are tried.
fn quiet(judged: &[Judged], evidence: &[Option<Evidence>]) -> Vec<Option<Evidence>> {
    judged.iter().zip(evidence).map(|(cell, evidence)| evidence.filter(|_| cell.disturbed.is_none())).collect()
}

fn said(ratio: &Ratio, tolerance: f64, disturbed: bool, side: Option<bool>) -> Verdict {
    match verdict::verdict(ratio, tolerance) {
        Verdict::TooFewLaunches => Verdict::TooFewLaunches,
        _ if disturbed => Verdict::Disturbed,
        Verdict::Slower if side != Some(true) => Verdict::AmongMany,
        Verdict::Faster if side != Some(false) => Verdict::AmongMany,
        verdict => verdict,
    }
}
