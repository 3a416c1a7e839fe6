//! All records side by side: machines as columns, cells by their ids as rows. Charts read nothing else.

use std::collections::HashMap;

use ipcmark_harness::record::{Cell, Outcome};
use serde_json::Value;

use super::number::{self, Number};
use crate::grouping::grouped;
use crate::load::Source;
use crate::ranking::{Ranked, ranked};
use crate::words;

/// So many records are all drawn. Of more, the first [`FIRST_DRAWN`]: the others are in the tables. Beside each other more charts are
/// not compared by eye, and a hundred records would make a page that no browser likes.
const MOST_DRAWN: usize = 6;
const FIRST_DRAWN: usize = 4;

/// All records side by side.
pub(super) struct Sheet<'a> {
    /// One for each record.
    pub(super) machines: Vec<Machine<'a>>,
    /// One for each id, as the first record that measured it has it: what it is, not its numbers.
    pub(super) cells: Vec<&'a Cell>,
    /// The cells of each workload that any drawn machine measured.
    workloads: Vec<(&'a str, Vec<usize>)>,
    /// The place of each workload in these.
    places: HashMap<&'a str, usize>,
}

/// A record.
pub(super) struct Machine<'a> {
    /// What it is called on the page, different from all others.
    pub(super) label: String,
    /// Where it came from.
    pub(super) source: &'a Source,
    /// By the cells of the sheet: the measured one of this record.
    measured: Vec<Option<&'a Cell>>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(sources: &'a [Source]) -> Self {
        let mut cells: Vec<&Cell> = Vec::new();
        let mut rows: HashMap<&str, usize> = HashMap::new();
        for cell in sources.iter().flat_map(|source| in_order(source)) {
            rows.entry(&cell.id).or_insert_with(|| {
                cells.push(cell);
                cells.len() - 1
            });
        }
        let labels = labels(sources);
        let machines = sources.iter().zip(labels).map(|(source, label)| {
            let mut measured = vec![None; cells.len()];
            measured_cells(source).for_each(|cell| measured[rows[cell.id.as_str()]] = Some(cell));
            Machine { label, source, measured }
        });
        let mut sheet = Self { machines: machines.collect(), cells, workloads: Vec::new(), places: HashMap::new() };
        let drawn = |&cell: &usize| sheet.drawn().any(|machine| sheet.measured(machine, cell).is_some());
        sheet.workloads = grouped((0..sheet.cells.len()).filter(drawn), |&cell| sheet.cells[cell].workload.as_str());
        sheet.places = sheet.workloads.iter().enumerate().map(|(place, (name, _))| (*name, place)).collect();
        sheet
    }

    /// The workloads that any drawn machine measured, in order of first appearance.
    pub(super) fn workloads(&self) -> impl Iterator<Item = &'a str> {
        self.workloads.iter().map(|(name, _)| *name)
    }

    /// The machines that charts draw, by their places.
    pub(super) fn drawn(&self) -> std::ops::Range<usize> {
        0..if self.machines.len() > MOST_DRAWN { FIRST_DRAWN } else { self.machines.len() }
    }

    /// What a machine measured of a cell.
    pub(super) fn measured(&self, machine: usize, cell: usize) -> Option<&'a Cell> {
        self.machines[machine].measured[cell]
    }

    /// Whether it does nothing, to show what measuring costs.
    pub(super) fn is_floor(&self, cell: usize) -> bool {
        self.cells[cell].family == "floor"
    }

    /// A number of a machine's cell.
    pub(super) fn number(&self, machine: usize, cell: usize, key: &str) -> Option<Number> {
        let value = number::value(self.measured(machine, cell)?, key)?;
        Some(Number::new(machine, cell, key, value).of(&self.cells[cell].workload, key))
    }

    /// The cells that a machine has of these, by rank.
    pub(super) fn ranked(&self, machine: usize, cells: &[usize]) -> Vec<Ranked<'a>> {
        let measured: Vec<&Cell> = cells.iter().filter_map(|&cell| self.measured(machine, cell)).collect();
        ranked(&self.machines[machine].source.record, &measured, None)
    }

    /// The cells of a workload that any drawn machine measured.
    pub(super) fn of_workload(&self, workload: &str) -> Vec<usize> {
        self.places.get(workload).map_or_else(Vec::new, |&place| self.workloads[place].1.clone())
    }
}

/// A setup's number.
pub(super) fn setup_number(cell: &Cell, key: &str) -> Option<f64> {
    cell.setup.get(key).and_then(Value::as_f64)
}

/// A setup's word; empty where there is none.
pub(super) fn setup_word<'a>(cell: &'a Cell, key: &str) -> &'a str {
    cell.setup.get(key).and_then(Value::as_str).unwrap_or("")
}

fn measured_cells(source: &Source) -> impl Iterator<Item = &Cell> {
    source.record.cells.iter().filter(|cell| cell.outcome == Outcome::Measured)
}

/// Cells stand in a record as they were completed; the plan's order is the one to read.
fn in_order(source: &Source) -> Vec<&Cell> {
    let planned = &source.record.header.selection.cells;
    let place: HashMap<&str, usize> = planned.iter().enumerate().map(|(i, id)| (id.as_str(), i)).collect();
    let mut cells: Vec<&Cell> = measured_cells(source).collect();
    cells.sort_by_key(|cell| place.get(cell.id.as_str()).copied().unwrap_or(usize::MAX));
    cells
}

/// The shortest that tells all records apart: the CPU's model, then the kernel, the day, the file, the digest.
fn labels(sources: &[Source]) -> Vec<String> {
    let parts: Vec<[String; 5]> = sources.iter().map(parts).collect();
    let joined = |parts: &[String; 5], count: usize| parts[..count].join(" · ");
    let telling = |count: &usize| {
        let mut all: Vec<String> = parts.iter().map(|parts| joined(parts, *count)).collect();
        all.sort();
        all.windows(2).all(|pair| pair[0] != pair[1])
    };
    let count = (1..=5).find(telling).unwrap_or(5);
    // What all have in common tells nothing apart.
    let tells = |place: usize| sources.len() == 1 || parts.iter().any(|other| other[place] != parts[0][place]);
    let label = |(index, parts): (usize, &[String; 5])| {
        let told: Vec<&str> =
            (0..count).filter(|&place| place == 0 || tells(place)).map(|p| parts[p].as_str()).collect();
        if count == 5 { format!("{} #{}", told.join(" · "), index + 1) } else { told.join(" · ") }
    };
    parts.iter().enumerate().map(label).collect()
}

fn parts(source: &Source) -> [String; 5] {
    let header = &source.record.header;
    let cpu = words::fact_text(&header.machine, "cpu_model_name").replace("(R)", "").replace("(TM)", "");
    let kernel = format!("Linux {}", words::fact_text(&header.machine, "kernel_release"));
    let file = source.path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let minute = header.started_utc.get(..16).unwrap_or(&header.started_utc).replace('T', " ");
    let digest = source.digest.get(..8).unwrap_or_default().to_owned();
    let short = |text: String| -> String {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        words.chars().take(48).collect()
    };
    [cpu, kernel, minute, file, digest].map(short)
}
