//! What a run found, in a few lines.

use ipcmark_harness::grade::Letter;
use ipcmark_harness::record::{Cell, Outcome, sanitize};
use ipcmark_report::layout::wrapped;
use ipcmark_report::ranking::{Ranked, is_floor};
use ipcmark_report::words::{self, Figures, figure};

use super::groups::Group;
use super::{Shown, WITHOUT_NUMBER, words_of};

/// So many questions are answered, those about most mechanisms first.
const MOST_QUESTIONS: usize = 3;
/// So many lines say what is noisy.
const MOST_NOISY: usize = 2;

/// Some six lines: how many cells, the fastest of each large group, what is noisy.
pub(super) fn summary(groups: &[Group<'_>], cells: &[Cell], shown: Shown<'_>) -> String {
    let mut asked: Vec<&Group<'_>> = groups.iter().filter(|group| racing(group).count() > 1).collect();
    asked.sort_by_key(|group| std::cmp::Reverse(group.rows.len()));
    let answers = asked.iter().take(MOST_QUESTIONS).filter_map(|group| answer(group));
    let lines = [counts(cells, asked.len())].into_iter().chain(answers).map(|line| wrapped(&line, shown.columns, 2));
    let noisy = noisy(cells).map_or_else(String::new, |said| wrapped(&said, shown.columns, 2) + "\n");
    let noisy: String = noisy.lines().take(MOST_NOISY).map(|line| format!("{line}\n")).collect();
    lines.map(|line| line + "\n").collect::<String>() + &noisy
}

/// `summary: 112 cells measured, 3 skipped; of 21 groups the 4 largest:`.
fn counts(cells: &[Cell], asked: usize) -> String {
    let count = |outcome: Outcome| cells.iter().filter(|cell| cell.outcome == outcome).count();
    let mut said = format!("summary: {} measured", words::count(count(Outcome::Measured), "cell"));
    for (name, outcome) in WITHOUT_NUMBER {
        if count(outcome) > 0 {
            said += &format!(", {} {name}", count(outcome));
        }
    }
    match asked {
        0 => said,
        few if few <= MOST_QUESTIONS => format!("{said}; the fastest:"),
        many => format!("{said}; of {many} groups the {MOST_QUESTIONS} largest:"),
    }
}

fn racing<'g, 'a>(group: &'g Group<'a>) -> impl Iterator<Item = &'g Ranked<'a>> {
    group.rows.iter().filter(|row| !is_floor(row.cell))
}

/// `round-trip same-cpu block 64B: shm-ring 3.97 µs (= 2 more); tcp × 3.04`.
fn answer(group: &Group<'_>) -> Option<String> {
    let first = racing(group).next()?;
    let last = racing(group).last()?;
    let figures = Figures::short(first.cell.estimate_ns?, first.cell.interval_ns);
    let alike = racing(group).filter(|row| row.rank.is_some_and(|rank| rank.place == 1)).count().saturating_sub(1);
    let alike = if alike > 0 { format!(" (= {alike} more)") } else { String::new() };
    let ratio = last
        .ratio
        .as_ref()
        .map_or_else(String::new, |ratio| format!("; {} × {}", sanitize(&last.cell.mechanism), figure(ratio.value, 3)));
    let mechanism = sanitize(&first.cell.mechanism);
    Some(format!(" {}: {mechanism} {} {}{alike}{ratio}", short(group), figures.value, figures.unit))
}

/// The workload and what is always said of a setup but for the peer: placement, waiting, size.
fn short(group: &Group<'_>) -> String {
    let parts = group.parts();
    let told = parts.iter().take(5).enumerate().filter(|(place, _)| *place != 1).map(|(_, part)| part.as_str());
    told.filter(|part| !Group::SAYS_NOTHING.contains(part)).collect::<Vec<_>>().join(" ")
}

/// How many cells are not to be relied on, and the widest of them.
fn noisy(cells: &[Cell]) -> Option<String> {
    let graded = |letter: Letter| {
        cells.iter().filter(|cell| cell.grade.as_ref().is_some_and(|grade| grade.letter == letter)).count()
    };
    let (indicative, unusable) = (graded(Letter::C), graded(Letter::D));
    if indicative + unusable == 0 {
        return None;
    }
    let widest = cells.iter().filter_map(|cell| Some((half_width(cell)?, cell))).max_by(|a, b| a.0.total_cmp(&b.0));
    let widest = widest.map_or_else(String::new, |(_, cell)| {
        let [low, high] = cell.interval_ns.unwrap_or_default().map(words::time);
        format!("; the widest: {} {low} – {high}", words_of(cell))
    });
    Some(format!("noisy: {} graded C, {unusable} D{widest}", words::count(indicative, "cell")))
}

/// Half the width of the interval, as a share of the estimate.
fn half_width(cell: &Cell) -> Option<f64> {
    let [low, high] = cell.interval_ns?;
    Some((high - low) / 2.0 / cell.estimate_ns?).filter(|share| share.is_finite())
}
