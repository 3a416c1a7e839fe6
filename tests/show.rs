//! `show` and `cite` of ratios through the real program, on records that are made up: ranks, references, named columns.

mod common;

use std::path::Path;

use common::{Ended, assert_sentence, ipcmark};
use ipcmark_report::made_up::Run;
use serde_json::Value;

const PIPE: &str = "round-trip/process/same-cpu/block/pipe/64B";
const FIFO: &str = "round-trip/process/same-cpu/block/fifo/64B";
const TCP: &str = "round-trip/process/same-cpu/block/tcp/64B";

/// A record with transports and locks, and a second one of the same machine.
fn records() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let base = Run { cells: 304, ..Run::default() };
    base.write(&folder.path().join("a.jsonl")).unwrap();
    Run { seed: 1, pipe_times: 1.2, ..base }.write(&folder.path().join("b.jsonl")).unwrap();
    folder
}

fn done(folder: &Path, args: &[&str]) -> String {
    let ended: Ended = ipcmark(folder, args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out
}

/// The head of a workload's table.
fn head(text: &str, workload: &str) -> String {
    let mut lines = text.lines().skip_while(|line| *line != workload);
    lines.nth(1).unwrap_or_else(|| panic!("no {workload} in {text}")).to_owned()
}

#[test]
fn columns_are_named_for_what_they_are_of() {
    let folder = records();
    let text = done(folder.path(), &["show", "a.jsonl"]);
    let lock = head(&text, "contended");
    assert!(lock.contains(" per acquisition ") && !lock.contains("median"), "{lock}");
    let trip = head(&text, "round-trip");
    assert!(trip.contains(" median ") && trip.contains(" p99 ") && trip.contains(" CPU/op "), "{trip}");
    assert!(!trip.contains("ops/s") && !trip.contains("max"), "{trip}");
    assert!(head(&text, "wake").contains("waiter's CPU/op"), "{text}");
    let wide = head(&done(folder.path(), &["show", "a.jsonl", "--wide"]), "contended");
    assert!(wide.contains("wait p99") && wide.contains("wait max") && wide.contains("ops/s"), "{wide}");
}

#[test]
fn ratios_are_to_the_fastest_or_to_the_mechanism_that_is_named() {
    let folder = records();
    let references = |args: &[&str]| -> Vec<String> {
        let json: Value = serde_json::from_str(&done(folder.path(), args)).unwrap();
        let rankings = json["rankings"].as_array().unwrap().clone();
        let group = rankings.iter().find(|group| group["cells"].as_array().unwrap().iter().any(|c| c["id"] == PIPE));
        let cells = group.unwrap()["cells"].as_array().unwrap().clone();
        cells.iter().filter(|cell| cell["reference"] == true).map(|c| c["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(references(&["show", "a.jsonl", "--json"]), [PIPE.replace("pipe", "shm-ring")]);
    assert_eq!(references(&["show", "a.jsonl", "--json", "--reference", "tcp"]), [TCP]);
    let ended = ipcmark(folder.path(), &["show", "a.jsonl", "--reference", "pip"]);
    assert_sentence(&ended, 2, &["no measured mechanism `pip`", "nearest: pipe"]);
}

#[test]
fn a_ratio_in_a_table_has_its_interval_and_grade_and_equal_ones_share_a_rank() {
    let folder = records();
    let json: Value = serde_json::from_str(&done(folder.path(), &["show", "a.jsonl", "--json"])).unwrap();
    let (mut shared, mut behind) = (0, 0);
    for group in json["rankings"].as_array().unwrap() {
        let cells = group["cells"].as_array().unwrap();
        for cell in cells.iter().filter(|cell| cell["reference"] == false) {
            let ratio = &cell["ratio"];
            let end = |place: usize| ratio["interval"][place].as_f64().unwrap();
            let apart = end(0) > 1.0 || end(1) < 1.0;
            // The reference is the fastest, which leads the first rank. Another rank takes more than an interval without 1: among many
            // equal mechanisms some have one by chance.
            assert!(cell["rank"] == 1 || apart, "{cell}");
            behind += usize::from(cell["rank"] != 1);
            assert_eq!((&ratio["pairs"], ratio["grade"]["letter"].is_string()), (&Value::from(10), true), "{cell}");
            shared += usize::from(cell["shared"] == true);
        }
    }
    assert!(shared > 10 && behind > 10, "{shared} {behind}");
    let text = done(folder.path(), &["show", "a.jsonl"]);
    assert!(text.contains(" 1 = ") && text.contains(" reference "), "{text}");
}

#[test]
fn a_ratio_is_cited_by_its_own_grade_and_one_of_two_records_as_compare_has_it() {
    let folder = records();
    // Neither number was graded; the ratio is a function of the record.
    let said = done(folder.path(), &["cite", "a.jsonl", "--compare", FIFO, TCP]);
    assert!(
        said.contains("across 10 pairs of launches of one round") && said.contains("grade of the ratio "),
        "{said}"
    );
    let cite = ["cite", "a.jsonl", "b.jsonl", "--compare", PIPE, PIPE, "--anyway", "--format", "json"];
    let cited: Value = serde_json::from_str(&done(folder.path(), &cite)).unwrap();
    let compared: Value =
        serde_json::from_str(&done(folder.path(), &["compare", "a.jsonl", "b.jsonl", "--json"])).unwrap();
    let rows = compared["rows"].as_array().unwrap();
    let entry = rows.iter().map(|row| &row["values"][1]).find(|entry| entry["id"] == PIPE).unwrap();
    assert_eq!(cited["ratio"], entry["ratio"]["value"]);
    assert_eq!(cited["ratio_interval"], entry["ratio"]["interval"]);
}
