//! What can stand on the columns: a property of the cell (its mechanism, a parameter of its setup), or of its record (a fact of
//! the machine, of the build, of the run, a tag).

use ipcmark_harness::record::Cell;
use serde_json::{Map, Value};

use super::environment::{of_the_run, said};
use crate::load::Source;
use crate::words::{rate_label, size_label, time_label, value_text};

/// One key, as given by `--by`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Each record a column.
    Record,
    /// A property of cells.
    OfCell(String),
    /// A property of records.
    OfRecord(String),
}

const OF_CELLS: [&str; 3] = ["mechanism", "family", "workload"];
const OF_RUNS: [&str; 5] = ["suite", "revision", "front_end", "profile", "launches"];
/// Short names for what is asked for most.
const SHORT: [(&str, &str); 10] = [
    ("kernel", "kernel_release"),
    ("cpu", "cpu_model_name"),
    ("machine", "fingerprint"),
    ("governor", "cpufreq_policies"),
    ("compiler", "rustc"),
    ("thp", "transparent_huge_pages"),
    ("preemption", "kernel_preemption"),
    ("microcode", "cpu_microcode"),
    ("idle-governor", "cpuidle_governor"),
    ("policy", "scheduling_policy"),
];

impl Key {
    /// Finds out what the name means in these records.
    ///
    /// # Errors
    /// With near misses, where it means nothing.
    pub fn parse(name: &str, sources: &[&Source]) -> Result<Key, String> {
        let long = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long);
        let known = all(sources);
        match name {
            "record" => Ok(Key::Record),
            _ if known.0.iter().any(|key| key == long) => Ok(Key::OfCell(long.into())),
            _ if known.1.iter().any(|key| key == long) => Ok(Key::OfRecord(long.into())),
            _ => Err(unknown(name, known)),
        }
    }

    /// What was changed on purpose between records; `tag:NAME` and `NAME` are the same tag.
    ///
    /// # Errors
    /// With near misses, where it means nothing, and where it is no property of records.
    pub fn treatment(name: &str, sources: &[&Source]) -> Result<Key, String> {
        let tag = name.strip_prefix("tag:").unwrap_or(name);
        if sources.iter().any(|source| source.record.header.tags.contains_key(tag)) {
            return Ok(Key::OfRecord(tag.into()));
        }
        match Key::parse(name, sources)? {
            Key::OfCell(key) => Err(format!(
                "{key} is a property of cells, and a treatment one of records (a fact of machines or builds, or a tag): --by {key} sets \
                 cells against each other"
            )),
            Key::Record => Err("`record` is no treatment: --by record sets each record against the first".into()),
            key => Ok(key),
        }
    }

    /// The cell's, or its record's, value, in words.
    pub(super) fn value(&self, source: &Source, cell: &Cell) -> Option<String> {
        match self {
            Key::Record => None,
            Key::OfCell(key) => of_cell(cell, key),
            Key::OfRecord(key) => Some(of_record(source, key)),
        }
    }
}

fn of_cell(cell: &Cell, key: &str) -> Option<String> {
    match key {
        "mechanism" => Some(cell.mechanism.clone()),
        "family" => Some(cell.family.clone()),
        "workload" => Some(cell.workload.clone()),
        _ => cell.setup.get(key).map(|value| labelled(key, value)),
    }
}

/// With its unit, as ids have it.
fn labelled(key: &str, value: &Value) -> String {
    match value.as_u64() {
        Some(bytes) if key.ends_with("_bytes") => size_label(bytes as usize),
        Some(ns) if key.ends_with("_ns") => time_label(ns),
        Some(rate) if key.ends_with("_per_s") => rate_label(rate),
        _ => value_text(value),
    }
}

pub(super) fn of_record(source: &Source, key: &str) -> String {
    let header = &source.record.header;
    if OF_RUNS.contains(&key) {
        return of_the_run(source, key);
    }
    let tag = header.tags.get(key).cloned();
    tag.unwrap_or_else(|| said(header.machine.get(key).or_else(|| header.build.get(key))))
}

/// All keys of cells, and all of records.
fn all(sources: &[&Source]) -> (Vec<String>, Vec<String>) {
    let mut of_cells: Vec<String> = OF_CELLS.map(str::to_owned).to_vec();
    let mut of_records: Vec<String> = OF_RUNS.map(str::to_owned).to_vec();
    for source in sources {
        let header = &source.record.header;
        of_cells.extend(source.record.cells.iter().flat_map(|cell| cell.setup.keys().cloned()));
        of_records.extend(header.machine.keys().chain(header.build.keys()).chain(header.tags.keys()).cloned());
        of_cells.sort();
        of_cells.dedup();
    }
    of_records.sort();
    of_records.dedup();
    (of_cells, of_records)
}

fn unknown(name: &str, (of_cells, of_records): (Vec<String>, Vec<String>)) -> String {
    let near: Vec<String> = crate::near::misses(name, of_cells.iter().chain(&of_records).map(String::as_str));
    let near = if near.is_empty() { of_cells.join(", ") } else { near.join(", ") };
    format!("these records have no key `{name}`; nearest: {near}, or `record`, `kernel`, `cpu`, `machine`, `governor`")
}

/// What a cell is without one of its keys, in words that tell two apart; the workload and mechanism stand first.
pub(super) fn identity_without(cell: &Cell, key: &str) -> Identity {
    let keep = |name: &str, value: &str| if name == key { String::new() } else { value.to_owned() };
    let family = if key == "mechanism" || key == "family" { String::new() } else { cell.family.clone() };
    let setup: Map<String, Value> =
        cell.setup.iter().filter(|(name, _)| *name != key).map(|(name, value)| (name.clone(), value.clone())).collect();
    Identity {
        workload: keep("workload", &cell.workload),
        mechanism: keep("mechanism", &cell.mechanism),
        family,
        setup: Value::Object(setup).to_string(),
    }
}

/// See [`identity_without`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Identity {
    workload: String,
    mechanism: String,
    family: String,
    setup: String,
}
