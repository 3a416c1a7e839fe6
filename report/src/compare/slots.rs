//! Which cell stands in which row and column.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::path::Path;

use ipcmark_harness::record::{Cell, Outcome};

use super::keys::{Key, identity_without, of_record};
use super::{Column, Entry, Row, Taken, environment};
use crate::load::{Origin, Source};
use crate::words;

/// Columns and rows, before anything is judged.
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

pub(super) fn fill(key: &Key, sources: &[&Source], records: &[Taken]) -> Table {
    match key {
        Key::OfCell(name) => by_cells(key, name, sources),
        Key::Record => by_records(sources, records.iter().map(|record| record.label.clone()).collect()),
        Key::OfRecord(name) => by_records(sources, values(sources, name, records)),
    }
}

/// The key's values; where several records have the same one, with the record's name.
fn values(sources: &[&Source], key: &str, records: &[Taken]) -> Vec<String> {
    let values: Vec<String> = sources.iter().map(|source| of_record(source, key)).collect();
    let shared = |value: &String| values.iter().filter(|other| *other == value).count() > 1;
    let label = |(value, record): (&String, &Taken)| match shared(value) {
        true => format!("{value} ({})", record.label),
        false => value.clone(),
    };
    values.iter().zip(records).map(label).collect()
}

fn by_records(sources: &[&Source], labels: Vec<String>) -> Table {
    let apart = |source: &&Source| sources.first().map_or_else(Vec::new, |first| environment::distance(first, source));
    let column = |(record, (source, label)): (usize, (&&Source, String))| Column {
        label,
        record: Some(record),
        apart_by: apart(source),
    };
    let columns: Vec<Column> = sources.iter().zip(labels).enumerate().map(column).collect();
    let mut rows = Rows::new(columns.len());
    for (record, source) in sources.iter().enumerate() {
        for cell in measured(source) {
            rows.put(cell.id.clone(), record, entry(cell, record), || row(cell, None, None));
        }
    }
    Table { columns, rows: rows.rows }
}

fn by_cells(key: &Key, name: &str, sources: &[&Source]) -> Table {
    let mut values: Vec<(Option<u64>, String)> = Vec::new();
    for (source, cell) in sources.iter().flat_map(|source| measured(source).map(move |cell| (source, cell))) {
        let order = cell.setup.get(name).and_then(serde_json::Value::as_u64);
        if let Some(value) = key.value(source, cell).map(|value| (order, value))
            && !values.contains(&value)
        {
            values.push(value);
        }
    }
    // Sizes and times ascend; words stay in the order of the records.
    if values.iter().all(|(order, _)| order.is_some()) {
        values.sort();
    }
    let column = |(_, label): &(_, String)| Column { label: label.clone(), record: None, apart_by: Vec::new() };
    let columns: Vec<Column> = values.iter().map(column).collect();
    let places: HashMap<&str, usize> =
        columns.iter().enumerate().map(|(at, column)| (column.label.as_str(), at)).collect();
    let mut rows = Rows::new(columns.len());
    for (record, source) in sources.iter().enumerate() {
        for cell in measured(source) {
            let Some(place) = key.value(source, cell).and_then(|value| places.get(value.as_str()).copied()) else {
                continue;
            };
            let identity = (record, identity_without(cell, name));
            rows.put(identity, place, entry(cell, record), || row(cell, Some(name), Some(record)));
        }
    }
    Table { columns, rows: rows.rows }
}

fn measured<'a>(source: &&'a Source) -> impl Iterator<Item = &'a Cell> + use<'a> {
    source.record.cells.iter().filter(|cell| cell.outcome == Outcome::Measured && cell.estimate_ns.is_some())
}

/// Rows by what identifies them, in order of first appearance.
struct Rows<I> {
    columns: usize,
    places: HashMap<I, usize>,
    rows: Vec<Row>,
}

impl<I: Eq + Hash> Rows<I> {
    fn new(columns: usize) -> Self {
        Self { columns, places: HashMap::new(), rows: Vec::new() }
    }

