//! What is said of a panel beyond what its lines show: where one line overtakes another, marked and named with its interval, and
//! whether kinds of task differ by more than noise.

use super::clean;
use super::followed::Followed;
use super::number;
use super::plot::Flag;
use super::sheet::Sheet;
use super::sweep::{Sweep, Track};
use crate::crossover::{self, Place};
use crate::paired::PairedRatio;
use crate::task_kinds::{self, Difference, Kinds};
use crate::words::{self, two_digits};
use ipcmark_harness::record::{Cell, Header};

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
    let header = &sheet.machines[machine].source.record.header;
    let (flags, mut said) = match sweep.tells {
        Tells::Fastest => numbered(fastest_changes(header, &lines, sweep.x_label), Vec::new()),
        Tells::Locks => locks(header, &lines, sweep.along),
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

/// So many places must have been measured of both.
const FEWEST_PLACES: usize = 3;

/// Between two places at each of which the two are told apart.
fn fastest_changes(header: &Header, lines: &[(&str, Vec<Measured<'_>>)], label: fn(f64) -> String) -> Vec<Flag> {
    let mut xs: Vec<f64> = lines.iter().flat_map(|line| &line.1).map(|(x, _)| *x).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    let crossing = |pair: &[f64]| {
        let (before, after) = (fastest(lines, pair[0])?, fastest(lines, pair[1])?);
        let shared = before.1.iter().filter(|(x, _)| at(&after.1, *x).is_some()).count();
        if before.0 == after.0 || shared < FEWEST_PLACES {
            return None;
        }
        let place = meeting(header, [&before.1, &after.1], [pair[0], pair[1]])?;
        let told = |x: f64| label(two_digits(x));
        let (value, low, high) = (told(place.value), told(place.low), told(place.high));
        let says = format!("{} overtakes {} at about {value} ({low} – {high})", after.0, before.0);
        Some(Flag { place, name: String::new(), says: clean(&says) })
    };
    xs.windows(2).filter_map(crossing).collect()
}

fn at<'a>(line: &[Measured<'a>], x: f64) -> Option<&'a Cell> {
    line.iter().find(|(at, _)| *at == x).map(|(_, cell)| *cell)
}

/// A floor does nothing and is never overtaken.
fn fastest<'a, 'b>(lines: &'b [(&'b str, Vec<Measured<'a>>)], x: f64) -> Option<&'b (&'b str, Vec<Measured<'a>>)> {
    let time = |line: &(&str, Vec<Measured<'_>>)| at(&line.1, x).and_then(|cell| cell.estimate_ns);
    let racing = lines.iter().filter(|line| line.0 != "null" && time(line).is_some());
    racing.min_by(|a, b| time(a).unwrap_or(f64::MAX).total_cmp(&time(b).unwrap_or(f64::MAX)))
}

/// Where the second line overtakes the first between two places; none: at one of the two they are not told apart.
fn meeting(header: &Header, [before, after]: [&[Measured<'_>]; 2], [from, to]: [f64; 2]) -> Option<Place> {
    let logs = |x: f64| {
        let ratio = PairedRatio::of(header, at(before, x)?, at(after, x)?)?;
        let [low, high] = ratio.interval?;
        Some([ratio.value, low, high].map(f64::ln))
    };
    let (first, last) = (logs(from)?, logs(to)?);
    // The one that overtakes, at its best, does so first; at its worst, last.
    let [value, low, high] = [0, 1, 2].map(|of| crossover::between((from, first[of]), (to, last[of])));
    (first[1] > 0.0 && last[2] < 0.0 && [value, low, high].iter().all(|x| x.is_finite())).then_some(Place {
        value,
        low,
        high,
    })
}

/// As `ipcmark show` says it.
fn locks(header: &Header, lines: &[(&str, Vec<Measured<'_>>)], along: &str) -> (Vec<Flag>, Vec<String>) {
    let cells = lines.iter().flat_map(|line| &line.1).map(|(_, cell)| *cell);
    let found = crossover::of_locks(header, cells).into_iter().filter(|found| found.along() == along);
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
    use crate::paired::testing::{cell_of_launches, header};

    /// Ten launches around the time, some percent apart.
    fn cell(name: &str, ns: f64) -> Cell {
        let own = name.len() as u32 + 3;
        let launch = |round: u32| ns * (0.96 + f64::from(round * own % 10) / 125.0);
        cell_of_launches(name, &(0..10).map(launch).collect::<Vec<_>>())
    }

    /// The flags of lines through these points.
    fn flags<const N: usize>(lines: &[(&str, [(f64, f64); N])]) -> Vec<Flag> {
        let cells: Vec<(&str, Vec<(f64, Cell)>)> =
            lines.iter().map(|(name, points)| (*name, points.map(|(x, ns)| (x, cell(name, ns))).into())).collect();
        let measured: Vec<(&str, Vec<Measured<'_>>)> =
            cells.iter().map(|(name, line)| (*name, line.iter().map(|(x, cell)| (*x, cell)).collect())).collect();
        fastest_changes(&header(), &measured, |x| format!("{x}"))
    }

    #[test]
    fn a_crossing_lies_between_the_two_places_and_is_said_with_its_interval() {
        let (a, b) = ([(1.0, 1.0), (64.0, 1.0), (4096.0, 16.0)], [(1.0, 4.0), (64.0, 4.0), (4096.0, 4.0)]);
        let flags = flags(&[("a", a), ("bb", b)]);
        assert_eq!(flags.len(), 1);
        let Place { value, low, high } = flags[0].place;
        assert!((value - 512.0).abs() < 20.0, "{value}");
        assert!(64.0 < low && low < value && value < high && high < 4096.0, "{low} {high}");
        assert!(flags[0].says.starts_with("bb overtakes a at about 5"), "{}", flags[0].says);
    }

    #[test]
    fn two_measured_places_make_no_crossing() {
        assert!(flags(&[("a", [(64.0, 1.0), (4096.0, 16.0)]), ("bb", [(64.0, 4.0), (4096.0, 4.0)])]).is_empty());
    }

    #[test]
    fn what_is_not_told_apart_makes_no_crossing() {
        let (a, b) = ([(1.0, 1.0), (64.0, 1.0), (4096.0, 1.02)], [(1.0, 4.0), (64.0, 1.02), (4096.0, 1.0)]);
        assert!(flags(&[("a", a), ("bb", b)]).is_empty());
    }

    #[test]
    fn the_floor_is_never_overtaken() {
        let (null, b) = ([(1.0, 1.0), (2.0, 9.0), (3.0, 9.0)], [(1.0, 4.0), (2.0, 4.0), (3.0, 4.0)]);
        assert!(flags(&[("null", null), ("bb", b)]).is_empty());
    }
}
