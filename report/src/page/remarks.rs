//! What is said of a panel beyond what its lines show: where one line overtakes another, marked and named with its interval, and
//! whether kinds of task differ by more than noise.

use std::cmp::Ordering;

use super::clean;
use super::followed::Followed;
use super::number;
use super::plot::Flag;
use super::sheet::Sheet;
use super::sweep::{Sweep, Track};
use crate::crossover::{self, Place};
use crate::task_kinds::{self, Difference, Kinds};
use crate::words::{self, two_digits};
use ipcmark_harness::record::Cell;

/// What is said of the panels of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    /// Nothing.
    Nothing,
    /// Where the fastest changes.
    Fastest,
    /// Where a mutex overtakes each spinlock, or the other way round.
    Locks,
    /// Where processes and threads differ by more than noise.
    Kinds,
}

/// The most lines across one panel, and the most sentences below it.
const MOST_MARKED: usize = 3;
const MOST_SAID: usize = 6;

/// A value along the axis, and the cell that was measured there, of each line its own.
type Measured<'a> = (f64, &'a Cell);

/// What is marked in the panel of one machine, and what is said below it.
pub(super) fn of(
    sheet: &Sheet<'_>,
    machine: usize,
    tracks: &[Track],
    sweep: &Sweep,
    followed: &Followed,
) -> (Vec<Flag>, Vec<String>) {
    let measured = |track: &Track| -> Vec<Measured<'_>> {
        track.cells.iter().filter_map(|&(x, cell)| Some((x, sheet.measured(machine, cell)?))).collect()
    };
    let lines: Vec<(&str, Vec<Measured<'_>>)> =
        tracks.iter().map(|track| (track.name.as_str(), measured(track))).collect();
    let (flags, mut said) = match sweep.tells {
        Tells::Fastest => numbered(fastest_changes(&lines, sweep.x_label), Vec::new()),
        Tells::Locks => locks(&lines, sweep.along),
        Tells::Kinds if followed.key == "fact.net_ns" => (Vec::new(), kinds(&lines, sweep.x_label)),
        Tells::Kinds | Tells::Nothing => (Vec::new(), Vec::new()),
    };
    let below = |(_, cell): &&Measured<'_>| number::value(cell, followed.key).is_some_and(|value| value < 0.0);
    match lines.iter().flat_map(|line| &line.1).filter(below).count() {
        0 => {}
        count => said.push(format!("Below nothing, by noise, and not drawn: {count} of the numbers in the table.")),
    }
    (flags, said)
}

/// Marks with their sentences, by a number where there are several, before the sentences that have no mark.
fn numbered(mut flags: Vec<Flag>, rest: Vec<String>) -> (Vec<Flag>, Vec<String>) {
    if flags.len() > 1 {
        for (place, flag) in flags.iter_mut().enumerate() {
            flag.name = (place + 1).to_string();
            flag.says = format!("{}: {}", flag.name, flag.says);
        }
    }
    let said = flags.iter().map(|flag| flag.says.clone()).chain(rest).collect();
    (flags, said)
}

