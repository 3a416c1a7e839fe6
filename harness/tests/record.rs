//! Records: what is written is read back, and nothing that is read can do harm.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::doctor::{Finding, Severity};
use ipcmark_harness::grade::{Grade, Letter};
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::record::{
    After, Cell, FrontEnd, Header, Identity, Launch, MAX_STRING_BYTES, Measurement, Outcome, Record, Repair, Resumed,
    Revision, SCHEMA, Selection, WriteError, Writer, schema,
};
use ipcmark_harness::usage::Usage;
use serde_json::{Value, json};

#[path = "record/budget.rs"]
mod budget;
#[path = "record/untrusted.rs"]
mod untrusted;

const ALWAYS_PRESENT: [&str; 18] = [
    "id",
    "mechanism",
    "workload",
    "setup",
    "outcome",
    "reason",
    "estimate_ns",
    "interval_ns",
    "interval_spans",
    "launches",
    "samples",
    "operations",
    "quantiles_ns",
    "histogram",
    "cpu_ns_per_op",
    "voluntary_switches_per_op",
    "involuntary_switches_per_op",
    "bytes_per_s",
];

fn header() -> Header {
    Header {
        schema: SCHEMA.to_owned(),
        suite: "0.1.0".to_owned(),
        revision: Revision { missing: Some("not built from a checkout".to_owned()), ..Revision::default() },
        command: vec!["ipcmark".to_owned(), "run".to_owned(), "pipe".to_owned()],
        selection: Selection { cell_timeout_s: 30.0, launches: 2, ..Selection::default() },
        seed: 7,
        profile: "quick".to_owned(),
        front_end: FrontEnd::Run,
        started_utc: "2026-01-02T03:04:05Z".to_owned(),
        build: BTreeMap::new(),
        clock: BTreeMap::new(),
        machine: BTreeMap::from([("cpu".to_owned(), json!({"value": "x", "source": "y"}))]),
        conditions: BTreeMap::new(),
        tags: BTreeMap::new(),
        findings: vec![finding()],
        probes: BTreeMap::from([("jitter_p99_ns".to_owned(), json!(1200.0))]),
    }
}

fn finding() -> Finding {
    Finding {
        id: "governor".to_owned(),
        severity: Severity::Flag,
        seen: "powersave".to_owned(),
        why: "frequency follows load".to_owned(),
        improve: Some("cpupower frequency-set -g performance".to_owned()),
        restore: None,
    }
}

fn after() -> After {
    After {
        utc: "2026-01-02T03:05:05Z".to_owned(),
        findings: vec![finding()],
        conditions: BTreeMap::from([("uptime_seconds".to_owned(), json!({"value": 60.5, "source": "/proc/uptime"}))]),
        changed: vec!["governor: powersave, before performance".to_owned()],
    }
}

fn identity(id: &str) -> Identity {
    Identity {
        id: id.to_owned(),
        mechanism: "pipe".to_owned(),
        family: "bytes".to_owned(),
        workload: "round-trip".to_owned(),
        ..Identity::default()
    }
}

fn launch(batches_ns: &[f64]) -> Launch {
    let near = Usage { cpu_ns: 3_000, voluntary_switches: 10, migrations: Some(1), ..Usage::default() };
    let far = Usage { migrations: Some(0), ..near };
    Launch { batches_ns: batches_ns.to_vec(), operations: 10, near, far, ..Launch::default() }
}

fn measurement() -> Measurement {
    let mut histogram = Histogram::new();
    (1..=1_000).for_each(|ns| histogram.record(ns));
    Measurement {
        launches: vec![launch(&[500.0, 400.0, 600.0]), launch(&[300.0])],
        histogram: Ok(histogram),
        bytes_per_operation: Some(64.0),
        verification: Some("passed".to_owned()),
        conditions: BTreeMap::new(),
        notes: vec!["a note".to_owned()],
    }
}

fn measured(id: &str) -> Cell {
    Cell::measured(identity(id), measurement())
}

/// A record with these cells, in a directory that lives as long as the first part of the result.
fn written(cells: &[Cell]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deeper/down/run.jsonl");
    let mut writer = Writer::create(&path, &header()).unwrap();
    cells.iter().for_each(|cell| writer.write_cell(cell).unwrap());
    (directory, path)
}

