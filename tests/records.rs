//! `compare` and `cite` through the real program: exit codes, forms, and records that a stranger may have sent.

mod common;
#[path = "records/files.rs"]
mod files;
#[path = "records/hostile.rs"]
mod hostile;

use std::path::Path;

use common::{assert_sentence, ipcmark};
use ipcmark_report::made_up::Run;
use serde_json::Value;

const PIPE: &str = "round-trip/process/same-cpu/block/pipe/64B";

/// A folder with two records of one machine and one of another, and one of which pipes are slower.
fn records() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let base = Run { cells: 40, ..Run::default() };
    for (name, run) in [
        ("a.jsonl", base),
        ("b.jsonl", Run { seed: 1, ..base }),
        ("slower.jsonl", Run { seed: 2, pipe_times: 1.4, ..base }),
        ("other.jsonl", Run { machine: 1, ..base }),
    ] {
        run.write(&folder.path().join(name)).unwrap();
    }
    folder
}

#[test]
fn a_threshold_is_exceeded_by_a_slower_record_and_by_no_equal_one() {
    let folder = records();
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "b.jsonl", "--fail-on", "10%"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("no difference larger than"), "{}", ended.out);
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "slower.jsonl", "--fail-on", "10%"]);
    assert_sentence(&ended, 4, &["slower by more than 10.0 %", PIPE]);
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "slower.jsonl", "--fail-on", "60%"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Changes every line of a record that holds a cell, and writes it under another name.
fn changed(folder: &Path, from: &str, to: &str, change: impl Fn(&mut Value)) {
    let mut lines = common::lines(&folder.join(from));
    lines.iter_mut().for_each(change);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.join(to), text).unwrap();
}

/// All times of a cell's launches, multiplied.
fn times(line: &mut Value, factor: f64) {
    for launch in line["per_launch"].as_array_mut().into_iter().flatten() {
        launch["estimate_ns"] = (launch["estimate_ns"].as_f64().unwrap() * factor).into();
    }
}

fn steps(line: &mut Value, factor: f64) {
    for step in ["unit_syscall_ns", "unit_atomic_rmw_ns", "unit_switch_same_cpu_ns", "null_round_trip_ns"] {
        if line["probes"].is_object() {
            line["probes"][step] = (100.0 * factor).into();
        }
    }
}

#[test]
fn everything_slower_exceeds_the_threshold_whatever_the_number_of_cells() {
    for cells in [1, 2, 3, 4, 5, 40] {
        let folder = tempfile::tempdir().unwrap();
        let run = Run { cells, ..Run::default() };
        run.write(&folder.path().join("a.jsonl")).unwrap();
        for (factor, code) in [(3.0, 4), (1.2, 4), (1.0, 0)] {
            let name = format!("{factor}.jsonl");
            changed(folder.path(), "a.jsonl", &name, |line| times(line, factor));
            let ended = ipcmark(folder.path(), &["compare", "a.jsonl", &name, "--fail-on", "10%"]);
            assert_eq!(ended.code, Some(code), "{cells} cells × {factor}: {ended:?}");
        }
    }
}

#[test]
fn a_machine_that_was_slower_as_a_whole_is_no_verdict_on_the_code_and_no_pass() {
    let folder = records();
    let write = |name: &str, cells: f64, machine: f64| {
        changed(folder.path(), "a.jsonl", name, |line| {
            times(line, cells);
            steps(line, machine);
        });
    };
    write("base.jsonl", 1.0, 1.0);
    write("machine.jsonl", 3.0, 3.0);
    write("code.jsonl", 3.0, 1.0);
    let ended = ipcmark(folder.path(), &["compare", "base.jsonl", "machine.jsonl", "--fail-on", "10%"]);
    assert_sentence(&ended, 7, &["the machine's own steps took × 3.00", "what would resolve it"]);
    assert!(ended.out.contains("the machine was another"), "{}", ended.out);
    let ended = ipcmark(folder.path(), &["compare", "base.jsonl", "code.jsonl", "--fail-on", "10%"]);
    assert_sentence(&ended, 4, &["as a whole is slower by more than 10.0 %: × 3.000"]);
    assert!(ended.out.contains("everything × 3.000") && ended.out.contains("not the machine's"), "{}", ended.out);
}

#[test]
fn what_is_not_resolved_has_a_code_of_its_own_and_says_what_would_resolve_it() {
    let folder = records();
    let wild = Run { cells: 40, noise: 0.2, ..Run::default() };
    for (seed, name) in [(5, "wild.jsonl"), (6, "wilder.jsonl")] {
        Run { seed, ..wild }.write(&folder.path().join(name)).unwrap();
    }
    let ended = ipcmark(folder.path(), &["compare", "wild.jsonl", "wilder.jsonl", "--fail-on", "10%"]);
    assert_sentence(&ended, 7, &["not resolved whether anything is slower by more than 10.0 %", "launches a cell"]);
    for (name, launches) in [("few.jsonl", 3), ("fewer.jsonl", 2)] {
        Run { cells: 40, launches, ..Run::default() }.write(&folder.path().join(name)).unwrap();
    }
    let ended = ipcmark(folder.path(), &["compare", "few.jsonl", "fewer.jsonl", "--fail-on", "10%"]);
    assert_sentence(&ended, 7, &["at least four launches a cell"]);
}

