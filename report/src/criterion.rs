//! Directories that criterion left: `target/criterion`, or a saved baseline in it, as if they were a record.
//!
//! Below a benchmark's folder each run has a folder of its own, `new` for the latest and else named by the baseline, with
//! `benchmark.json` (the id in its parts), `sample.json` (iterations and time of each sample) and `estimates.json`. The samples are
//! estimated as this suite estimates batches: the median, and an interval of order statistics. Where a sample is missing,
//! criterion's own median stands with its bootstrapped interval.
//!
//! A folder may hold the trees of several machines: each is a source of its own.
//!
//! Source: criterion 0.8, `src/fs.rs`, `src/benchmark.rs`, `src/connections.rs`. The files are no published format, so whatever is
//! not there is reported and left out.
//!
//! All samples are of one process: its memory layout, its moment. That no interval over them is the uncertainty of the number
//! is said by `interval_spans`, and no verdict is ever based on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ipcmark_harness::estimate::estimate;
use ipcmark_harness::record::{
    Cell, FrontEnd, Header, Identity, Launch, Measurement, Record, Revision, SCHEMA, Selection,
};
use ipcmark_harness::sys::files;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::amount::by_amounts;
use crate::load::{Origin, Source, entries, shown};

/// The latest run's folder.
const LATEST: &str = "new";
/// Folders below this depth are not searched: group, function, value, run, and some above.
const MAX_DEPTH: usize = 8;
/// No benchmark suite has more.
const MAX_BENCHMARKS: usize = 100_000;
/// Ten thousand samples take some 400 KiB.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// As long as a string of a record may be.
const MAX_ID_BYTES: usize = 4 << 10;

/// What `benchmark.json` says.
#[derive(Debug, Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    full_id: String,
    throughput: Option<serde_json::Value>,
    /// The benchmark's folder below the tree's: the group, the function and the value, made fit for names of files.
    #[serde(default)]
    directory_name: String,
}