fn lines(header: &Header, lines: &[String]) -> String {
    let first = serde_json::to_string(header).unwrap();
    format!("{first}\n{}\n", lines.join("\n"))
}

fn read_text(text: &str) -> (Record, Vec<String>) {
    let (record, warnings) = Record::from_reader(Path::new("r.jsonl"), text.as_bytes()).unwrap();
    (record, warnings.iter().map(ToString::to_string).collect())
}

fn as_line(cell: &Cell) -> String {
    serde_json::to_string(cell).unwrap()
}

fn changed(id: &str, key: &str, value: Value) -> String {
    let mut line = serde_json::to_value(measured(id)).unwrap();
    line[key] = value;
    line.to_string()
}

#[test]
fn a_disturbed_cell_is_its_own_outcome_and_not_a_failed_one() {
    let of = |kind| Cell::without_result(Identity::default(), &Failure::new(kind, "one count was 5, another 4"));
    let disturbed = of(FailureKind::Disturbed);
    assert_eq!(serde_json::to_value(&disturbed).unwrap()["outcome"], "disturbed");
    assert_eq!(disturbed.reason.as_deref(), Some("one count was 5, another 4"));
    assert_eq!(of(FailureKind::Deadline).outcome, Outcome::Failed);
}

#[test]
fn what_is_written_is_read_back() {
    let cells =
        [measured("a"), Cell::skipped(identity("b"), "only one CPU"), Cell::failed(identity("c"), "the peer hung")];
    let (_directory, path) = written(&cells);
    let (record, warnings) = Record::read(&path).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(record.header, header());
    assert_eq!(record.cells, cells);
    assert_eq!(record.cell("c").unwrap().outcome, Outcome::Failed);
}

#[test]
fn how_the_machine_was_afterwards_is_read_back_and_is_no_cell() {
    let (_directory, path) = written(&[measured("a")]);
    let (mut writer, _) = Writer::append_to(&path).unwrap();
    writer.write_after(&After { utc: "earlier".to_owned(), ..After::default() }).unwrap();
    writer.write_after(&after()).unwrap();
    let (record, warnings) = Record::read(&path).unwrap();
    assert_eq!((record.after, record.cells.len(), warnings.len()), (Some(after()), 1, 0));
}

