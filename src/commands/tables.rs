//! The tables of a record: one a workload, a group for each setup, ranked; then what was skipped or failed, and why.

use comfy_table::CellAlignment;
use ipcmark_harness::histogram::Quantiles;
use ipcmark_harness::record::{Cell, Header, NearFar, Outcome, sanitize};
use ipcmark_report::grouping::grouped;
use ipcmark_report::paired::RunContext;
use ipcmark_report::ranking::{Ranked, is_floor, ranked};
use ipcmark_report::remarks::{first_beyond_steady, remarks};
use ipcmark_report::subject::{Subject, cpu_ns_per_op};
use ipcmark_report::words::{self, conditions, figure, time};
use ipcmark_report::{crossover, task_kinds};
use serde::Serialize;

use super::grades;
use super::output::plain_table;

/// How tables are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown<'a> {
    /// The mechanism that ratios are to, in groups that have it; else the fastest.
    pub(super) reference: Option<&'a str>,
    /// With further columns.
    pub(super) wide: bool,
}

/// One table a workload, by rank among cells that may be compared; then crossovers, and what was skipped or failed, and why.
pub(super) fn tables<'a>(run: impl Into<RunContext<'a>>, cells: &[Cell], shown: Shown<'_>) -> String {
    let run = run.into();
    let common = grades::common_reasons(cells);
    let mut text = String::new();
    for rows in &by_workload(cells) {
        let Some(first) = rows.first() else { continue };
        text += &format!("\n{}\n{}\n", sanitize(&first.workload), table(run, rows, &common, shown));
    }
    text += &crossovers(run.header, cells);
    text += &kinds_of_tasks(cells);
    text += &grades::of_all(&common);
    text + &reasons(cells, Outcome::Skipped, "skipped")
        + &reasons(cells, Outcome::Disturbed, "disturbed")
        + &reasons(cells, Outcome::Failed, "FAILED")
}

/// The measured cells of each workload, by the order in which workloads appear first.
fn by_workload(cells: &[Cell]) -> Vec<Vec<&Cell>> {
    let measured = cells.iter().filter(|cell| cell.outcome == Outcome::Measured);
    grouped(measured, |cell| cell.workload.as_str()).into_iter().map(|(_, cells)| cells).collect()
}

/// Where a mutex overtakes each spinlock, as far as the cells tell.
fn crossovers(header: &Header, cells: &[Cell]) -> String {
    let lines: String =
        crossover::of_locks(header, cells).iter().map(|c| format!("  {}\n", sanitize(&c.to_string()))).collect();
    if lines.is_empty() { lines } else { format!("\ncrossovers\n{lines}") }
}

/// How threads and processes differ, net of the calls, as far as the cells tell.
fn kinds_of_tasks(cells: &[Cell]) -> String {
    let lines: String =
        task_kinds::of_switches(cells).iter().map(|kinds| format!("  {}\n", sanitize(&kinds.to_string()))).collect();
    if lines.is_empty() { lines } else { format!("\nkinds of tasks, net\n{lines}") }
}

/// What the columns of a workload's table are.
struct Columns {
    subject: Subject,
    /// Some launches begin otherwise than they go on: both stand in the table, by their names.
    first: bool,
    wide: bool,
}

impl Columns {
    fn heads(&self) -> Vec<String> {
        let Subject { central, .. } = self.subject;
        let steady = if central == "median" { "steady".to_owned() } else { format!("steady, {central}") };
        let central = if self.first { vec!["first".to_owned(), steady] } else { vec![central.to_owned()] };
        let quantile = |name: &str| self.subject.quantile(name);
        [
            vec!["rank".to_owned(), "mechanism".to_owned()],
            central,
            ["interval", "ratio", "of ratio"].map(str::to_owned).to_vec(),
            vec![quantile("p99"), quantile("p99.9")],
            if self.wide { vec![quantile("max"), "ops/s".to_owned()] } else { Vec::new() },
            vec![self.subject.cpu()],
            ["switches/op", "MB/s", "grade", "notes"].map(str::to_owned).to_vec(),
        ]
        .concat()
    }

    fn row(&self, row: &Ranked<'_>, common: &[&str]) -> Vec<String> {
        let cell = row.cell;
        let quantile = |of: fn(&Quantiles) -> Option<u64>| {
            cell.quantiles_ns.as_ref().and_then(of).map_or_else(dash, |ns| time(ns as f64))
        };
        let mut texts = vec![rank(row), sanitize(&cell.mechanism)];
        if self.first {
            texts.push(first_beyond_steady(cell).map_or_else(dash, |(first, _)| time(first)));
        }
        texts.extend([
            cell.estimate_ns.map_or_else(dash, time),
            cell.interval_ns.map_or_else(dash, |[low, high]| format!("{} – {}", time(low), time(high))),
            ratio(row),
            row.ratio.as_ref().map_or_else(dash, |ratio| ratio.grade.letter.to_string()),
            quantile(|q| q.p99),
            quantile(|q| q.p999),
        ]);
        if self.wide {
            texts.push(quantile(|q| q.max));
            texts.push(cell.operations_per_s.map_or_else(dash, |rate| words::scaled(rate).trim_end().to_owned()));
        }
        texts.extend([
            cpu_ns_per_op(cell).map_or_else(dash, time),
            switches(cell),
            cell.bytes_per_s.map_or_else(dash, |b| figure(b / 1e6, 3)),
            grades::short(cell),
            notes(row, common),
        ]);
        texts
    }
}

