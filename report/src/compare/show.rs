//! A comparison as text: for terminals, and as Markdown for issues and pull requests.

use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use ipcmark_harness::record::sanitize;

use super::plain::ABBREVIATED;
use super::say::{ratio_text, verdict_text};
use super::{Comparison, Difference, Entry, Row};
use crate::grouping::grouped;
use crate::layout::{grid, natural, width, wrapped};
use crate::markdown;
use crate::words::{self, Figures, count};

/// How text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Columns of spaces.
    Plain,
    /// Tables that GitHub and others render.
    Markdown,
}

/// Longer values of facts are cut: a list of mitigations says that it differs, and JSON has all of it.
const LONGEST_VALUE: usize = 48;
/// Of any text of a record so much is shown, in characters.
const LONGEST_TEXT: usize = 1_000;
/// Of long lists so many lines are shown; JSON has all.
const MOST_LINES: usize = 20;

impl Comparison {
    /// All of it, every word from a record made harmless. Plain lines are of at most so many columns.
    #[must_use]
    pub fn text(&self, style: Style, columns: usize) -> String {
        let mut text = self.records_text(style) + &self.differences_text(style, columns);
        let mut abbreviated = false;
        for (workload, rows) in grouped(&self.rows, |row| row.workload.as_str()) {
            let (table, is_short) = match style {
                Style::Plain => self.plain_table(&rows, columns),
                Style::Markdown => (format!("{}\n", self.table(style, &rows)), false),
            };
            abbreviated |= is_short;
            let _ = write!(text, "\n{}\n{table}", title(style, workload));
        }
        if abbreviated {
            text += &format!("\n{ABBREVIATED}\n");
        }
        text += &(self.summary(style) + &self.ranks_text(style) + &self.alone_text(style));
        if style == Style::Markdown { text } else { within(&text, columns) }
    }

    fn records_text(&self, style: Style) -> String {
        let mut text = format!("{}\n", title(style, "records"));
        for record in &self.records {
            let said = |text: &str| cell_text(style, text);
            let (label, suite, system) = (said(&record.label), said(&record.suite), said(&record.system));
            let line = match &record.lacks {
                Some(lacks) => format!("{label}: {lacks}"),
                None => format!("{label}: ipcmark {suite}, {}, {system}", said(&record.started_utc)),
            };
            let _ = writeln!(text, "{}{line}", bullet(style));
        }
        text
    }

    fn differences_text(&self, style: Style, columns: usize) -> String {
        if self.records.len() < 2 {
            return String::new();
        }
        let mut text = format!("\n{}\n", title(style, "what differs, most influential first"));
        if self.differences.is_empty() {
            return text + bullet(style) + "nothing that the records tell\n";
        }
        let labels = self.records.iter().map(|record| clip(style, &record.label));
        let heads = ["fact".into()].into_iter().chain(labels).chain(["why it matters".into()]).collect();
        let row = |found: &Difference| {
            let values = found.values.iter().map(|value| clip(style, value));
            [clip(style, &found.fact)].into_iter().chain(values).chain([cell_text(style, &found.why)]).collect()
        };
        let rows: Vec<Vec<String>> = [heads].into_iter().chain(self.differences.iter().map(row)).collect();
        text += &facts(style, &rows, columns);
        for column in self.columns.iter().skip(1).filter(|column| !column.apart_by.is_empty()) {
            let (label, apart) = (cell_text(style, &column.label), cell_text(style, &column.apart_by.join(", ")));
            // Reasons that are no facts are sentences.
            let fact = column.apart_by.iter().find(|fact| !fact.contains(' '));
            let hint = fact.map_or_else(String::new, |fact| {
                format!(" If it was changed on purpose, --treatment {} gives verdicts.", cell_text(style, fact))
            });
            let _ = writeln!(
                text,
                "\n{}{label} is of another environment ({apart}): ratios, and no verdict.{hint}",
                bullet(style)
            );
        }
        if !self.hidden.is_empty() {
            let (by, hidden) = (cell_text(style, &self.by), cell_text(style, &self.hidden.join(", ")));
            let _ = writeln!(
                text,
                "\n{}warning: with {by} there also vary: {hidden}. If {by} was changed on purpose, --treatment {by} gives verdicts.",
                bullet(style)
            );
        }
        text
    }

