//! Every number on the page equals the record's: the page is walked, and each element with a number is held against the file as JSON,
//! without the code that drew it.

use std::collections::BTreeMap;

use ipcmark_harness::histogram::Histogram;
use serde_json::Value;

use crate::fixture::{self, Fixture};

/// What an element says: address, unrounded value, text.
struct Shown<'a> {
    address: &'a str,
    value: f64,
    text: &'a str,
}

/// All elements with a number. The page is ours, so its form is known: `data-v` follows `data-n` or the anchor, and what is written
/// comes next.
fn shown(page: &str) -> Vec<Shown<'_>> {
    let elements: Vec<&str> = page.split("\" data-v=\"").collect();
    let pairs = elements.windows(2).map(|pair| {
        let named = pair[0].rsplit_once('"').unwrap();
        let address = if named.0.ends_with("id=") { named.1.strip_prefix('n').unwrap() } else { named.1 };
        let (value, rest) = pair[1].split_once('"').unwrap();
        let text = rest.split_once('>').unwrap().1;
        let text = text.strip_prefix("<title>").map_or(text, |title| title.split_once(": ").unwrap().1);
        Shown { address, value: value.parse().unwrap(), text: text.split('<').next().unwrap() }
    });
    pairs.collect()
}

/// The records as they stand in the files.
fn raw(fixture: &Fixture) -> Vec<BTreeMap<String, Value>> {
    let cells = |path: &std::path::Path| {
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|cell| (cell["id"].as_str().unwrap().to_owned(), cell)).collect()
    };
    fixture.loaded.sources.iter().map(|source| cells(&source.path)).collect()
}

/// The ids, from the page's own data.
fn ids(page: &str) -> Vec<String> {
    let data =
        page.split("<script id=\"data\" type=\"application/json\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    data["cells"].as_array().unwrap().iter().map(|cell| cell[0].as_str().unwrap().to_owned()).collect()
}

fn recorded(records: &[BTreeMap<String, Value>], machine: usize, id: &str, key: &str) -> f64 {
    let cell = &records[machine][id];
    let at = |pointer: &str| {
        cell.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{id} has no {pointer}"))
    };
    let both = |name: &str| at(&format!("/{name}/near")) + at(&format!("/{name}/far"));
    match key {
        "est" => at("/estimate_ns"),
        "low" => at("/interval_ns/0"),
        "high" => at("/interval_ns/1"),
        "p50" | "p90" | "p99" | "p999" | "max" => at(&format!("/quantiles_ns/{key}")),
        // Of a party that polls until the other is to be woken, or to be sent to, nothing counts.
        "cpu" => match cell["workload"].as_str().unwrap() {
            "wake" | "hand-off" => at("/cpu_ns_per_op/near"),
            "paced" => at("/cpu_ns_per_op/far"),
            _ => both("cpu_ns_per_op"),
        },
        "sw" => both("voluntary_switches_per_op") + both("involuntary_switches_per_op"),
        "bps" => at("/bytes_per_s"),
        "ops" => at("/operations_per_s"),
        "jain" => at("/fairness"),
        "ratio" => {
            let first = records.iter().find_map(|record| record.get(id)?["estimate_ns"].as_f64()).unwrap();
            at("/estimate_ns") / first
        }
        _ => match key.split_once('.') {
            Some(("fact", name)) => cell["facts"][name].as_f64().unwrap(),
            Some(("share", place)) => at(&format!("/shares/{place}")),
            Some(("q", share)) => {
                let histogram = Histogram::from_base64(cell["histogram"].as_str().unwrap()).unwrap();
                histogram.quantile(share.parse().unwrap()) as f64
            }
            _ => panic!("nobody knows the key {key}"),
        },
    }
}

/// The number in a text, in the base unit: `5.43 µs` is 5430.
fn spoken(text: &str) -> f64 {
    let digits: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let unit = match text[digits.len()..].trim() {
        "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "kB/s" | "k/s" => 1e3,
        "MB/s" | "M/s" => 1e6,
        "GB/s" | "G/s" => 1e9,
        "TB/s" | "T/s" => 1e12,
        "" | "ns" | "×" | "B/s" | "/s" => 1.0,
        other => panic!("nobody knows the unit {other:?} of {text:?}"),
    };
    digits.parse::<f64>().unwrap() * unit
}

#[test]
fn every_number_is_the_records() {
    let fixture = fixture::of(2);
    let page = &fixture.page;
    let (records, ids) = (raw(fixture), ids(page));
    let all = shown(page);
    assert!(all.len() > 5_000, "{} numbers", all.len());
    for Shown { address, value, text } in &all {
        let mut parts = address.splitn(3, '.');
        let mut place = || parts.next().unwrap().parse::<usize>().unwrap();
        let (machine, id) = (place(), &ids[place()]);
        let wanted = recorded(&records, machine, id, parts.next().unwrap());
        assert_eq!(*value, wanted, "{address} is {id}");
        // Three digits: half of the last one, at most 0.5 %; below one, two digits behind the point.
        let said = spoken(text);
        assert!((said - wanted).abs() <= (wanted * 0.00501).max(0.00501), "{address} says {text} for {wanted}");
    }
}

#[test]
fn every_measured_number_has_one_anchor() {
    let fixture = fixture::of(2);
    let page = &fixture.page;
    let (records, ids) = (raw(fixture), ids(page));
    let mut anchors = BTreeMap::new();
    for id in page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        *anchors.entry(id).or_insert(0) += 1;
    }
    let twice: Vec<_> = anchors.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    for (machine, record) in records.iter().enumerate() {
        for (cell, id) in ids.iter().enumerate().filter(|(_, id)| record.contains_key(*id)) {
            for key in ["est", "low", "high"] {
                assert!(
                    anchors.contains_key(format!("n{machine}.{cell}.{key}").as_str()),
                    "{key} of {id} has no anchor"
                );
            }
        }
    }
}

#[test]
fn every_chart_is_drawn_from_full_records_and_missing_ones_are_told_of() {
    assert!(!fixture::of(2).page.contains("Not on this page"), "a chart is missing");
    assert!(fixture::of(1).page.contains("needs at least two records"));
}

#[test]
fn a_page_without_any_record_says_so() {
    let page = ipcmark_report::page::render(&ipcmark_report::load::Loaded::default());
    assert!(page.contains("0 measured cells"));
}