#[test]
fn a_grade_is_read_back_and_an_older_cell_has_none() {
    let grade = Grade { letter: Letter::B, tail: Some(Letter::C), reasons: vec!["B: 5 launches".to_owned()] };
    let line = changed("a", "grade", json!(grade));
    assert!(line.contains(r#""letter":"B","reasons":["B: 5 launches"],"tail":"C""#), "{line}");
    let mut older = serde_json::to_value(measured("b")).unwrap();
    older.as_object_mut().unwrap().remove("grade");
    let (record, warnings) = read_text(&lines(&header(), &[line, older.to_string()]));
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!((record.cells[0].grade.clone(), record.cells[1].grade.clone()), (Some(grade), None));
}

#[test]
fn a_header_without_findings_and_probes_is_an_older_one() {
    let mut older = serde_json::to_value(header()).unwrap();
    assert_eq!(older["findings"][0]["severity"], json!("flag"));
    for key in ["findings", "probes"] {
        older.as_object_mut().unwrap().remove(key);
    }
    let (record, _) = read_text(&format!("{older}\n"));
    assert_eq!((record.header.findings.len(), record.header.probes.len(), record.after), (0, 0, None));
}

#[test]
fn more_findings_than_a_doctor_makes_are_refused() {
    let flood = After { changed: vec![String::new(); 1_001], ..after() };
    let (record, warnings) = read_text(&lines(&header(), &[json!({"after": flood}).to_string()]));
    assert_eq!(record.after, None);
    assert!(warnings[0].contains("after.changed has 1001 entries; allowed are 1000"), "{warnings:?}");
    let mut header = header();
    header.probes.insert("jitter_max_ns".to_owned(), json!(-1.0));
    let error = Writer::create(Path::new("/nonexistent/r.jsonl"), &header).unwrap_err().to_string();
    assert!(error.contains("jitter_max_ns is -1"), "{error}");
}

#[test]
fn derived_values_follow_from_the_measurement() {
    let cell = measured("a");
    assert_eq!((cell.estimate_ns, cell.launches), (Some(400.0), 2));
    assert_eq!((cell.samples, cell.operations), (4, 20));
    assert_eq!(cell.interval_ns, Some([300.0, 500.0]));
    assert_eq!(cell.interval_level, Some(0.5));
    assert_eq!(cell.interval_spans.as_deref(), Some("launches"));
    assert_eq!(cell.operations_per_s, Some(2.5e6));
    assert_eq!(cell.bytes_per_s, Some(1.6e8));
    assert_eq!(cell.cpu_ns_per_op.unwrap().near, 300.0);
    assert_eq!(cell.voluntary_switches_per_op.unwrap().far, 1.0);
    assert_eq!(cell.migrations.unwrap().near, 2);
    assert_eq!(cell.per_launch[0].estimate_ns, 500.0);
    let quantiles = cell.quantiles_ns.unwrap();
    assert_eq!((quantiles.p99, quantiles.p999), (Some(990), None));
    let histogram = cell.decode_histogram().unwrap().unwrap();
    assert_eq!(histogram.quantiles(), quantiles);
}

#[test]
fn a_measurement_without_a_number_is_a_failed_cell() {
    for batches in [&[][..], &[f64::NAN][..]] {
        let empty = Measurement { launches: vec![launch(batches)], ..measurement() };
        let cell = Cell::measured(identity("a"), empty);
        assert_eq!((cell.outcome, cell.estimate_ns), (Outcome::Failed, None));
        assert!(cell.reason.is_some());
    }
}

#[test]
fn every_cell_line_has_every_key_even_without_a_value() {
    for cell in [measured("a"), Cell::skipped(identity("b"), "no")] {
        let line = serde_json::to_value(&cell).unwrap();
        for key in ALWAYS_PRESENT {
            assert!(line.get(key).is_some(), "{key}");
        }
    }
    let line = serde_json::to_value(measured("a")).unwrap();
    assert_eq!(line["quantiles_ns"].get("p999"), None);
}

#[test]
fn the_schema_requires_the_keys_that_are_always_present() {
    let schema = schema();
    let required = schema["$defs"]["Cell"]["required"].as_array().unwrap();
    for key in ALWAYS_PRESENT {
        assert!(required.contains(&json!(key)), "{key}");
    }
    assert_eq!(schema["oneOf"].as_array().unwrap().len(), 4);
    assert!(schema["$defs"]["Header"]["properties"]["machine"].is_object());
}

#[test]
fn keys_of_newer_writers_are_ignored_and_absent_ones_are_empty() {
    let newer = changed("a", "invented_later", json!({"x": [1]}));
    let bare = json!({"id": "b", "mechanism": "m", "workload": "w", "outcome": "skipped"});
    let (record, warnings) = read_text(&lines(&header(), &[newer, bare.to_string()]));
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(record.cells[0], measured("a"));
    assert_eq!(record.cells[1].estimate_ns, None);
}

#[test]
fn a_cut_off_last_line_is_left_out_with_a_warning() {
    let (_directory, path) = written(&[measured("a"), measured("b")]);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let (record, warnings) = Record::read(&path).unwrap();
    assert_eq!(record.cells, [measured("a")]);
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].reason, "line 3 is cut off; it was left out");
}

#[test]
fn each_time_that_a_run_goes_on_is_kept_in_order() {
    let (_directory, path) = written(&[measured("a")]);
    let resumed = ["first", "second"].map(|utc| Resumed { utc: utc.to_owned(), ..Resumed::default() });
    let (mut writer, _) = Writer::append_to(&path).unwrap();
    resumed.iter().for_each(|line| writer.write_resumed(line).unwrap());
    let (record, warnings) = Record::read(&path).unwrap();
    assert_eq!((record.resumed, record.cells, warnings), (resumed.to_vec(), vec![measured("a")], vec![]));
}