#[test]
fn a_record_that_cannot_be_read_does_not_let_the_threshold_pass() {
    let folder = records();
    std::fs::write(folder.path().join("bad.jsonl"), "no record\n").unwrap();
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "b.jsonl", "bad.jsonl", "--fail-on", "10%"]);
    assert_sentence(&ended, 7, &["left out", "bad.jsonl"]);
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "slower.jsonl", "bad.jsonl", "--fail-on", "10%"]);
    assert_sentence(&ended, 4, &["slower by more than"]);
    assert_eq!(ipcmark(folder.path(), &["compare", "a.jsonl", "b.jsonl", "bad.jsonl"]).code, Some(0));
}

#[test]
fn a_tolerance_below_the_default_is_obeyed_whatever_the_probe_found() {
    let folder = tempfile::tempdir().unwrap();
    Run { cells: 40, noise: 0.002, ..Run::default() }.write(&folder.path().join("a.jsonl")).unwrap();
    changed(folder.path(), "a.jsonl", "b.jsonl", |line| {
        times(line, 1.025);
        if line["probes"].is_object() {
            line["probes"]["aa_noise_share"] = 0.05.into();
        }
    });
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "b.jsonl"]);
    assert!(ended.out.contains("beyond 5.0 %") && ended.out.contains(" 0 slower"), "{}", ended.out);
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "b.jsonl", "--tolerance", "1%", "--fail-on", "1%"]);
    assert_sentence(&ended, 4, &["slower by more than 1.0"]);
    assert!(ended.out.contains("everything × 1.025"), "{}", ended.out);
    // Without it, 2.5 % is beyond the limit and within what two runs may differ by: neither slower nor not.
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "b.jsonl", "--fail-on", "1%"]);
    assert_sentence(&ended, 7, &["--tolerance"]);
}

#[test]
fn a_treatment_has_verdicts_by_level_and_a_level_alone_has_nothing_beside_it() {
    let folder = records();
    changed(folder.path(), "a.jsonl", "new.jsonl", |line| {
        times(line, 1.3);
        if line["machine"].is_object() {
            line["machine"]["kernel_release"]["value"] = "9.9.9".into();
            line["build"]["libc"] = "glibc 9.9".into();
        }
    });
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "new.jsonl", "--fail-on", "10%"]);
    assert_sentence(&ended, 5, &["--treatment"]);
    let treated = ["compare", "a.jsonl", "b.jsonl", "new.jsonl", "--treatment", "kernel", "--fail-on", "10%"];
    let ended = ipcmark(folder.path(), &treated);
    assert_sentence(&ended, 4, &["9.9.9", "slower by more than"]);
    assert!(ended.out.contains("besides kernel there differ: libc (glibc 9.9"), "{}", ended.out);
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "b.jsonl", "--treatment", "kernel"]);
    assert_sentence(&ended, 5, &["in every record"]);
    assert_sentence(
        &ipcmark(folder.path(), &["compare", "a.jsonl", "b.jsonl", "--treatment", "placement"]),
        2,
        &["--by"],
    );
}

#[test]
fn other_machines_are_set_side_by_side_and_no_threshold_applies() {
    let folder = records();
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "other.jsonl"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("of another environment") && !ended.out.contains("slower"), "{}", ended.out);
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "other.jsonl", "--fail-on", "10%"]);
    assert_sentence(&ended, 5, &["of one environment"]);
}

#[test]
fn what_cannot_be_compared_has_a_code_of_its_own() {
    let folder = records();
    assert_sentence(&ipcmark(folder.path(), &["compare", "a.jsonl"]), 5, &["one record"]);
    assert_sentence(&ipcmark(folder.path(), &["compare", "a.jsonl", "--by", "mechansm"]), 2, &["mechanism"]);
    assert_sentence(&ipcmark(folder.path(), &["compare", "none.jsonl"]), 1, &["can be read"]);
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "--by", "mechanism", "--json"]);
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["schema"], "ipcmark-comparison/1");
    assert_eq!(json["columns"][0]["label"], "pipe");
}