/// What `sample.json` says: of each sample the iterations and the nanoseconds for all of them.
#[derive(Debug, Deserialize)]
struct Sample {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// What is used of `estimates.json`.
#[derive(Debug, Deserialize)]
struct Estimates {
    median: Median,
}

#[derive(Debug, Deserialize)]
struct Median {
    confidence_interval: Confidence,
    point_estimate: f64,
}

#[derive(Debug, Deserialize)]
struct Confidence {
    confidence_level: f64,
    lower_bound: f64,
    upper_bound: f64,
}

/// The benchmarks of one tree: what one machine wrote into one folder.
#[derive(Default)]
struct Tree {
    cells: BTreeMap<String, (Cell, PathBuf)>,
    digest: Sha256,
}

/// Reads all benchmarks of one run below a folder, a source for each tree in it; none: there is none. Problems are added, a
/// sentence each.
pub(crate) fn read(folder: &Path, baseline: Option<&str>, problems: &mut Vec<String>) -> Vec<Source> {
    let run = baseline.unwrap_or(LATEST);
    let mut found = Found::default();
    find(folder, run, MAX_DEPTH, &mut found, problems);
    if found.without_id > 0 {
        problems.push(format!(
            "{}: {} benchmarks have a `{}` without benchmark.json, which tells their names and which old versions of criterion did \
             not write; run them again with criterion 0.3 or later",
            shown(folder),
            found.without_id,
            ipcmark_harness::record::sanitize(run)
        ));
    }
    let mut trees: BTreeMap<PathBuf, Tree> = BTreeMap::new();
    for benchmark in &found.runs {
        take(folder, benchmark, &mut trees, problems);
    }
    trees.retain(|_, tree| !tree.cells.is_empty());
    trees.into_iter().map(|(root, tree)| tree.source(&root, baseline)).collect()
}

/// Puts one benchmark into its tree.
fn take(given: &Path, folder: &Path, trees: &mut BTreeMap<PathBuf, Tree>, problems: &mut Vec<String>) {
    let mut digest = Sha256::new();
    let (cell, root) = match cell(folder, &mut digest) {
        Ok((cell, directory)) => (cell, root(folder, &directory).unwrap_or_else(|| given.to_owned())),
        Err(problem) => return problems.push(problem),
    };
    let tree = trees.entry(root).or_default();
    tree.digest.update(digest.finalize());
    if let Some((_, first)) = tree.cells.get(&cell.id) {
        let (id, folder, first) = (ipcmark_harness::record::sanitize(&cell.id), shown(folder), shown(first));
        return problems
            .push(format!("{folder}: {id} is in {first}, too, which is taken; give each machine's tree by itself"));
    }
    tree.cells.insert(cell.id.clone(), (cell, folder.to_owned()));
}

/// The tree's folder, from the folder of a run of a benchmark and where that benchmark stands below the tree's.
fn root(run: &Path, directory: &str) -> Option<PathBuf> {
    let benchmark = run.parent()?;
    let parts = Path::new(directory).components().count();
    (parts > 0 && benchmark.ends_with(directory)).then(|| benchmark.ancestors().nth(parts))?.map(Path::to_owned)
}

impl Tree {
    fn source(self, root: &Path, baseline: Option<&str>) -> Source {
        let mut cells: Vec<Cell> = self.cells.into_values().map(|(cell, _)| cell).collect();
        cells.sort_by(|one, other| by_amounts(&one.id, &other.id));
        let digest = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let path = baseline.map_or_else(|| root.to_owned(), |name| PathBuf::from(format!("{}@{name}", root.display())));
        Source {
            path,
            digest,
            origin: Origin::Criterion,
            record: Record { header: header(), cells, after: None, resumed: Vec::new() },
        }
    }
}

/// What is below a folder.
#[derive(Default)]
struct Found {
    /// Folders of that run.
    runs: Vec<PathBuf>,
    /// How many further ones do not say of which benchmark they are.
    without_id: usize,
}

/// Whether two sources are runs of one tree, which one machine wrote: a folder, and a baseline of it.
pub(crate) fn of_one_tree(one: &Path, other: &Path) -> bool {
    let tree = |path: &Path| {
        let text = path.to_string_lossy().into_owned();
        let folder = text.rsplit_once('@').filter(|(folder, _)| !path.is_dir() && Path::new(folder).is_dir());
        let folder = folder.map_or_else(|| path.to_owned(), |(folder, _)| PathBuf::from(folder));
        folder.canonicalize().unwrap_or(folder)
    };
    tree(one) == tree(other)
}

/// The folders of that run below this one, in the order of their names.
fn find(folder: &Path, run: &str, depth: usize, found: &mut Found, problems: &mut Vec<String>) {
    let below = match entries(folder) {
        Ok(below) => below,
        Err(error) => return problems.push(format!("cannot read {}: {error}", shown(folder))),
    };
    for entry in below {
        // Links are not followed: a folder may hold one to itself.
        if !entry.symlink_metadata().is_ok_and(|meta| meta.is_dir()) || found.runs.len() >= MAX_BENCHMARKS {
            continue;
        }
        let has = |file: &str| entry.join(file).is_file();
        let is_run = entry.file_name().is_some_and(|name| name == run);
        if is_run && has("benchmark.json") {
            found.runs.push(entry);
        } else if is_run && (has("sample.json") || has("estimates.json")) {
            found.without_id += 1;
        } else if depth > 1 {
            find(&entry, run, depth - 1, found, problems);
        }
    }
}

/// The cell, and where its benchmark stands below the tree's folder.
fn cell(folder: &Path, digest: &mut Sha256) -> Result<(Cell, String), String> {
    let benchmark = text(&folder.join("benchmark.json"), digest)?;
    let sample = text(&folder.join("sample.json"), digest).ok();
    let estimates = text(&folder.join("estimates.json"), digest).ok();
    let cell = from_texts(&benchmark, sample.as_deref(), estimates.as_deref());
    let cell = cell.map_err(|reason| format!("{}: {reason}", shown(folder)))?;
    let directory =
        serde_json::from_str(&benchmark).map_or_else(|_| String::new(), |found: Benchmark| found.directory_name);
    Ok((cell, directory))
}

/// A cell from the text of its files, of which the sample or the estimates must be there. Never panics, whatever the texts are.
///
/// # Errors
/// Says which file is not as criterion writes it.
pub fn from_texts(benchmark: &str, sample: Option<&str>, estimates: Option<&str>) -> Result<Cell, String> {
    let benchmark: Benchmark = parse("benchmark.json", benchmark)?;
    if benchmark.full_id.is_empty() || benchmark.full_id.len() > MAX_ID_BYTES {
        return Err(format!(
            "benchmark.json: an id of {} bytes; allowed are 1 to {MAX_ID_BYTES}",
            benchmark.full_id.len()
        ));
    }
    match (sample, estimates) {
        (Some(sample), _) => sampled(&benchmark, &parse("sample.json", sample)?),
        (None, Some(estimates)) => estimated(&benchmark, &parse("estimates.json", estimates)?),
        (None, None) => Err("neither sample.json nor estimates.json can be read".into()),
    }
}

fn parse<'a, T: Deserialize<'a>>(name: &str, text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| ipcmark_harness::record::sanitize(&format!("{name}: {error}")))
}

