//! Which cell stands in which row and column.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::path::Path;

use ipcmark_harness::estimate::estimate;
use ipcmark_harness::record::{Cell, Outcome};

use super::keys::{Key, identity_without, of_record};
use super::{Column, Entry, Row, Taken, disturbed, environment};
use crate::amount::amount;
use crate::load::{Origin, Source};
use crate::words;

/// Columns and rows, before anything is judged.
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

pub(super) fn fill(key: &Key, sources: &[&Source], records: &[Taken], treatment: bool) -> Table {
    match key {
        Key::OfRecord(name) if treatment => by_levels(name, sources),
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
        record: Some(record),
        records: vec![record],
        apart_by: apart(source),
        confounders: environment::beside(sources, 0, record),
        ..Column::named(label)
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

/// A column for each level, with all records of that level.
fn by_levels(key: &str, sources: &[&Source]) -> Table {
    let mut columns: Vec<Column> = Vec::new();
    let mut places: Vec<usize> = Vec::new();
    for (record, source) in sources.iter().enumerate() {
        let level = of_record(source, key);
        let place = columns.iter().position(|column| column.label == level).unwrap_or(columns.len());
        if place == columns.len() {
            columns.push(Column::named(level));
        }
        columns[place].records.push(record);
        places.push(place);
    }
    for place in 1..columns.len() {
        columns[place].confounders =
            environment::confounders(sources, &columns[0].records, &columns[place].records, key);
    }
    let mut rows = Rows::new(columns.len());
    for ((record, source), place) in sources.iter().enumerate().zip(places) {
        for cell in measured(source) {
            rows.put(cell.id.clone(), place, entry(cell, record), || row(cell, None, None));
        }
    }
    rows.rows.iter_mut().flat_map(|row| row.values.iter_mut().flatten()).for_each(Entry::sum_up);
    Table { columns, rows: rows.rows }
}

fn by_cells(key: &Key, name: &str, sources: &[&Source]) -> Table {
    let mut values: Vec<(Option<f64>, String)> = Vec::new();
    let mut known = HashSet::new();
    for (source, cell) in sources.iter().flat_map(|source| measured(source).map(move |cell| (source, cell))) {
        // Criterion's parameters are texts.
        let order = cell.setup.get(name).and_then(|value| value.as_f64().or_else(|| amount(value.as_str()?)));
        if let Some(value) = key.value(source, cell)
            && known.insert((order.map(f64::to_bits), value.clone()))
        {
            values.push((order, value));
        }
    }
    // Sizes and times ascend; words stay in the order of the records.
    if values.iter().all(|(order, _)| order.is_some()) {
        values.sort_by(|(one, _), (other, _)| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
    }
    let column = |(_, label): &(_, String)| Column::named(label.clone());
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
        match &mut self.rows[place].values[column] {
            Some(pooled) => pooled.pool(entry),
            empty => *empty = Some(entry),
        }
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
        beyond: None,
        beyond_verdict: None,
        disturbed: disturbed::by(&cell.per_launch),
        // One launch is no sample of launches.
        launches_ns: if per_launch_ns.len() > 1 { vec![per_launch_ns] } else { vec![Vec::new()] },
        evidence: None,
        own_half_width: 0.0,
    }
}

impl Entry {
    /// Takes in the same cell of another record.
    fn pool(&mut self, other: Entry) {
        self.launches_ns.extend(other.launches_ns);
        self.launches = self.launches.saturating_add(other.launches);
        self.disturbed = self.disturbed.take().or(other.disturbed);
        self.grade = self.grade.zip(other.grade).map(|(one, other)| one.max(other));
    }

    /// Estimates anew what was pooled.
    fn sum_up(&mut self) {
        let launches: Vec<Vec<f64>> = self.launches_ns.iter().flatten().map(|ns| vec![*ns]).collect();
        if let Some(found) = estimate(&launches).filter(|_| self.launches_ns.len() > 1) {
            self.estimate_ns = found.point_ns;
            self.interval_ns = Some([found.interval.low, found.interval.high]);
            self.interval_spans = Some(format!("launches of {}", words::count(self.launches_ns.len(), "record")));
        }
    }
}

impl Column {
    fn named(label: String) -> Column {
        Column {
            label,
            record: None,
            records: Vec::new(),
            apart_by: Vec::new(),
            confounders: Vec::new(),
            whole: None,
            unmeasured: Vec::new(),
        }
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

/// Finds what was asked of each column and of the first, and was not measured in both: it failed or was disturbed, one of them skipped it, or a run
/// ended before. What both skipped cannot be measured there, and leaves nothing open.
pub(super) fn note_unmeasured(columns: &mut [Column], sources: &[&Source]) {
    let asked: Vec<Asked<'_>> = columns.iter().map(|column| Asked::of(column, sources)).collect();
    let Some(first) = asked.first() else { return };
    for (column, other) in columns.iter_mut().zip(&asked).skip(1) {
        let both = first.ids.iter().filter_map(|id| Some((id, first.fates.get(id)?, other.fates.get(id)?)));
        let open = both
            .filter(|(_, one, other)| one != other || matches!(one, None | Some(Outcome::Failed | Outcome::Disturbed)));
        column.unmeasured = open.map(|(id, ..)| (*id).to_owned()).collect();
    }
}

/// What was asked of the records of a column.
struct Asked<'a> {
    /// In the order of the records.
    ids: Vec<&'a str>,
    /// What became of each; none: the run ended before.
    fates: HashMap<&'a str, Option<Outcome>>,
}

impl<'a> Asked<'a> {
    fn of(column: &Column, sources: &[&'a Source]) -> Asked<'a> {
        let mut asked = Asked { ids: Vec::new(), fates: HashMap::new() };
        for source in column.records.iter().filter_map(|record| sources.get(*record)) {
            source.record.header.selection.cells.iter().for_each(|id| asked.note(id, None));
            source.record.cells.iter().for_each(|cell| asked.note(&cell.id, Some(fate(cell))));
        }
        asked
    }

    /// One measurement in any of the records is enough, and a failure outweighs that another record skipped it.
    fn note(&mut self, id: &'a str, fate: Option<Outcome>) {
        let weight = |fate: Option<Outcome>| match fate {
            None => 0,
            Some(Outcome::Skipped) => 1,
            Some(Outcome::Disturbed) => 2,
            Some(Outcome::Failed) => 3,
            Some(Outcome::Measured) => 4,
        };
        let known = self.fates.entry(id).or_insert_with(|| {
            self.ids.push(id);
            None
        });
        if weight(fate) > weight(*known) {
            *known = fate;
        }
    }
}

/// A measured cell without an estimate is compared with nothing.
fn fate(cell: &Cell) -> Outcome {
    if cell.outcome == Outcome::Measured && cell.estimate_ns.is_none() { Outcome::Failed } else { cell.outcome }
}

pub(super) fn why_one_level(columns: &[Column], treatment: &Option<String>) -> String {
    let (name, level) =
        (treatment.as_deref().unwrap_or_default(), columns.first().map_or("unknown", |c| c.label.as_str()));
    format!(
        "{name} is {level} in every record, so that there is nothing to set against it: give records of another {name}"
    )
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