#[test]
fn resuming_removes_a_cut_off_line_and_goes_on() {
    let (_directory, path) = written(&[measured("a"), measured("b")]);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let (mut writer, repair) = Writer::append_to(&path).unwrap();
    let cut = as_line(&measured("b")).len() as u64 + 1 - 20;
    assert_eq!(repair, Some(Repair::RemovedBytes(cut)));
    writer.write_cell(&measured("b")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn a_line_that_lacks_only_its_line_feed_is_kept_by_reader_and_writer() {
    let (_directory, path) = written(&[measured("a")]);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, whole.trim_ascii_end()).unwrap();
    let (record, warnings) = Record::read(&path).unwrap();
    assert_eq!((record.cells.len(), warnings.len()), (1, 0));
    let (_writer, repair) = Writer::append_to(&path).unwrap();
    assert_eq!(repair, Some(Repair::AddedLineFeed));
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn a_whole_record_needs_no_repair() {
    let (_directory, path) = written(&[measured("a")]);
    assert_eq!(Writer::append_to(&path).unwrap().1, None);
}

#[test]
fn a_record_that_is_being_written_is_not_written_twice() {
    let (_directory, path) = written(&[]);
    let _first = Writer::append_to(&path).unwrap();
    let error = Writer::append_to(&path).unwrap_err();
    assert!(matches!(error, WriteError::Busy(_)), "{error}");
}

#[test]
fn what_is_no_record_is_not_appended_to() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("letter.txt");
    fs::write(&path, "dear reader").unwrap();
    let error = Writer::append_to(&path).unwrap_err().to_string();
    assert!(error.contains("found dear reader"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"dear reader");
}

#[test]
fn of_several_lines_with_one_id_the_last_counts_in_the_first_place() {
    let again =
        [as_line(&Cell::failed(identity("a"), "interrupted")), as_line(&measured("b")), as_line(&measured("a"))];
    let (record, _) = read_text(&lines(&header(), &again));
    assert_eq!(record.cells, [measured("a"), measured("b")]);
}

#[test]
fn an_existing_file_is_not_overwritten() {
    let (_directory, path) = written(&[]);
    let before = fs::read(&path).unwrap();
    let error = Writer::create(&path, &header()).unwrap_err().to_string();
    assert!(error.contains("run.jsonl exists and is not overwritten"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_path_that_cannot_be_written_is_named_with_its_cause() {
    let (_directory, path) = written(&[]);
    let below_a_file = path.join("x/run.jsonl");
    let error = Writer::create(&below_a_file, &header()).unwrap_err().to_string();
    assert!(error.contains("cannot create the directory"), "{error}");
    assert!(error.contains("run.jsonl/x: Not a directory"), "{error}");
    let missing = path.with_file_name("missing.jsonl");
    let error = Writer::append_to(&missing).unwrap_err().to_string();
    assert!(error.contains("missing.jsonl: No such file"), "{error}");
    let error = Record::read(&missing).unwrap_err().to_string();
    assert!(error.contains("cannot read") && error.contains("No such file"), "{error}");
}

#[test]
fn a_full_disk_is_one_sentence_with_the_file() {
    let error = Writer::create(Path::new("/dev/full"), &header()).unwrap_err();
    let expected = "cannot write /dev/full: No space left on device (os error 28)";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_could_not_be_read_is_not_written() {
    let (_directory, path) = written(&[]);
    let (mut writer, _) = Writer::append_to(&path).unwrap();
    let before = fs::read(&path).unwrap();
    let mut cell = measured("a");
    cell.bytes_per_s = Some(f64::NAN);
    let error = writer.write_cell(&cell).unwrap_err().to_string();
    assert!(error.contains("cannot write a to "), "{error}");
    assert!(error.contains("bytes_per_s is NaN"), "{error}");
    let mut cell = measured("a");
    cell.notes.push("x".repeat(MAX_STRING_BYTES + 1));
    assert!(writer.write_cell(&cell).is_err());
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_long_reason_is_cut_rather_than_refused() {
    let (_directory, path) = written(&[]);
    let (mut writer, _) = Writer::append_to(&path).unwrap();
    let cell = Cell::failed(identity("a"), &"ä".repeat(MAX_STRING_BYTES));
    writer.write_cell(&cell).unwrap();
    assert!(cell.reason.unwrap().ends_with('…'));
}