    fn table(&self, style: Style, rows: &[&Row]) -> Table {
        let mut header: Vec<String> = vec!["mechanism".into()];
        for (place, column) in self.columns.iter().enumerate() {
            header.push(clip(style, &column.label));
            if place > 0 {
                header.push("ratio".into());
                header.extend(column.apart_by.is_empty().then(|| "verdict".into()));
            }
        }
        let width = header.len();
        let mut table = table(style, header);
        for place in 1..width {
            if let Some(column) = table.column_mut(place) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for (_, group) in grouped(rows.iter().copied(), |row| (&row.conditions, row.record)) {
            table.add_row([cell_text(style, &self.group_title(group[0]))]);
            for row in group {
                table.add_row(self.line(style, row));
            }
        }
        table
    }

    pub(super) fn group_title(&self, row: &Row) -> String {
        let record = row.record.filter(|_| self.records.len() > 1).and_then(|record| self.records.get(record));
        record.map_or_else(|| row.conditions.clone(), |record| format!("{} ({})", row.conditions, record.label))
    }

    fn line(&self, style: Style, row: &Row) -> Vec<String> {
        let mut line = vec![format!("  {}", cell_text(style, &row.mechanism))];
        for (place, (column, entry)) in self.columns.iter().zip(&row.values).enumerate() {
            line.push(entry.as_ref().map_or_else(dash, value_text));
            if place > 0 {
                line.push(entry.as_ref().and_then(|entry| entry.ratio).map_or_else(dash, |ratio| ratio_text(&ratio)));
                let verdict = || entry.as_ref().map_or_else(dash, |entry| verdict_text(entry, column.whole.as_ref()));
                line.extend(column.apart_by.is_empty().then(|| cell_text(style, &verdict())));
            }
        }
        line
    }

    /// The whole, how many of each verdict, and what they mean.
    fn summary(&self, style: Style) -> String {
        let mut text = format!("\n{}\n", title(style, "in all"));
        for said in (1..self.columns.len()).flat_map(|place| self.said_of(place)) {
            let _ = writeln!(text, "{}{}", bullet(style), cell_text(style, &said));
        }
        text + "\nIntervals of values are at 95 % and span launches, where nothing else is said; those of ratios span launches and what \
                two runs differ by; letters are grades.\n"
    }

    fn ranks_text(&self, style: Style) -> String {
        if self.rank_changes.is_empty() {
            return String::new();
        }
        let mut text = format!("\n{}\n", title(style, "order of mechanisms that changes between columns"));
        for change in self.rank_changes.iter().take(MOST_LINES) {
            let _ = writeln!(text, "{}{}", bullet(style), cell_text(style, &change.sentence(&self.columns)));
        }
        text + &further(style, self.rank_changes.len())
    }

    fn alone_text(&self, style: Style) -> String {
        let mut text = String::new();
        for (column, ids) in self.columns.iter().zip(&self.alone).filter(|(_, ids)| !ids.is_empty()) {
            let label = &column.label;
            let _ = writeln!(
                text,
                "\n{}",
                title(style, &format!("measured in {label} alone: {}", count(ids.len(), "cell")))
            );
            for id in ids.iter().take(MOST_LINES) {
                let _ = writeln!(text, "{}{}", bullet(style), cell_text(style, id));
            }
            text += &further(style, ids.len());
        }
        text
    }
}

/// `2.90 µs (2.88 – 3.07) B`.
pub(super) fn value_text(entry: &Entry) -> String {
    let figures = Figures::new(entry.estimate_ns, entry.interval_ns);
    let grade = entry.grade.map(|grade| format!(" {grade}")).unwrap_or_default();
    let one_launch = if entry.launches < 2 { " one launch" } else { "" };
    format!("{figures}{grade}{one_launch}")
}

fn table(style: Style, header: impl IntoIterator<Item = String>) -> Table {
    let mut table = Table::new();
    let preset = if style == Style::Markdown { presets::ASCII_MARKDOWN } else { presets::NOTHING };
    table.load_preset(preset).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table
}

/// Harmless in a terminal, and in a Markdown table: no bars, no markup.
fn cell_text(style: Style, text: &str) -> String {
    let text = words::clipped(sanitize(text), LONGEST_TEXT);
    match style {
        Style::Plain => text,
        Style::Markdown => markdown::line(&text),
    }
}

/// Facts and their values: a table, or where it is too wide a list.
fn facts(style: Style, rows: &[Vec<String>], columns: usize) -> String {
    if style == Style::Markdown {
        let mut table = table(style, rows.first().cloned().unwrap_or_default());
        rows.iter().skip(1).for_each(|row| {
            table.add_row(row);
        });
        return format!("{table}\n");
    }
    if natural(rows) <= columns {
        return grid(rows, columns).join("\n") + "\n";
    }
    let line = |row: &Vec<String>| match row.as_slice() {
        [fact, values @ .., why] => format!("  {fact}: {} ({why})\n", values.join(" | ")),
        _ => String::new(),
    };
    rows.iter().skip(1).map(line).collect()
}

/// Lines that are too wide go on in further ones, a little further in.
fn within(text: &str, columns: usize) -> String {
    let fit = |line: &str| {
        let indent = line.len() - line.trim_start().len() + 2;
        let lead = &line[..line.len() - line.trim_start().len()];
        match width(line) <= columns {
            true => line.to_owned(),
            false => {
                let narrow = columns.saturating_sub(lead.len()).max(1);
                let lines = wrapped(line.trim_start(), narrow, indent.saturating_sub(lead.len()).min(narrow / 2));
                lines.lines().map(|line| format!("{lead}{line}")).collect::<Vec<_>>().join("\n")
            }
        }
    };
    text.lines().map(|line| fit(line) + "\n").collect()
}

fn title(style: Style, text: &str) -> String {
    let text = cell_text(style, text);
    if style == Style::Markdown { format!("### {text}\n") } else { text }
}

fn bullet(style: Style) -> &'static str {
    if style == Style::Markdown { "- " } else { "  " }
}