fn table(run: RunContext<'_>, cells: &[&Cell], common: &[&str], shown: Shown<'_>) -> String {
    let first = cells.iter().any(|cell| first_beyond_steady(cell).is_some());
    let subject = cells.first().map_or(Subject::of(""), |cell| Subject::of(&cell.workload));
    let columns = Columns { subject, first, wide: shown.wide };
    let heads = columns.heads();
    let mut table = plain_table(heads.iter().map(String::as_str));
    for (_, column) in table.column_iter_mut().enumerate().filter(|(i, _)| (2..heads.len() - 2).contains(i)) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for (conditions, group) in groups(cells) {
        table.add_row(vec![String::new(), clipped(sanitize(&conditions))]);
        for row in ranked(run, &group, shown.reference) {
            table.add_row(columns.row(&row, common).into_iter().map(clipped));
        }
    }
    table.to_string()
}

/// Cells that may be compared: equal in everything but the mechanism, in order of first appearance.
fn groups<'a>(cells: &[&'a Cell]) -> Vec<(String, Vec<&'a Cell>)> {
    grouped(cells.iter().copied(), |cell| conditions(cell))
}

fn rank(row: &Ranked<'_>) -> String {
    row.rank.map_or_else(|| if is_floor(row.cell) { "floor".into() } else { dash() }, |rank| rank.to_string())
}

fn ratio(row: &Ranked<'_>) -> String {
    match &row.ratio {
        _ if row.is_reference => "reference".into(),
        Some(ratio) => ratio.said(),
        None => dash(),
    }
}

/// Remarks, the record's notes, and what the grades have for reasons that others have not.
fn notes(row: &Ranked<'_>, common: &[&str]) -> String {
    let of_ratio = row.ratio.iter().flat_map(|ratio| ratio.other_reasons());
    let of_ratio =
        of_ratio.filter(|reason| !common.contains(reason)).map(|reason| sanitize(&format!("ratio {reason}")));
    let said = remarks(row.cell).into_iter().map(|remark| sanitize(&remark));
    let noted = row.cell.notes.iter().map(|note| sanitize(note));
    said.chain(noted).chain(grades::own_reasons(row.cell, common)).chain(of_ratio).collect::<Vec<_>>().join("; ")
}

/// Voluntary and involuntary together, of all parties: on one CPU about half of the real ones are booked as involuntary.
fn switches(cell: &Cell) -> String {
    let both = |of: Option<NearFar<f64>>| of.map(|s| s.near + s.far);
    let sum = both(cell.voluntary_switches_per_op).zip(both(cell.involuntary_switches_per_op)).map(|(a, b)| a + b);
    sum.map_or_else(dash, |s| format!("{s:.2}"))
}

/// Reasons with the number of cells each explains; one cell's id where it is alone.
fn reasons(cells: &[Cell], outcome: Outcome, title: &str) -> String {
    let concerned = cells.iter().filter(|cell| cell.outcome == outcome);
    let counted = grouped(concerned, |cell| cell.reason.as_deref().unwrap_or("no reason given"));
    let line = |(reason, cells): &(&str, Vec<&Cell>)| match cells.as_slice() {
        [one] => format!("  {}: {}\n", sanitize(&one.id), sanitize(reason)),
        [first, ..] => {
            format!("  {} ({}, …): {}\n", words::count(cells.len(), "cell"), sanitize(&first.id), sanitize(reason))
        }
        [] => String::new(),
    };
    let lines: String = counted.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{title}\n{lines}") }
}

fn dash() -> String {
    "–".into()
}

/// What stands in one cell of a table: of a stranger's text so much, as all rows are as wide as the widest. JSON has all of it.
fn clipped(text: String) -> String {
    const MOST: usize = 1_000;
    words::clipped(text, MOST)
}

/// A group for programs: what the table says, unrounded.
#[derive(Debug, Serialize)]
pub(super) struct Ranking {
    workload: String,
    conditions: String,
    cells: Vec<RankedCell>,
}

#[derive(Debug, Serialize)]
struct RankedCell {
    id: String,
    /// Absent for a floor, and where there are too few launches.
    rank: Option<usize>,
    shared: bool,
    reference: bool,
    ratio: Option<ipcmark_report::paired::PairedRatio>,
}

/// All groups, in the tables' order.
pub(super) fn rankings<'a>(run: impl Into<RunContext<'a>>, cells: &[Cell], shown: Shown<'_>) -> Vec<Ranking> {
    let run = run.into();
    let cell = |row: Ranked<'_>| RankedCell {
        id: row.cell.id.clone(),
        rank: row.rank.map(|rank| rank.place),
        shared: row.rank.is_some_and(|rank| rank.shared),
        reference: row.is_reference,
        ratio: row.ratio,
    };
    let group = |(conditions, group): (String, Vec<&Cell>)| Ranking {
        workload: group.first().map_or_else(String::new, |cell| cell.workload.clone()),
        conditions,
        cells: ranked(run, &group, shown.reference).into_iter().map(cell).collect(),
    };
    by_workload(cells).iter().flat_map(|cells| groups(cells)).map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::Mechanism;
    use crate::mechanisms;

    /// A window's central value is the time by the operations of all parties, and single operations are those of one.
    #[test]
    fn every_workload_of_windows_has_names_for_what_its_figures_are_of() {
        let windowed =
            mechanisms::all().flat_map(Mechanism::workloads).filter(|workload| workload.windows_of.is_some());
        let mut seen = 0;
        for workload in windowed {
            assert!(
                Subject::of(workload.name).differs(),
                "{} has p99 beside a median of something else",
                workload.name
            );
            seen += 1;
        }
        assert!(seen > 100, "{seen}");
    }
}
