//! `ipcmark report`: one page from records, and nothing harmed.

mod common;

use common::ipcmark;

const CELL: &str = "round-trip/process/same-cpu/block/pipe/64B";

#[test]
fn report_writes_one_page_and_names_what_it_leaves_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let run = ipcmark(path, &["run", CELL, "--launches", "1", "--out", "record.jsonl"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    std::fs::write(path.join("bad.jsonl"), "no record\n").unwrap();
    let drawn = ipcmark(path, &["report", "record.jsonl", "bad.jsonl", "--out", "page.html"]);
    assert_eq!((drawn.code, drawn.out.trim()), (Some(0), "page.html"), "{drawn:?}");
    assert!(drawn.err.contains("bad.jsonl"), "{drawn:?}");
    let page = std::fs::read_to_string(path.join("page.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains(CELL));
}

#[test]
fn report_replaces_no_record_and_draws_nothing_from_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("bad.jsonl"), "no record\n").unwrap();
    let drawn = ipcmark(path, &["report", "bad.jsonl", "--out", "page.html"]);
    assert_eq!(drawn.code, Some(1), "{drawn:?}");
    assert!(!path.join("page.html").exists());
    let run = ipcmark(path, &["run", CELL, "--launches", "1", "--out", "record.jsonl"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let before = std::fs::read(path.join("record.jsonl")).unwrap();
    let drawn = ipcmark(path, &["report", "record.jsonl", "--out", "./record.jsonl"]);
    assert_eq!(drawn.code, Some(1), "{drawn:?}");
    assert_eq!(std::fs::read(path.join("record.jsonl")).unwrap(), before);
}