fn further(style: Style, count: usize) -> String {
    let more = count.saturating_sub(MOST_LINES);
    if more == 0 { String::new() } else { format!("{}and {more} more: see --json\n", bullet(style)) }
}

pub(super) fn clip(style: Style, text: &str) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => cell_text(style, &format!("{}…", &text[..end])),
        None => cell_text(style, text),
    }
}

fn dash() -> String {
    "–".into()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{compared, source};
    use super::*;
    use crate::compare::{Options, compare};
    use crate::made_up::Run;

    #[test]
    fn between_environments_nothing_is_called_slower_or_worse() {
        let found =
            compared(&[Run { cells: 60, ..Run::default() }, Run { machine: 1, cells: 60, ..Run::default() }], "record");
        let text = found.unwrap().text(Style::Plain, 500);
        for word in ["slower", "regress", "worse"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
        assert!(
            text.contains("of another environment (system") || text.contains("of another environment (cpu_model_name"),
            "{text}"
        );
    }

    #[test]
    fn words_of_a_stranger_drive_neither_terminal_nor_markdown() {
        let (a, mut b) =
            (source(Run { cells: 5, ..Run::default() }), source(Run { cells: 5, seed: 1, ..Run::default() }));
        let bad = "<script>|\x1b[2J`x`".to_owned();
        b.record.header.tags.insert("rack".into(), bad.clone());
        b.record.header.suite = bad.clone();
        let comparison = compare(&[&a, &b], &Options::default()).unwrap();
        let plain = comparison.text(Style::Plain, 500);
        assert!(!plain.contains('\x1b') && plain.contains("<script>"));
        let markdown = comparison.text(Style::Markdown, 80);
        assert!(!markdown.contains('\x1b') && markdown.contains("\\<script\\>\\|"), "{markdown}");
    }

    #[test]
    fn verdicts_are_counted_and_the_tolerance_is_told() {
        let run = Run { cells: 100, ..Run::default() };
        let text = compared(&[run, Run { seed: 1, ..run }], "record").unwrap().text(Style::Plain, 500);
        assert!(text.contains("of 100 cells") && text.contains("beyond 3.0 %"), "{text}");
    }
}