    fn put(&mut self, identity: I, column: usize, entry: Entry, row: impl FnOnce() -> Row) {
        let place = *self.places.entry(identity).or_insert_with(|| {
            self.rows.push(Row { values: vec![None; self.columns], ..row() });
            self.rows.len() - 1
        });
        self.rows[place].values[column] = Some(entry);
    }
}

fn entry(cell: &Cell, record: usize) -> Entry {
    let per_launch_ns: Vec<f64> = cell.per_launch.iter().map(|launch| launch.estimate_ns).collect();
    Entry {
        id: cell.id.clone(),
        record,
        estimate_ns: cell.estimate_ns.unwrap_or_default(),
        interval_ns: cell.interval_ns,
        interval_spans: cell.interval_spans.clone(),
        launches: cell.launches,
        grade: cell.grade.as_ref().map(|grade| grade.letter),
        ratio: None,
        verdict: None,
        // One launch is no sample of launches.
        per_launch_ns: if per_launch_ns.len() > 1 { per_launch_ns } else { Vec::new() },
    }
}

fn row(cell: &Cell, without: Option<&str>, record: Option<usize>) -> Row {
    let mut kept = cell.clone();
    without.map(|key| kept.setup.remove(key));
    let conditions = words::conditions(&kept);
    let mut known: Vec<&str> = conditions.split(", ").filter(|word| *word != "?").collect();
    // Criterion's benchmarks have one parameter, without a meaning.
    known.extend(kept.setup.get("value").and_then(serde_json::Value::as_str));
    let named = |key: &str, value: &str| if without == Some(key) { String::new() } else { value.to_owned() };
    Row {
        workload: named("workload", &cell.workload),
        mechanism: named("mechanism", &cell.mechanism),
        conditions: known.join(", "),
        record,
        values: Vec::new(),
    }
}

/// Takes out the rows that only one column has; the ids, by column.
pub(super) fn take_alone(table: &mut Table) -> Vec<Vec<String>> {
    let mut alone = vec![Vec::new(); table.columns.len()];
    table.rows.retain(|row| {
        let mut there = row.values.iter().enumerate().filter_map(|(column, entry)| Some((column, entry.as_ref()?)));
        match (there.next(), there.next()) {
            (Some((column, entry)), None) => alone[column].push(entry.id.clone()),
            _ => return true,
        }
        false
    });
    alone
}

pub(super) fn why_nothing(key: &Key, sources: &[&Source], by: &str) -> String {
    match key {
        Key::OfCell(_) => {
            format!("no two measured cells of a record differ in {by} alone; `--by` another key may pair them")
        }
        _ if sources.len() < 2 => "one record has nothing to be compared with; give another, or a key with --by".into(),
        _ => "the records have no measured cell in common: `ipcmark show` tells what each has".into(),
    }
}

/// A short name for each: the file's, with as many of its folders as tell it from the others; then numbers.
pub(super) fn labels(sources: &[&Source]) -> Vec<String> {
    let mut depth = 1;
    let mut labels = named(sources, depth);
    while depth < 4 && labels.iter().collect::<HashSet<_>>().len() < labels.len() {
        depth += 1;
        labels = named(sources, depth);
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    for label in &mut labels {
        let count = seen.entry(label.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            *label = format!("{label} ({count})");
        }
    }
    labels
}

fn named(sources: &[&Source], depth: usize) -> Vec<String> {
    sources.iter().map(|source| last(&source.path, depth, source.origin)).collect()
}

fn last(path: &Path, parts: usize, origin: Origin) -> String {
    let path = if origin == Origin::Record { path.with_extension("") } else { path.to_owned() };
    let all: Vec<String> = path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    // `target/criterion` and its like say nothing by their last part.
    let parts = if origin == Origin::Criterion { parts + 1 } else { parts };
    all[all.len().saturating_sub(parts)..].join("/")
}