/// Between two places at each of which the two are further apart than their intervals.
fn fastest_changes(lines: &[(&str, Vec<Measured<'_>>)], label: fn(f64) -> String) -> Vec<Flag> {
    let mut xs: Vec<f64> = lines.iter().flat_map(|line| &line.1).map(|(x, _)| *x).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    let at = |line: &[Measured<'_>], x: f64| -> Option<(f64, [f64; 2])> {
        let (_, cell) = line.iter().find(|(at, _)| *at == x)?;
        Some((cell.estimate_ns?, cell.interval_ns?))
    };
    // A floor does nothing and is never overtaken.
    let racing = || lines.iter().filter(|line| line.0 != "null");
    let fastest = |x: f64| {
        racing()
            .filter(|line| at(&line.1, x).is_some())
            .min_by(|a, b| at(&a.1, x).map(|p| p.0).partial_cmp(&at(&b.1, x).map(|p| p.0)).unwrap_or(Ordering::Equal))
    };
    let crossing = |pair: &[f64]| {
        let (before, after) = (fastest(pair[0])?, fastest(pair[1])?);
        let (first, first_other) = (at(&before.1, pair[0])?, at(&after.1, pair[0])?);
        let (last, last_other) = (at(&before.1, pair[1])?, at(&after.1, pair[1])?);
        let clear = first.1[1] < first_other.1[0] && last_other.1[1] < last.1[0];
        let meet = |above: f64, below: f64| crossover::between((pair[0], above.ln()), (pair[1], below.ln()));
        let value = meet(first_other.0 / first.0, last_other.0 / last.0);
        // The one that overtakes, at its best, does so first; at its worst, last.
        let low = meet(first_other.1[0] / first.1[1], last_other.1[0] / last.1[1]);
        let high = meet(first_other.1[1] / first.1[0], last_other.1[1] / last.1[0]);
        let told = |x: f64| label(two_digits(x));
        let says =
            format!("{} overtakes {} at about {} ({} – {})", after.0, before.0, told(value), told(low), told(high));
        let place = Place { value, low: Some(low), high: Some(high) };
        let flag = Flag { place, name: String::new(), says: clean(&says) };
        (before.0 != after.0 && clear && [value, low, high].iter().all(|x| x.is_finite())).then_some(flag)
    };
    xs.windows(2).filter_map(crossing).collect()
}

/// As `ipcmark show` says it.
fn locks(lines: &[(&str, Vec<Measured<'_>>)], along: &str) -> (Vec<Flag>, Vec<String>) {
    let cells = lines.iter().flat_map(|line| &line.1).map(|(_, cell)| *cell);
    let found = crossover::of_locks(cells).into_iter().filter(|found| found.along() == along);
    let (placed, others): (Vec<_>, Vec<_>) = found.partition(|found| found.place().is_some());
    let flags = placed
        .iter()
        .filter_map(|found| Some(Flag { place: found.place()?, name: String::new(), says: clean(&found.said()) }));
    let others = placed.iter().skip(MOST_MARKED).chain(&others);
    let mut said: Vec<String> = others.map(|found| clean(&found.said())).collect();
    let further = said.len().saturating_sub(MOST_SAID);
    said.truncate(MOST_SAID);
    if further > 0 {
        said.push(format!("{further} further pairs: see `ipcmark show`"));
    }
    numbered(flags.take(MOST_MARKED).collect(), said)
}

/// A sentence for each mechanism and step from one kind to the next.
fn kinds(lines: &[(&str, Vec<Measured<'_>>)], label: fn(f64) -> String) -> Vec<String> {
    let mut all: Vec<Measured<'_>> = lines.iter().flat_map(|line| line.1.iter().copied()).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut steps: Vec<Step> = Vec::new();
    for here in all.chunk_by(|a, b| a.0 == b.0) {
        let found = task_kinds::of_switches(here.iter().map(|(_, cell)| *cell));
        found.iter().for_each(|kinds| note(&mut steps, kinds, &label(here[0].0)));
    }
    steps.iter().map(Step::said).collect()
}

/// From one kind of task to the next, with the places where they differ and where they do not.
struct Step {
    mechanism: String,
    less: &'static str,
    more: &'static str,
    beyond: Vec<String>,
    within: Vec<String>,
}

fn note(steps: &mut Vec<Step>, kinds: &Kinds, label: &str) {
    for Difference { less, more, ns, beyond_noise } in kinds.differences() {
        let mechanism = kinds.mechanism();
        let known = |step: &Step| (step.mechanism.as_str(), step.less, step.more) == (mechanism, less, more);
        let place = steps.iter().position(known).unwrap_or_else(|| {
            let (beyond, within) = (Vec::new(), Vec::new());
            steps.push(Step { mechanism: mechanism.to_owned(), less, more, beyond, within });
            steps.len() - 1
        });
        let list = if beyond_noise { &mut steps[place].beyond } else { &mut steps[place].within };
        let sign = if ns < 0.0 { "−" } else { "+" };
        list.push(format!("{label} ({sign}{})", words::time(ns.abs())));
    }
}

impl Step {
    fn said(&self) -> String {
        let list =
            |places: &[String]| if places.is_empty() { "nowhere".into() } else { format!("at {}", places.join(", ")) };
        let Step { mechanism, less, more, beyond, within } = self;
        let said = format!(
            "{mechanism}, net of {more} minus {less}: beyond the noise {}; within it {}.",
            list(beyond),
            list(within)
        );
        clean(&said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(estimate: f64) -> Cell {
        let json = serde_json::json!({"id": "i", "mechanism": "m", "workload": "w", "outcome": "measured",
            "estimate_ns": estimate, "interval_ns": [estimate * 0.95, estimate * 1.05]});
        serde_json::from_value(json).expect("this is a cell")
    }

    /// The flags of lines through these points.
    fn flags(lines: &[(&str, [(f64, f64); 2])]) -> Vec<Flag> {
        let cells: Vec<(&str, Vec<(f64, Cell)>)> =
            lines.iter().map(|(name, points)| (*name, points.map(|(x, ns)| (x, cell(ns))).into())).collect();
        let measured: Vec<(&str, Vec<Measured<'_>>)> =
            cells.iter().map(|(name, line)| (*name, line.iter().map(|(x, cell)| (*x, cell)).collect())).collect();
        fastest_changes(&measured, |x| format!("{x}"))
    }

    #[test]
    fn a_crossing_lies_between_the_two_places_and_is_said_with_its_interval() {
        let flags = flags(&[("a", [(64.0, 1.0), (4096.0, 16.0)]), ("b", [(64.0, 4.0), (4096.0, 4.0)])]);
        assert_eq!(flags.len(), 1);
        let Place { value, low: Some(low), high: Some(high) } = flags[0].place else { panic!("it is bounded") };
        assert!((value - 512.0).abs() < 1e-6, "{value}");
        assert!(64.0 < low && low < value && value < high && high < 4096.0, "{low} {high}");
        assert_eq!(flags[0].says, "b overtakes a at about 510 (440 – 590)");
    }

    #[test]
    fn intervals_that_overlap_make_no_crossing() {
        let flags = flags(&[("a", [(64.0, 1.0), (4096.0, 1.02)]), ("b", [(64.0, 1.02), (4096.0, 1.0)])]);
        assert!(flags.is_empty());
    }

    #[test]
    fn the_floor_is_never_overtaken() {
        assert!(flags(&[("null", [(1.0, 1.0), (2.0, 9.0)]), ("b", [(1.0, 4.0), (2.0, 4.0)])]).is_empty());
    }
}
