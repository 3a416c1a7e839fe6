//! Directories that criterion left: `target/criterion`, or a saved baseline in it, as if they were a record.
//!
//! Below a benchmark's folder each run has a folder of its own, `new` for the latest and else named by the baseline, with
//! `benchmark.json` (the id in its parts), `sample.json` (iterations and time of each sample) and `estimates.json`. The samples are
//! estimated as this suite estimates batches: the median, and an interval of order statistics. Where a sample is missing,
//! criterion's own median stands with its bootstrapped interval.
//!
//! Source: criterion 0.8, `src/fs.rs`, `src/benchmark.rs`, `src/connections.rs`. The files are no published format, so whatever is
//! not there is reported and left out.
//!
//! All samples are of one process: its memory layout, its moment. That no interval over them is the uncertainty of the number
//! is said by `interval_spans`, and no verdict is ever based on it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ipcmark_harness::estimate::estimate;
use ipcmark_harness::record::{
    Cell, FrontEnd, Header, Identity, Launch, Measurement, Record, Revision, SCHEMA, Selection,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

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

/// Reads all benchmarks of one run below a folder; none: there is none. Problems are added, a sentence each.
pub(crate) fn read(folder: &Path, baseline: Option<&str>, problems: &mut Vec<String>) -> Option<Source> {
    let run = baseline.unwrap_or(LATEST);
    let mut folders = Vec::new();
    find(folder, run, MAX_DEPTH, &mut folders, problems);
    let mut digest = Sha256::new();
    let mut cells: BTreeMap<String, Cell> = BTreeMap::new();
    for folder in &folders {
        match cell(folder, &mut digest) {
            Ok(cell) => drop(cells.insert(cell.id.clone(), cell)),
            Err(problem) => problems.push(problem),
        }
    }
    if folders.is_empty() || cells.is_empty() {
        return None;
    }
    let digest = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let record = Record { header: header(), cells: cells.into_values().collect(), after: None };
    let path = baseline.map_or_else(|| folder.to_owned(), |name| PathBuf::from(format!("{}@{name}", folder.display())));
    Some(Source { path, digest, origin: Origin::Criterion, record })
}

/// The folders of that run below this one, in the order of their names.
fn find(folder: &Path, run: &str, depth: usize, found: &mut Vec<PathBuf>, problems: &mut Vec<String>) {
    let below = match entries(folder) {
        Ok(below) => below,
        Err(error) => return problems.push(format!("cannot read {}: {error}", shown(folder))),
    };
    for entry in below {
        // Links are not followed: a folder may hold one to itself.
        if !entry.symlink_metadata().is_ok_and(|meta| meta.is_dir()) || found.len() >= MAX_BENCHMARKS {
            continue;
        }
        if entry.file_name().is_some_and(|name| name == run) && entry.join("benchmark.json").is_file() {
            found.push(entry);
        } else if depth > 1 {
            find(&entry, run, depth - 1, found, problems);
        }
    }
}

fn cell(folder: &Path, digest: &mut Sha256) -> Result<Cell, String> {
    let benchmark = text(&folder.join("benchmark.json"), digest)?;
    let sample = text(&folder.join("sample.json"), digest).ok();
    let estimates = text(&folder.join("estimates.json"), digest).ok();
    from_texts(&benchmark, sample.as_deref(), estimates.as_deref())
        .map_err(|reason| format!("{}: {reason}", shown(folder)))
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
    let each: Vec<f64> = sample.times.iter().zip(&sample.iters).map(|(ns, iterations)| ns / iterations).collect();
    if each.iter().any(|ns| !ns.is_finite() || *ns < 0.0) || estimate(std::slice::from_ref(&each)).is_none() {
        return Err("sample.json: a sample is not a finite time from 0".into());
    }
    let operations = sample.iters.iter().sum::<f64>() as u64;
    let launch = Launch { batches_ns: each, operations, ..Launch::default() };
    let measurement = Measurement {
        launches: vec![launch],
        histogram: Err("criterion keeps no single operations".into()),
        bytes_per_operation: bytes(benchmark),
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
    let sound = [*point_estimate, low, high].iter().all(|ns| ns.is_finite() && *ns >= 0.0) && low <= high;
    if !sound || !(0.0..=1.0).contains(&confidence_level) {
        return Err("estimates.json: the median's interval is no interval of times".into());
    }
    let mut cell = Cell::skipped(identity(benchmark), "");
    cell.outcome = ipcmark_harness::record::Outcome::Measured;
    (cell.reason, cell.estimate_ns, cell.launches) = (None, Some(*point_estimate), 1);
    (cell.interval_ns, cell.interval_level) = (Some([low, high]), Some(confidence_level));
    cell.interval_spans = Some("samples within one process, by criterion's bootstrap".into());
    Ok(cell)
}

fn bytes(benchmark: &Benchmark) -> Option<f64> {
    benchmark.throughput.as_ref()?.get("Bytes")?.as_f64().filter(|bytes| bytes.is_finite() && *bytes >= 0.0)
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
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    read.map_err(|error| format!("cannot read {}: {error}", shown(path)))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("{} has more than {MAX_FILE_BYTES} bytes", shown(path)));
    }
    digest.update(text.as_bytes());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::load;

    const BENCHMARK: &str = r#"{"group_id":"round-trip/process/same-cpu/block","function_id":"pipe","value_str":"64B",
        "throughput":{"Bytes":64},"full_id":"round-trip/process/same-cpu/block/pipe/64B","directory_name":"x","title":"x"}"#;
    const SAMPLE: &str = r#"{"sampling_mode":"Flat","iters":[10.0,10.0,20.0],"times":[30000.0,31000.0,64000.0]}"#;
    const ESTIMATES: &str = r#"{"mean":{},"median":{"confidence_interval":{"confidence_level":0.95,"lower_bound":2900.0,
        "upper_bound":3200.0},"point_estimate":3100.0,"standard_error":1.0}}"#;

    fn benchmark_in(folder: &Path, run: &str, sample: &str) {
        let folder = folder.join("group/pipe/64B").join(run);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("benchmark.json"), BENCHMARK).unwrap();
        std::fs::write(folder.join("sample.json"), sample).unwrap();
        std::fs::write(folder.join("estimates.json"), ESTIMATES).unwrap();
    }

    #[test]
    fn samples_become_a_cell_with_the_id_of_this_suite_and_one_launch() {
        let cell = from_texts(BENCHMARK, Some(SAMPLE), None).unwrap();
        assert_eq!(cell.id, "round-trip/process/same-cpu/block/pipe/64B");
        assert_eq!((cell.estimate_ns, cell.launches, cell.samples), (Some(3100.0), 1, 3));
        assert_eq!(cell.interval_spans.as_deref(), Some("batches within one launch"));
        assert!(cell.cpu_ns_per_op.is_none() && cell.bytes_per_s.is_some());
    }

    #[test]
    fn without_samples_criterions_own_median_stands() {
        let cell = from_texts(BENCHMARK, None, Some(ESTIMATES)).unwrap();
        assert_eq!((cell.estimate_ns, cell.interval_ns), (Some(3100.0), Some([2900.0, 3200.0])));
        assert!(cell.interval_spans.unwrap().contains("bootstrap"));
    }

    #[test]
    fn what_criterion_would_not_write_is_refused_with_the_file() {
        for (benchmark, sample, said) in [
            ("{", Some(SAMPLE), "benchmark.json: EOF"),
            (BENCHMARK, Some(r#"{"iters":[1.0],"times":[]}"#), "1 iteration counts for 0 times"),
            (BENCHMARK, Some(r#"{"iters":[0.0],"times":[1.0]}"#), "not a finite time"),
            (BENCHMARK, Some(r#"{"iters":[1.0],"times":[-1.0]}"#), "not a finite time"),
            (BENCHMARK, Some(r#"{"iters":[],"times":[]}"#), "not a finite time"),
            (BENCHMARK, None, "neither sample.json nor estimates.json"),
        ] {
            let error = from_texts(benchmark, sample, None).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        let long = BENCHMARK.replace("\"full_id\":\"", &format!("\"full_id\":\"{}", "x".repeat(5000)));
        assert!(from_texts(&long, Some(SAMPLE), None).unwrap_err().contains("bytes"));
    }

    #[test]
    fn a_folder_gives_its_latest_run_and_a_name_behind_it_a_saved_one() {
        let folder = tempfile::tempdir().unwrap();
        benchmark_in(folder.path(), "new", SAMPLE);
        benchmark_in(folder.path(), "main", &SAMPLE.replace("30000.0", "40000.0"));
        let saved = PathBuf::from(format!("{}@main", folder.path().display()));
        let loaded = load(&[folder.path().to_owned(), saved, folder.path().join("@none")]);
        assert_eq!(loaded.sources.len(), 2, "{:?}", loaded.problems);
        assert_eq!(loaded.problems.len(), 1, "{:?}", loaded.problems);
        assert!(loaded.sources.iter().all(|source| source.origin == Origin::Criterion));
        assert_ne!(loaded.sources[0].digest, loaded.sources[1].digest);
    }

    #[test]
    fn one_bad_benchmark_beside_a_good_one_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        benchmark_in(folder.path(), "new", SAMPLE);
        benchmark_in(&folder.path().join("bad"), "new", "\x1b[2J");
        let loaded = load(&[folder.path().to_owned()]);
        assert_eq!(loaded.sources[0].record.cells.len(), 1);
        assert!(
            loaded.problems[0].contains("sample.json") && !loaded.problems[0].contains('\x1b'),
            "{:?}",
            loaded.problems
        );
    }
}
