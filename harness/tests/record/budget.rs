//! What records may take in memory, and which numbers they may hold.

use std::path::Path;

use ipcmark_harness::record::{MEMORY_BASE, Record, schema};
use serde_json::{Value, json};

use super::{as_line, changed, header, lines, measured, read_text};

/// A megabyte and more of JSON that takes many times its length once it is parsed into free form.
fn nested() -> String {
    let inner = format!("[{}]", vec!["{\"\":{\"\":0}}"; 1_000].join(","));
    let count = usize::try_from(MEMORY_BASE).unwrap() / 600_000;
    format!("{{\"a\":[{}]}}", vec![inner; count].join(","))
}

/// A cell with raw JSON under a key.
fn with(id: &str, key: &str, json: &str) -> String {
    changed(id, key, json!("@")).replace(&format!("\"{key}\":\"@\""), &format!("\"{key}\":{json}"))
}

#[test]
fn what_would_take_many_times_its_length_is_left_out_and_the_rest_is_read() {
    let hostile = nested();
    for key in ["setup", "conditions"] {
        let text = lines(&header(), &[with("a", key, &hostile), as_line(&measured("b"))]);
        let (record, warnings) = read_text(&text);
        assert_eq!(record.cells.len(), 1, "{key}");
        assert!(warnings[0].contains("MiB of memory; by its length up to here it may take"), "{key}: {}", warnings[0]);
    }
    let line = serde_json::to_string(&header()).unwrap();
    let hostile = format!("{},\"machine\":{hostile}}}\n", line.split_once(",\"machine\"").unwrap().0);
    let error = Record::from_reader(Path::new("r.jsonl"), hostile.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("the header is invalid: with it the record would take"), "{error}");
}

#[test]
fn many_lines_take_no_more_than_one_and_replaced_ones_nothing() {
    let empty: Vec<String> = (0..90_000)
        .map(|n| format!("{{\"id\":\"{n:x}\",\"mechanism\":\"\",\"workload\":\"\",\"outcome\":\"failed\"}}"))
        .collect();
    let (record, warnings) = read_text(&lines(&header(), &empty));
    assert!(record.cells.len() < 90_000 && warnings[0].contains("MiB of memory"), "{}", record.cells.len());
    let same = vec![as_line(&measured("a")); 5_000];
    let (record, warnings) = read_text(&lines(&header(), &same));
    assert_eq!((record.cells.len(), warnings.len()), (1, 0));
}

#[test]
fn a_list_of_more_entries_than_any_record_has_is_named() {
    let list = |entry: &str| format!("[{}]", vec![entry; 10_001].join(","));
    for (key, json) in [
        ("notes", list("\"\"")),
        ("modes_ns", list("1")),
        ("setup", format!("{{\"a\":{}}}", list("0"))),
        ("facts", format!("{{{}}}", (0..10_001).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(","))),
    ] {
        let (record, warnings) = read_text(&lines(&header(), &[with("a", key, &json)]));
        assert_eq!(record.cells.len(), 0, "{key}");
        assert!(warnings[0].contains("more than 10000 entries"), "{key}: {}", warnings[0]);
    }
}

/// Names of objects whose members the schema leaves open, which are parsed into trees.
fn free_form(schema: &Value, found: &mut Vec<String>) {
    let Some(members) = schema.as_object() else { return };
    for (name, property) in members.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if property.get("additionalProperties").is_some_and(|open| *open != json!(false)) || *property == json!(true) {
            found.push(name.clone());
        }
    }
    members.values().for_each(|member| free_form(member, found));
    members.values().filter_map(Value::as_array).flatten().for_each(|member| free_form(member, found));
}

#[test]
fn what_is_weighed_as_free_form_is_what_the_schema_leaves_open() {
    let mut found = Vec::new();
    free_form(&serde_json::to_value(schema()).unwrap(), &mut found);
    found.sort();
    found.dedup();
    assert_eq!(found, ["build", "clock", "conditions", "facts", "machine", "probes", "setup", "tags"]);
}

#[test]
fn a_number_that_cannot_be_calculated_with_is_named_wherever_it_stands() {
    for number in ["1e308", "-1e308", "1e21", "1e-31", "5e-324"] {
        for (key, json) in [
            ("estimate_ns", number.to_owned()),
            ("modes_ns", format!("[{number}]")),
            ("setup", format!("{{\"payload_bytes\":{number}}}")),
            ("facts", format!("{{\"net_ns\":{number}}}")),
            ("conditions", format!("{{\"a\":[{{\"b\":{number}}}]}}")),
        ] {
            let (record, warnings) = read_text(&lines(&header(), &[with("a", key, &json)]));
            assert_eq!(record.cells.len(), 0, "{key} {number}");
            assert!(warnings[0].contains("allowed are 0 and 1e-30 to 1e20"), "{key} {number}: {}", warnings[0]);
        }
    }
    for number in ["0.0", "1e20", "-1e-30", "18446744073709551615"] {
        let (record, warnings) =
            read_text(&lines(&header(), &[with("a", "facts", &format!("{{\"net_ns\":{number}}}"))]));
        assert_eq!(record.cells.len(), 1, "{number}: {warnings:?}");
    }
}