#[test]
fn a_number_is_cited_only_when_it_was_graded_or_on_demand() {
    let folder = records();
    assert_sentence(&ipcmark(folder.path(), &["cite", "a.jsonl", PIPE]), 1, &["no grade", "--anyway"]);
    let ended = ipcmark(folder.path(), &["cite", "a.jsonl", PIPE, "--anyway", "--format", "json"]);
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    let record = common::lines(&folder.path().join("a.jsonl"));
    let cell = record.iter().find(|line| line["id"] == PIPE).unwrap();
    assert_eq!((&json["estimate_ns"], &json["interval_ns"]), (&cell["estimate_ns"], &cell["interval_ns"]));
    let misspelt = PIPE.replace("pipe", "pip");
    assert_sentence(&ipcmark(folder.path(), &["cite", "a.jsonl", &misspelt]), 2, &["nearest", PIPE]);
    assert_sentence(&ipcmark(folder.path(), &["cite", "a.jsonl"]), 2, &["id"]);
    let ended = ipcmark(folder.path(), &["cite", "a.jsonl", "slower.jsonl", "--compare", PIPE, PIPE, "--anyway"]);
    assert!(ended.code == Some(0) && ended.out.contains(" times as long as "), "{ended:?}");
}

/// Good records beside these are still compared, and each of these has its sentence, with the line where there is one.
#[test]
fn bad_records_are_told_of_by_file_and_line_and_good_ones_beside_them_compared() {
    let folder = records();
    let good = std::fs::read_to_string(folder.path().join("a.jsonl")).unwrap();
    let (header, cell) = (good.lines().next().unwrap(), good.lines().nth(1).unwrap());
    let bad = folder.path().join("bad");
    std::fs::create_dir(&bad).unwrap();
    let lines = |lines: &[&str]| lines.join("\n") + "\n";
    let with = |from: &str, to: &str| lines(&[header, &cell.replacen(from, to, 1)]);
    let huge = "x".repeat(10 << 20);
    for (name, text) in [
        ("cut.jsonl", good[..good.len() / 2].to_owned()),
        ("schema.jsonl", good.replacen("ipcmark-record/1", "ipcmark-record/9", 1)),
        ("nan.jsonl", with("\"estimate_ns\":", "\"estimate_ns\":NaN,\"x\":")),
        ("negative.jsonl", with("\"estimate_ns\":", "\"estimate_ns\":-")),
        ("string.jsonl", with("\"mechanism\":\"", &format!("\"mechanism\":\"{huge}"))),
        ("escape.jsonl", lines(&[header, &cell.replacen("\"mechanism\":\"", "\"mechanism\":\"<script>\\u001b[2J", 1)])),
        ("twice.jsonl", lines(&[header, cell, cell])),
        ("nonsense.jsonl", "\u{1b}[2J<script>\n".into()),
        ("bomb.jsonl", with("\"histogram\":\"", "\"histogram\":\"HISTFAAAA")),
    ] {
        std::fs::write(bad.join(name), text).unwrap();
    }
    sparse(&bad.join("gigabytes.jsonl"));
    let ended = ipcmark(folder.path(), &["compare", "a.jsonl", "b.jsonl", "bad"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for (file, said) in [
        ("cut.jsonl", "cut off"),
        ("schema.jsonl:1", "ipcmark-record/9"),
        ("nan.jsonl:2", "left out"),
        ("negative.jsonl:2", "estimate_ns"),
        ("string.jsonl:2", "a string of"),
        ("nonsense.jsonl:1", "expected a header"),
        ("gigabytes.jsonl", "more than the 1073741824 bytes"),
    ] {
        let told =
            ended.err.lines().any(|line| line.starts_with("warning: ") && line.contains(file) && line.contains(said));
        assert!(told, "{file}: {}", ended.err);
    }
    assert!(
        !ended.err.contains('\x1b') && !ended.out.contains('\x1b') && ended.err.len() < 10_000,
        "{}",
        ended.err.len()
    );
    assert!(ended.out.contains("  pipe "), "{}", ended.out);
}

/// Longer than any record, and takes no room.
fn sparse(path: &Path) {
    std::fs::File::create(path).unwrap().set_len(3 << 30).unwrap();
}

#[test]
fn the_citation_file_agrees_with_the_manifest() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let citation = std::fs::read_to_string(top.join("CITATION.cff")).unwrap();
    let field = |key: &str| {
        let line = citation.lines().find_map(|line| line.strip_prefix(&format!("{key}: ")));
        line.unwrap_or_else(|| panic!("CITATION.cff has no {key}")).trim_matches('"').to_owned()
    };
    assert_eq!(field("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(field("title"), format!("{}: {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_DESCRIPTION")));
    let licences: Vec<&str> = env!("CARGO_PKG_LICENSE").split(" OR ").collect();
    let listed: Vec<&str> = citation.lines().filter_map(|line| line.strip_prefix("  - ")).collect();
    assert!(licences.iter().all(|licence| listed.contains(licence)), "{licences:?} in {listed:?}");
    assert_eq!((field("cff-version").as_str(), field("type").as_str()), ("1.2.0", "software"));
}
