//! Records that have something for every chart: those that are made up, and a few cells more.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use ipcmark_harness::grade::{Grade, Letter};
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::record::{Cell, Identity, Launch, Measurement, Record, Writer};
use ipcmark_report::load::{Loaded, load};
use ipcmark_report::made_up::Run;
use serde_json::{Map, Value, json};

/// Some machines' records as files, read again.
pub(crate) struct Fixture {
    pub(crate) loaded: Loaded,
    pub(crate) page: String,
}

/// Of one, two and three machines; made once, as it takes a while.
static FIXTURES: [LazyLock<Fixture>; 3] =
    [LazyLock::new(|| Fixture::new(1)), LazyLock::new(|| Fixture::new(2)), LazyLock::new(|| Fixture::new(3))];

/// That of so many machines, three at most.
pub(crate) fn of(machines: usize) -> &'static Fixture {
    &FIXTURES[machines - 1]
}

impl Fixture {
    fn new(machines: usize) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{machines}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let paths: Vec<PathBuf> = (0..machines).map(|machine| folder.join(format!("{machine:03}.jsonl"))).collect();
        for (machine, path) in paths.iter().enumerate() {
            let mut record = Run { machine, cells: 1000, launches: 6, ..Run::default() }.record();
            record.cells.retain(kept);
            record.cells.extend(further(machine));
            record.cells.iter_mut().enumerate().for_each(|(place, cell)| cell.grade = Some(grade(place)));
            write(&record, path);
        }
        let loaded = load(&paths);
        assert_eq!((loaded.sources.len(), loaded.problems.len()), (machines, 0), "{:?}", loaded.problems);
        let page = ipcmark_report::page::render(&loaded);
        std::fs::write(folder.join("page.html"), &page).unwrap();
        Self { loaded, page }
    }

    /// The page as a file.
    pub(crate) fn path(&self) -> PathBuf {
        self.loaded.sources[0].path.with_file_name("page.html")
    }
}

/// Mostly B, some D.
fn grade(place: usize) -> Grade {
    let letter = if place % 10 == 9 { Letter::D } else { Letter::B };
    Grade { letter, tail: None, reasons: vec!["turbo is on: B".into()] }
}

pub(crate) fn write(record: &Record, path: &std::path::Path) {
    let mut writer = Writer::create(path, &record.header).unwrap();
    record.cells.iter().try_for_each(|cell| writer.write_cell(cell)).unwrap();
}

/// Enough for each chart, and no more than a reader of screenshots wants to see.
fn kept(cell: &Cell) -> bool {
    let word = |key: &str| cell.setup.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    word("placement") != "cross-node" || (cell.workload == "round-trip" && word("peer") == "process")
}

/// What the generator has not: readers, switches, births, many peers, memory.
fn further(machine: usize) -> Vec<Cell> {
    let mut cells = Vec::new();
    let faster = 1.0 + machine as f64 * 0.3;
    let mut add = |workload: &str, family: &str, mechanism: &str, more: Value, ns: f64, facts: &[(&str, f64)]| {
        let mut setup = object(
            json!({"peer": "process", "placement": "same-cpu", "waiting": "own", "parties": 2, "payload_bytes": 0}),
        );
        setup.extend(object(more));
        let id = format!("{workload}/{mechanism}/{}", Value::Object(setup.clone()));
        let (mechanism, family, workload) = (mechanism.into(), family.into(), workload.into());
        let identity = Identity { id, mechanism, family, workload, setup, ..Identity::default() };
        cells.push(cell(identity, ns * faster, facts));
    };
    for (place, memory) in [0, 4 << 10, 64 << 10, 1 << 20, 4 << 20_u64].into_iter().enumerate() {
        let more = |peer: &str| json!({"memory_bytes": memory, "stride_bytes": 64, "peer": peer});
        let net = 800.0 + memory as f64 / 100.0;
        for (peer, extra) in [("thread", 0.0), ("clone-vm", 5.0), ("process", 150.0)] {
            let facts = [("net_ns", net + extra), ("overhead_ns", 300.0), ("gross_ns", net + extra + 300.0)];
            add("switch-touch", "switch", "futex-ring", more(peer), net + extra + 300.0, &facts);
            let ring = json!({"parties": 2_u64 << place, "peer": peer});
            add("switch", "switch", "futex-ring", ring, net + extra + 300.0, &facts);
        }
        let slice = json!({"quantum_ns": 10_000 * 10_u64.pow(place as u32)});
        add("time-slice", "scheduler", "yield", slice, 1_200.0 - 40.0 * place as f64, &[]);
        add("spawn", "spawn", "fork", json!({"memory_bytes": memory << 6}), 60_000.0 * (place + 1) as f64, &[]);
        add("spawn", "spawn", "vfork", json!({"memory_bytes": memory << 6}), 30_000.0, &[]);
        add(
            "chase",
            "memory",
            "pages-4k",
            json!({"memory_bytes": (memory + 4096) << 4}),
            2.0 * 3_f64.powi(place as i32),
            &[],
        );
    }
    for reads in [0, 500, 900, 990, 1000] {
        for (name, ns) in [("std-rwlock", 400.0 - reads as f64 * 0.3), ("std-mutex", 200.0)] {
            add("read-mix", "reader-writer", name, json!({"reads_per_mille": reads, "peer": "thread"}), ns, &[]);
        }
    }
    // What is made up has two hold times, and a crossover takes three.
    for (family, name, ns) in [("mutex", "std-mutex", 2_000.0), ("spinlock", "tas-spinlock", 2_600.0)] {
        add("contended", family, name, json!({"hold_ns": 1_000, "outside_ns": 1_000}), ns, &[]);
    }
    for parties in [2, 3, 5, 9] {
        add("fan-in", "pipe", "pipe", json!({"parties": parties, "waiting": "block"}), 900.0 * f64::from(parties), &[]);
    }
    cells
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn cell(identity: Identity, ns: f64, facts: &[(&str, f64)]) -> Cell {
    let launch = |place: u32| Launch {
        batches_ns: vec![ns * (1.0 + f64::from(place) / 100.0); 5],
        operations: 1000,
        shares: vec![500, 400 + u64::from(place)],
        facts: facts
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value * (1.0 + f64::from(place) / 100.0)))
            .collect(),
        ..Launch::default()
    };
    let mut histogram = Histogram::new();
    histogram.record_n(ns as u64, 9_900);
    histogram.record_n(ns as u64 * 3, 100);
    let measurement = Measurement {
        launches: (0..6).map(launch).collect(),
        histogram: Ok(histogram),
        bytes_per_operation: None,
        verification: Some("passed".into()),
        conditions: BTreeMap::new(),
        notes: Vec::new(),
    };
    Cell::measured(identity, measurement)
}
