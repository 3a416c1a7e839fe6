//! Records from outside: cut off, edited, or not records at all.

use std::io::{self, Read};
use std::path::Path;

use ipcmark_harness::record::{Header, MAX_LINE_BYTES, MAX_STRING_BYTES, ReadError, Record};
use proptest::prelude::*;
use serde_json::json;

use super::{as_line, changed, header, lines, measured, read_text};

fn refusal(bytes: &[u8]) -> String {
    let error = Record::from_reader(Path::new("r.jsonl"), bytes).unwrap_err();
    error.to_string()
}

#[test]
fn a_bad_line_in_the_middle_is_left_out_with_file_line_and_reason() {
    let middle = [as_line(&measured("a")), "{\"id\": \x1b[31m".to_owned(), as_line(&measured("b"))];
    let (record, warnings) = read_text(&lines(&header(), &middle));
    assert_eq!(record.cells.len(), 2);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("r.jsonl:3: "), "{}", warnings[0]);
    assert!(!warnings[0].contains('\x1b'));
}

#[test]
fn impossible_values_are_left_out_and_named() {
    for (key, value, reason) in [
        ("estimate_ns", json!(-1.0), "estimate_ns is -1"),
        ("interval_ns", json!([2.0, 1.0]), "low comes first"),
        ("outcome", json!("splendid"), "unknown variant"),
        ("id", json!(""), "id is empty"),
        ("faults_per_op", json!({"near": 0.0, "far": -0.5}), "faults_per_op"),
        ("notes", json!(["x".repeat(MAX_STRING_BYTES + 1)]), "65537 bytes"),
        ("histogram", json!("x".repeat(600_000)), "600000 bytes"),
        ("samples", json!(-1), "invalid value"),
    ] {
        let (record, warnings) = read_text(&lines(&header(), &[changed("a", key, value)]));
        assert_eq!(record.cells.len(), 0, "{key}");
        assert!(warnings[0].contains(reason), "{key}: {}", warnings[0]);
    }
    let infinite = as_line(&measured("a")).replace("\"estimate_ns\":400.0", "\"estimate_ns\":1e999");
    let (record, warnings) = read_text(&lines(&header(), &[infinite]));
    assert_eq!(record.cells.len(), 0);
    assert!(warnings[0].contains("out of range"), "{}", warnings[0]);
}

#[test]
fn an_overlong_line_is_skipped_and_the_next_one_kept() {
    let long = "x".repeat(MAX_LINE_BYTES + 5);
    let (record, warnings) = read_text(&lines(&header(), &[long, as_line(&measured("a"))]));
    assert_eq!(record.cells.len(), 1);
    assert!(warnings[0].contains("r.jsonl:2: a line of more than"));
}

#[test]
fn a_flood_of_bad_lines_is_counted_not_kept() {
    let flood = vec!["x".to_owned(); 5_000];
    let (_, warnings) = read_text(&lines(&header(), &flood));
    assert_eq!(warnings.len(), 1_001);
    assert!(warnings[1_000].contains("4000 further lines"));
}

#[test]
fn a_source_without_end_is_refused() {
    let first = format!("{}\n", serde_json::to_string(&header()).unwrap());
    let endless = first.as_bytes().chain(io::repeat(b' '));
    let error = Record::from_reader(Path::new("z"), endless).unwrap_err();
    assert!(matches!(error, ReadError::TooLarge(_)), "{error}");
}

#[test]
fn another_schema_is_refused_with_both_names() {
    let other = Header { schema: "ipcmark-record/9".to_owned(), ..header() };
    let error = refusal(lines(&other, &[]).as_bytes());
    let expected = "r.jsonl:1: the record has schema \"ipcmark-record/9\"; this version reads \"ipcmark-record/1\"";
    assert_eq!(error, expected);
}

#[test]
fn what_is_no_record_is_refused_with_what_was_found() {
    let expected = "r.jsonl:1: expected a header with \"schema\": \"ipcmark-record/1\", found ";
    for (bytes, found) in [
        (&b""[..], "an empty file"),
        (b"\n\n", "an empty line"),
        (b"hello\x1b[2J\n", "hello\u{fffd}[2J"),
        (b"{\"id\": 1}\n", "JSON without a schema"),
        (b"\xff\xfe", "\u{fffd}\u{fffd}"),
    ] {
        assert_eq!(refusal(bytes), format!("{expected}{found}"));
    }
    let error = refusal(b"{\"schema\": \"ipcmark-record/1\"}\n");
    assert!(error.contains("the header is invalid: missing field `suite`"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = Record::from_reader(Path::new("r"), bytes.as_slice());
        let mut whole = lines(&header(), &[as_line(&measured("a"))]).into_bytes();
        whole.extend(bytes);
        let (record, _) = Record::from_reader(Path::new("r"), whole.as_slice()).unwrap();
        prop_assert_eq!(&record.cells[0], &measured("a"));
    }

    #[test]
    fn a_record_with_bytes_changed_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in any::<prop::sample::Index>(),
    ) {
        let mut whole = lines(&header(), &[as_line(&measured("a"))]).into_bytes();
        for (place, byte) in changes {
            let place = place.index(whole.len());
            whole[place] = byte;
        }
        whole.truncate(length.index(whole.len()) + 1);
        if let Ok((record, _)) = Record::from_reader(Path::new("r"), whole.as_slice()) {
            for cell in &record.cells {
                let _ = cell.decode_histogram();
            }
        }
    }
}
