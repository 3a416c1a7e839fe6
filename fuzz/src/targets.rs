//! What is fuzzed: each reader of strangers' bytes, and all that is done with what it lets through. Anything but a panic, a hang
//! or memory without bound is right.
//!
//! Driven by cargo-fuzz (`cargo +nightly fuzz run record`), and for some seconds by `report/tests/fuzzed.rs` in CI.

#![allow(dead_code)] // each program uses one of them

use std::path::Path;

use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::record::{Cell, Record};
use ipcmark_report::cite::{Form, cite, pair};
use ipcmark_report::compare::{Gate, Options, Style, compare};
use ipcmark_report::load::{Origin, Source};
use ipcmark_report::ranking::ranked;
use ipcmark_report::remarks::remarks;
use ipcmark_report::{criterion, crossover};

/// A record: read, ranked, compared with itself and by keys, cited in every form.
pub(crate) fn record(bytes: &[u8]) {
    let Ok((record, warnings)) = Record::from_reader(Path::new("fuzzed.jsonl"), bytes) else { return };
    assert!(warnings.iter().all(|warning| !warning.to_string().contains('\x1b')), "an escape reached a warning");
    for cell in &record.cells {
        if let Some(Ok(histogram)) = cell.decode_histogram() {
            let _ = histogram.quantiles();
        }
    }
    let source = Source { path: "fuzzed.jsonl".into(), digest: "0".repeat(64), origin: Origin::Record, record };
    for by in ["record", "mechanism", "waiting", "kernel", "payload_bytes"] {
        let options = Options { by: by.into(), ..Options::default() };
        if let Ok(comparison) = compare(&[&source, &source], &options) {
            for style in [Style::Plain, Style::Markdown] {
                assert!(!comparison.text(style, 80).contains('\x1b'), "an escape reached a table");
            }
            if let Gate::Exceeded(why) | Gate::Unresolved(why) = comparison.gate(0.1) {
                assert!(!why.contains('\x1b'), "an escape reached a reason");
            }
        }
    }
    let treatment = Options { treatment: Some("kernel".into()), ..Options::default() };
    let _ = compare(&[&source, &source], &treatment);
    let header = &source.record.header;
    let _ = crossover::of_locks(header, &source.record.cells);
    let cells: Vec<&Cell> = source.record.cells.iter().collect();
    for row in ranked(&source.record, &cells, None) {
        let _ = (row.ratio.map(|ratio| ratio.said()), remarks(row.cell));
    }
    for cell in source.record.cells.iter().take(4) {
        if let Ok(citation) = cite(&source, &cell.id, true) {
            assert!(!citation.sentence.contains('\x1b'), "an escape reached a citation");
            for form in [Form::Markdown, Form::Bibtex, Form::Json] {
                let _ = citation.form(form);
            }
        }
        let _ = pair((&source, &cell.id), (&source, &cell.id), true);
    }
}

/// The text of a histogram; one that is read says the same of itself after writing it again.
pub(crate) fn histogram(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(histogram) = Histogram::from_base64(text.trim()) {
        let again = Histogram::from_base64(&histogram.to_base64()).expect("what is written can be read");
        assert_eq!(histogram.quantiles(), again.quantiles());
        assert_eq!(histogram.len(), again.len());
    }
}

/// Criterion's three files, a zero byte between each.
pub(crate) fn criterion(bytes: &[u8]) {
    let texts: Vec<String> =
        bytes.splitn(3, |byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into()).collect();
    let text = |place: usize| texts.get(place).map(String::as_str).filter(|text| !text.is_empty());
    match criterion::from_texts(text(0).unwrap_or_default(), text(1), text(2)) {
        Ok(cell) => {
            let estimate = cell.estimate_ns.expect("a benchmark that is read has an estimate");
            assert!(estimate.is_finite() && estimate >= 0.0, "{estimate}");
            assert!(cell.interval_ns.is_none_or(|[low, high]| low <= high), "{:?}", cell.interval_ns);
        }
        Err(reason) => assert!(!reason.contains('\x1b'), "an escape reached a reason"),
    }
}