fn sampled(benchmark: &Benchmark, sample: &Sample) -> Result<Cell, String> {
    if sample.iters.len() != sample.times.len() {
        let (iterations, times) = (sample.iters.len(), sample.times.len());
        return Err(format!("sample.json: {iterations} iteration counts for {times} times"));
    }
    if let Some((place, count)) =
        sample.iters.iter().enumerate().find(|(_, count)| !(1.0..=MOST_ITERATIONS).contains(*count))
    {
        return Err(format!(
            "sample.json: sample {} has {count:e} iterations; allowed are 1 to {MOST_ITERATIONS:e}",
            place + 1
        ));
    }
    if let Some((place, ns)) = sample.times.iter().enumerate().find(|(_, ns)| !is_time(**ns)) {
        return Err(format!("sample.json: sample {} took {ns:e} ns; {ALLOWED}", place + 1));
    }
    let each: Vec<f64> = sample.times.iter().zip(&sample.iters).map(|(ns, iterations)| ns / iterations).collect();
    if estimate(std::slice::from_ref(&each)).is_none() {
        return Err("sample.json: it holds no sample; run the benchmark again".into());
    }
    let operations = sample.iters.iter().sum::<f64>() as u64;
    let launch = Launch { batches_ns: each, operations, ..Launch::default() };
    let measurement = Measurement {
        launches: vec![launch],
        histogram: Err("criterion keeps no single operations".into()),
        bytes_per_operation: bytes(benchmark)?,
        verification: None,
        conditions: BTreeMap::new(),
        notes: Vec::new(),
    };
    let mut cell = Cell::measured(identity(benchmark), measurement);
    // It was not measured, which is not the same as none.
    (cell.cpu_ns_per_op, cell.faults_per_op, cell.migrations) = (None, None, None);
    (cell.voluntary_switches_per_op, cell.involuntary_switches_per_op) = (None, None);
    Ok(cell)
}

fn estimated(benchmark: &Benchmark, estimates: &Estimates) -> Result<Cell, String> {
    let Median { point_estimate, confidence_interval } = &estimates.median;
    let Confidence { confidence_level, lower_bound: low, upper_bound: high } = *confidence_interval;
    if let Some(ns) = [*point_estimate, low, high].iter().find(|ns| !is_time(**ns)) {
        return Err(format!("estimates.json: the median or an end of its interval is {ns} ns; {ALLOWED}"));
    }
    if low > high || !(0.0..=1.0).contains(&confidence_level) {
        return Err(format!(
            "estimates.json: the median's interval is {low} to {high} ns at a level of {confidence_level}; allowed are ascending ends and \
             a level from 0 to 1; run the benchmark again"
        ));
    }
    let mut cell = Cell::skipped(identity(benchmark), "");
    cell.outcome = ipcmark_harness::record::Outcome::Measured;
    (cell.reason, cell.estimate_ns, cell.launches) = (None, Some(*point_estimate), 1);
    (cell.interval_ns, cell.interval_level) = (Some([low, high]), Some(confidence_level));
    cell.interval_spans = Some("samples within one process, by criterion's bootstrap".into());
    Ok(cell)
}

/// No iteration takes longer, in ns: eleven days.
const LONGEST_NS: f64 = 1e15;
/// Nor less, unless nothing: a rate by it is finite.
const SHORTEST_NS: f64 = 1e-30;
/// Of one sample: as many as fit into that time at a hundredth of a cycle each.
const MOST_ITERATIONS: f64 = 1e17;
/// What 64 bits count.
const MOST_BYTES: f64 = 18_446_744_073_709_551_615.0;
const ALLOWED: &str = "allowed are times from 0 to 1e15 ns; run the benchmark again, or leave this one out";

fn is_time(ns: f64) -> bool {
    ns == 0.0 || (SHORTEST_NS..=LONGEST_NS).contains(&ns)
}

fn bytes(benchmark: &Benchmark) -> Result<Option<f64>, String> {
    let bytes = benchmark.throughput.as_ref().and_then(|throughput| throughput.get("Bytes")?.as_f64());
    match bytes.filter(|bytes| !(0.0..=MOST_BYTES).contains(bytes)) {
        Some(bytes) => Err(format!("benchmark.json: a throughput of {bytes:e} bytes; allowed are 0 to {MOST_BYTES:e}")),
        None => Ok(bytes),
    }
}

/// A group is what its benchmarks share: it becomes the workload, and the function the mechanism.
fn identity(benchmark: &Benchmark) -> Identity {
    let Benchmark { group_id, function_id, value_str, full_id, .. } = benchmark;
    let mut setup = serde_json::Map::new();
    if let Some(value) = value_str {
        setup.insert("value".into(), value.as_str().into());
    }
    Identity {
        id: full_id.clone(),
        mechanism: function_id.clone().unwrap_or_else(|| group_id.clone()),
        workload: group_id.clone(),
        setup,
        ..Identity::default()
    }
}

/// All that criterion does not keep is empty.
fn header() -> Header {
    Header {
        schema: SCHEMA.into(),
        suite: "unknown".into(),
        revision: Revision { missing: Some("criterion does not keep it".into()), ..Revision::default() },
        command: Vec::new(),
        selection: Selection { launches: 1, ..Selection::default() },
        seed: 0,
        profile: String::new(),
        front_end: FrontEnd::Bench,
        started_utc: "unknown".into(),
        build: BTreeMap::new(),
        clock: BTreeMap::new(),
        machine: BTreeMap::new(),
        conditions: BTreeMap::new(),
        tags: BTreeMap::new(),
        findings: Vec::new(),
        probes: BTreeMap::new(),
    }
}

fn text(path: &Path, digest: &mut Sha256) -> Result<String, String> {
    let read = files::read_text(path, MAX_FILE_BYTES);
    let text = read.map_err(|error| format!("cannot read {}: {error}", shown(path)))?;
    digest.update(text.as_bytes());
    Ok(text)
}

#[cfg(test)]
mod tests;
