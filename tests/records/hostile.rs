//! Records that a stranger made to take memory, or to have numbers that are none printed.

use std::path::Path;
use std::process::Command;

use ipcmark_report::made_up::Run;
use serde_json::{Value, json};

use super::common::{Ended, Live, assert_sentence, ipcmark, lines};

/// More than a record of a few megabytes may take (`harness/src/record/budget.rs`) with what the program takes itself, and far less than
/// the hundreds that such records took: of RLIMIT_DATA, in KiB.
const LIMIT_KIB: usize = 200 << 10;

fn limited(folder: &Path, args: &[&str]) -> Ended {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -d {LIMIT_KIB}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_ipcmark")]);
    command.args(args).current_dir(folder);
    Live::start(command).unwrap().end()
}

/// The header and first cell of a record, as JSON.
fn honest(folder: &Path) -> (Value, Value) {
    let path = folder.join("honest.jsonl");
    Run { cells: 1, ..Run::default() }.write(&path).unwrap();
    let mut lines = lines(&path).into_iter();
    (lines.next().unwrap(), lines.next().unwrap())
}

/// JSON of some four megabytes, which is three hundred in memory.
fn nested() -> String {
    let inner = format!("[{}]", vec!["{\"\":0}"; 1_000].join(","));
    format!("{{\"a\":[{}]}}", vec![inner; 600].join(","))
}

#[test]
fn memory_follows_from_the_length_of_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let (header, cell) = honest(folder.path());
    let raw = |line: &Value, key: &str| {
        let mut line = line.clone();
        line[key] = json!("@");
        line.to_string().replace("\"@\"", &nested())
    };
    let path = folder.path().join("cell.jsonl");
    std::fs::write(path, format!("{header}\n{}\n{cell}\n", raw(&cell, "setup"))).unwrap();
    std::fs::write(folder.path().join("header.jsonl"), format!("{}\n{cell}\n", raw(&header, "machine"))).unwrap();
    let id = cell["id"].as_str().unwrap();
    for args in [
        &["show", "cell.jsonl"][..],
        &["show", "--json", "cell.jsonl"],
        &["report", "cell.jsonl", "--out", "page.html"],
        &["compare", "honest.jsonl", "cell.jsonl"],
        &["cite", "cell.jsonl", id, "--anyway"],
    ] {
        let ended = limited(folder.path(), args);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.err.contains("cell.jsonl:2: this line was left out: with it the record would take"), "{ended:?}");
    }
    assert_sentence(&limited(folder.path(), &["show", "header.jsonl"]), 1, &["header.jsonl:1", "MiB of memory"]);
}

/// Every number of a value, each in turn made another one.
fn numbers<'a>(value: &'a Value, path: String, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Number(_) => found.push((path, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| numbers(item, format!("{path}/{i}"), found))
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, item)| numbers(item, format!("{path}/{name}"), found))
        }
        _ => {}
    }
}

#[test]
fn no_number_of_a_record_makes_one_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let (header, cell) = honest(folder.path());
    for (name, number) in [("largest", "1e20"), ("least", "1e-30"), ("count", "18446744073709551615"), ("none", "0")] {
        let mut changed = vec![header.to_string()];
        let mut found = Vec::new();
        numbers(&cell, String::new(), &mut found);
        for (place, (path, _)) in found.iter().enumerate() {
            let mut cell = cell.clone();
            cell["id"] = json!(format!("round-trip/process/same-cpu/block/pipe{place}/64B"));
            *cell.pointer_mut(path).unwrap() = json!("@");
            changed.push(cell.to_string().replace("\"@\"", number));
        }
        let file = format!("{name}.jsonl");
        std::fs::write(folder.path().join(&file), changed.join("\n") + "\n").unwrap();
        for args in [
            &["show", file.as_str(), "--wide"][..],
            &["show", "--json", &file],
            &["report", &file, "--out", "page.html"],
            &["compare", "honest.jsonl", &file, &file],
        ] {
            let ended = ipcmark(folder.path(), args);
            assert!(matches!(ended.code, Some(0 | 5)) && !ended.err.contains("panicked"), "{number}: {ended:?}");
            let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap_or_default();
            for word in [ended.out.as_str(), &page].iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric())) {
                assert!(!["inf", "NaN", "nan", "Infinity"].contains(&word), "{number}: {args:?}: {word}");
            }
        }
    }
}
