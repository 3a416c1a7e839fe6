//! What there is, by families: for those who do not know what to ask for yet.

use std::collections::HashMap;

use ipcmark_report::grouping::distinct;
use ipcmark_report::layout::{width as width_of, wrapped};

use crate::commands::{Bench, width};
use crate::filters::{Kind, Vocabulary};
use crate::mechanism::{Family, Mechanism};
use crate::mechanisms;
use crate::plan::{self, Profile};

/// How many mechanisms and cells a family has, and which mechanisms come first.
struct Row {
    /// As a filter names it.
    filter: String,
    mechanisms: usize,
    /// Of these, how many this system lacks.
    missing: usize,
    /// In each profile.
    cells: [usize; Profile::ALL.len()],
    names: Vec<&'static str>,
}

const HEADS: [&str; 6] = ["family", "mechanisms", "missing", "quick", "standard", "full"];

/// A line a family, and what to ask for next.
pub(super) fn table(bench: &Bench) -> String {
    let rows: Vec<Row> = rows(bench);
    let columns = width::columns();
    let first = rows.iter().map(|row| row.filter.len()).max().unwrap_or(0);
    let heads = format!(
        "{:first$}  {:>10}  {:>7}  {:>5}  {:>8}  {:>6}",
        HEADS[0], HEADS[1], HEADS[2], HEADS[3], HEADS[4], HEADS[5]
    );
    let line = |row: &Row| {
        let [quick, standard, full] = row.cells;
        let counts = format!(
            "{:first$}  {:>10}  {:>7}  {quick:>5}  {standard:>8}  {full:>6}",
            row.filter, row.mechanisms, row.missing
        );
        format!("{counts}{}\n", as_many_as_fit(&row.names, columns.saturating_sub(width_of(&counts))))
    };
    let lines: String = rows.iter().map(line).collect();
    let total = |profile: usize| rows.iter().map(|row| row.cells[profile]).sum::<usize>();
    let said = format!(
        "{} mechanisms; {} cells in quick, {} in standard, {} in full. `ipcmark list socket` shows the cells of a family, `ipcmark list \
         tcp 4KiB` those of a mechanism and a size, `ipcmark list --profile quick` those of a profile.",
        rows.iter().map(|row| row.mechanisms).sum::<usize>(),
        total(0),
        total(1),
        total(2)
    );
    format!("{heads}\n{lines}{}\n", wrapped(&said, columns, 0))
}

/// In report order.
fn rows(bench: &Bench) -> Vec<Row> {
    let vocabulary = Vocabulary::of_registry();
    let counts = Profile::ALL.map(|profile| counts(bench, profile));
    let families = distinct(mechanisms::all().map(|mechanism| mechanism.family));
    let row = |family: Family| {
        let mut of_family: Vec<&'static Mechanism> = mechanisms::all().filter(|m| m.family == family).collect();
        of_family.sort_by_key(|mechanism| mechanism.rank);
        Row {
            filter: vocabulary.filter_of(Kind::Family, family.name()),
            mechanisms: of_family.len(),
            missing: of_family.iter().filter(|mechanism| bench.here.missing(mechanism).is_some()).count(),
            cells: counts.each_ref().map(|counts| counts.get(family.name()).copied().unwrap_or(0)),
            names: of_family.iter().map(|mechanism| mechanism.name).collect(),
        }
    };
    families.into_iter().map(row).collect()
}

/// Cells by family.
fn counts(bench: &Bench, profile: Profile) -> HashMap<&'static str, usize> {
    let mut counts = HashMap::new();
    for cell in plan::cells(profile, bench.here.topology()) {
        *counts.entry(cell.mechanism.family.name()).or_insert(0) += 1;
    }
    counts
}

/// `  pipe, fifo, …`, or nothing where not even one fits.
fn as_many_as_fit(names: &[&str], room: usize) -> String {
    let said = |count: usize| {
        let more = if count < names.len() { ", …" } else { "" };
        format!("  {}{more}", names[..count].join(", "))
    };
    (1..=names.len()).rev().map(said).find(|text| width_of(text) <= room).unwrap_or_default()
}
