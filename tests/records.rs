//! `compare` and `cite` through the real program: exit codes, forms, and records that a stranger may have sent.

mod common;

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
