//! The tables of a comparison for a terminal: as wide as it is, and no wider. Where all does not fit, values leave out their intervals
//! and verdicts are abbreviated; where that is too wide as well, the columns go on in a further table.

use std::fmt::Write;

use super::say::{ratio_text, verdict_text};
use super::show::{clip, value_text};
use super::{Comparison, Entry, Row, Style, Verdict};
use crate::grouping::grouped;
use crate::layout::{grid, natural, wrapped};
use crate::words::{Figures, figure};

/// How much is said of each cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Full,
    Short,
}

/// What the abbreviations mean.
pub(super) const ABBREVIATED: &str = "≤ 5 %: no difference larger than that; wide: not resolvable, the interval is too wide; few: not resolvable, \
                           fewer than four launches; chance: not resolvable, one such is expected among so many cells.";

impl Comparison {
    /// One workload, and whether verdicts in it are abbreviated.
    pub(super) fn plain_table(&self, rows: &[&Row], columns: usize) -> (String, bool) {
        let all: Vec<usize> = (1..self.columns.len()).collect();
        let full = self.cells(rows, &all, Form::Full);
        if natural(&full) <= columns {
            return (self.drawn(rows, &full, columns), false);
        }
        let mut text = String::new();
        for part in self.parts(rows, columns) {
            text += &self.drawn(rows, &self.cells(rows, &part, Form::Short), columns);
        }
        (text, self.columns.iter().skip(1).any(|column| column.apart_by.is_empty()))
    }

    /// The columns beside the first in sets that fit, of one at least.
    fn parts(&self, rows: &[&Row], columns: usize) -> Vec<Vec<usize>> {
        let first = natural(&self.cells(rows, &[], Form::Short));
        let mut parts: Vec<Vec<usize>> = vec![Vec::new()];
        let mut taken = first;
        for place in 1..self.columns.len() {
            let more = natural(&self.cells(rows, &[place], Form::Short)).saturating_sub(first);
            if taken + more > columns && parts.last().is_some_and(|part| !part.is_empty()) {
                parts.push(Vec::new());
                taken = first;
            }
            taken += more;
            parts.last_mut().into_iter().for_each(|part| part.push(place));
        }
        parts
    }

    /// Heads, and a line for each row.
    fn cells(&self, rows: &[&Row], places: &[usize], form: Form) -> Vec<Vec<String>> {
        let mut heads = vec!["mechanism".to_owned()];
        heads.extend(self.columns.first().map(|column| clip(Style::Plain, &column.label)));
        for column in places.iter().filter_map(|place| self.columns.get(*place)) {
            heads.extend([clip(Style::Plain, &column.label), "ratio".to_owned()]);
            heads.extend(column.apart_by.is_empty().then(|| "verdict".to_owned()));
        }
        let line = |row: &&Row| self.cells_of(row, places, form);
        [heads].into_iter().chain(rows.iter().map(line)).collect()
    }

    fn cells_of(&self, row: &Row, places: &[usize], form: Form) -> Vec<String> {
        let value = |entry: &Entry| if form == Form::Full { value_text(entry) } else { short_value(entry) };
        let dash = || "–".to_owned();
        let mut line = vec![format!("  {}", clip(Style::Plain, &row.mechanism))];
        line.extend(row.values.first().map(|entry| entry.as_ref().map_or_else(dash, value)));
        for place in places {
            let (Some(column), Some(entry)) = (self.columns.get(*place), row.values.get(*place)) else { continue };
            let entry = entry.as_ref();
            line.push(entry.map_or_else(dash, value));
            line.push(entry.and_then(|entry| entry.ratio).map_or_else(dash, |ratio| ratio_text(&ratio)));
            let verdict = |entry: &Entry| match form {
                Form::Full => verdict_text(entry, column.whole.as_ref()),
                Form::Short => short_verdict(entry),
            };
            line.extend(column.apart_by.is_empty().then(|| clip(Style::Plain, &entry.map_or_else(dash, verdict))));
        }
        line
    }

    /// The cells as lines, with a title before each group.
    fn drawn(&self, rows: &[&Row], cells: &[Vec<String>], columns: usize) -> String {
        let lines = grid(cells, columns);
        let mut lines = lines.iter();
        let mut text = lines.next().map_or_else(String::new, |heads| format!("{heads}\n"));
        for (_, group) in grouped(rows.iter().copied(), |row| (&row.conditions, row.record)) {
            let title = ipcmark_harness::record::sanitize(&self.group_title(group[0]));
            let _ = writeln!(text, "{}", wrapped(&title, columns, 2));
            for line in lines.by_ref().take(group.len()) {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }
}

/// `2.90 µs B`.
fn short_value(entry: &Entry) -> String {
    let figures = Figures::new(entry.estimate_ns, entry.interval_ns);
    let grade = entry.grade.map(|grade| format!(" {grade}")).unwrap_or_default();
    format!("{} {}{grade}", figures.value, figures.unit)
}

fn short_verdict(entry: &Entry) -> String {
    match &entry.verdict {
        Some(Verdict::Slower) => "slower".into(),
        Some(Verdict::Faster) => "faster".into(),
        Some(Verdict::NoDifference { larger_than }) => format!("≤ {} %", figure(larger_than * 100.0, 2)),
        Some(Verdict::IntervalTooWide) => "wide".into(),
        Some(Verdict::TooFewLaunches) => "few".into(),
        Some(Verdict::AmongMany) => "chance".into(),
        Some(Verdict::Disturbed) => "disturbed".into(),
        None => "–".into(),
    }
}
