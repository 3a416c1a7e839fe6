//! The tables of a record, no wider than the terminal: mechanisms on the lines, questions beside each other where they are asked of
//! the same mechanisms; then what was skipped or failed, and notes, each once.

mod columns;
mod groups;
mod layout;
mod legend;
mod markdown;
mod notes;
mod rankings;
mod sheets;
mod summary;

use std::collections::HashSet;

use ipcmark_harness::record::{Cell, Header, Outcome, sanitize};
use ipcmark_report::grouping::grouped;
use ipcmark_report::layout::wrapped;
use ipcmark_report::paired::RunContext;
use ipcmark_report::task_kinds::Kinds;
use ipcmark_report::{crossover, task_kinds, words};

use super::grades;
use groups::{Group, groups};
use layout::Marks;
use legend::legend;
pub(super) use markdown::markdown;
use notes::Notes;
pub(super) use rankings::{Ranking, rankings};
use sheets::sheets;
use summary::summary;

/// How tables are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    /// The mechanism that ratios are to, in groups that have it; else the fastest.
    pub(super) reference: Option<&'a str>,
    /// With further columns.
    pub(super) wide: bool,
    /// What lines may take, in columns of the terminal.
    pub(super) columns: usize,
}

impl Default for Shown<'_> {
    fn default() -> Self {
        Shown { reference: None, wide: false, columns: super::width::columns() }
    }
}

/// What cells without a number are told under.
const WITHOUT_NUMBER: [(&str, Outcome); 3] =
    [("skipped", Outcome::Skipped), ("disturbed", Outcome::Disturbed), ("failed", Outcome::Failed)];

/// Each group of cells that may be compared, by rank; then crossovers, and what was skipped or failed, and why.
pub(super) fn tables<'a>(run: impl Into<RunContext<'a>>, cells: &[Cell], shown: Shown<'_>) -> String {
    let run = run.into();
    text(run, cells, &groups(run, cells, shown.reference), shown)
}

/// The same, with a summary at the end.
pub(super) fn tables_and_summary<'a>(run: impl Into<RunContext<'a>>, cells: &[Cell], shown: Shown<'_>) -> String {
    let run = run.into();
    let groups = groups(run, cells, shown.reference);
    text(run, cells, &groups, shown) + &summary(&groups, cells, shown)
}

fn text(run: RunContext<'_>, cells: &[Cell], groups: &[Group<'_>], shown: Shown<'_>) -> String {
    let common = grades::common_reasons(cells);
    let sheets = sheets(groups);
    let kinds = task_kinds::of_switches(cells);
    let told: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    let told: HashSet<&str> = told.iter().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
    let mut notes = Notes::default();
    let rows = sheets.iter().flat_map(|sheet| &sheet.groups).flat_map(|group| group.lines());
    rows.for_each(|row| notes.add(row.cell, &common, &told));
    let marks: Marks = notes.marks();
    let (mut text, used) = layout::text(&sheets, &marks, shown);
    let of_all = grades::of_all(&common);
    let of_all = (!of_all.is_empty()).then(|| format!("grades of all cells: {}", of_all.join("; ")));
    for (title, lines) in [
        ("", legend(groups, &used, &notes, shown).into_iter().chain(of_all).collect()),
        ("crossovers: ", crossovers(run.header, cells)),
        ("net of the calls: ", net_of_calls(&kinds)),
        ("skipped: ", reasons(cells, Outcome::Skipped)),
        ("disturbed: ", reasons(cells, Outcome::Disturbed)),
        ("FAILED: ", reasons(cells, Outcome::Failed)),
    ] {
        text += &section(title, &lines, shown.columns);
    }
    text
}

/// A paragraph; nothing where there are no lines.
fn section(title: &str, lines: &[String], columns: usize) -> String {
    if lines.is_empty() { String::new() } else { wrapped(&format!("{title}{}.", lines.join("; ")), columns, 1) + "\n" }
}

/// Where a mutex overtakes each spinlock, as far as the cells tell.
fn crossovers(header: &Header, cells: &[Cell]) -> Vec<String> {
    crossover::of_locks(header, cells).iter().map(|c| sanitize(&c.to_string())).collect()
}

/// How the kinds of tasks differ, where they do; of the rest how many.
fn net_of_calls(kinds: &[Kinds]) -> Vec<String> {
    let differ = |kinds: &&Kinds| kinds.differences().any(|difference| difference.beyond_noise);
    let (differing, alike): (Vec<&Kinds>, Vec<&Kinds>) = kinds.iter().partition(differ);
    let mut said: Vec<String> = differing.iter().map(|kinds| sanitize(&kinds.brief())).collect();
    match alike.as_slice() {
        [] => {}
        [one] => said.push(sanitize(&one.brief())),
        more => said.push(format!("no kinds of task told apart with {} more mechanisms", more.len())),
    }
    said
}

/// How threads and processes differ, net of the calls, as far as the cells tell.
fn kinds_of_tasks(cells: &[Cell]) -> Vec<String> {
    task_kinds::of_switches(cells).iter().map(|kinds| sanitize(&kinds.to_string())).collect()
}

/// Workload, mechanism and parameters, as filters take them: `stream udp 64KiB`.
fn words_of(cell: &Cell) -> String {
    let value = cell.id.rsplit('/').next().unwrap_or_default();
    sanitize(&format!("{} {} {value}", cell.workload, cell.mechanism))
}

/// Reasons with the number of cells each explains, and one of these.
fn reasons(cells: &[Cell], outcome: Outcome) -> Vec<String> {
    let concerned = cells.iter().filter(|cell| cell.outcome == outcome);
    let counted = grouped(concerned, |cell| cell.reason.as_deref().unwrap_or("no reason given"));
    let line = |(reason, cells): &(&str, Vec<&Cell>)| {
        let first = cells.first().map_or(String::new(), |cell| words_of(cell));
        let which = match cells.len() {
            1 => first,
            several => format!("{} ({first}, …)", words::count(several, "cell")),
        };
        format!("{which}: {}", sanitize(reason))
    };
    counted.iter().map(line).collect()
}
