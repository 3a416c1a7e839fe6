//! The command line is a contract: every command through the real program, as scripts rely on it.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

use common::{Ended, assert_sentence, cells, command, ipcmark, lines};
use ipcmark_harness::record::{Outcome, Record};
use serde_json::Value;

/// Four cells that every machine has, by whole ids, since not all are in the quick profile: both workloads of the floor and of one kernel object, on one CPU.
const FEW: [&str; 4] = [
    "round-trip/process/same-cpu/block/null/64B",
    "stream/process/same-cpu/block/null/64B",
    "round-trip/process/same-cpu/block/pipe/64B",
    "stream/process/same-cpu/block/pipe/64B",
];

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs the few cells twice into `record.jsonl`.
fn run_few(folder: &Path) -> Ended {
    ipcmark(folder, &[&["run"], &FEW[..], &["--launches", "2", "--out", "record.jsonl"]].concat())
}

fn done(folder: &Path, args: &[&str]) -> String {
    let ended = ipcmark(folder, args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {object}"))
}

/// How the id of a cell with these parts begins: what must be equal, the mechanism, and the size.
fn beginning_of_id(cell: &Value) -> String {
    let setup = &cell["setup"];
    let size = ipcmark_report::words::size_label(setup["payload_bytes"].as_u64().unwrap() as usize);
    let [peer, placement, waiting] = ["peer", "placement", "waiting"].map(|key| text(setup, key));
    format!("{}/{peer}/{placement}/{waiting}/{}/{size}", text(cell, "workload"), text(cell, "mechanism"))
}

/// What further axes add to it.
fn labels(setup: &Value) -> Vec<String> {
    let number = |key: &str| setup[key].as_u64();
    let time =
        |name: &str, key: &str| number(key).map(|ns| format!("-{name}{}", ipcmark_report::words::time_label(ns)));
    let rate = number("rate_per_s").map(|hz| format!("-{}", ipcmark_report::words::rate_label(hz)));
    let work = match (number("hold_ns"), number("outside_ns")) {
        (Some(0), Some(0)) => vec![Some("-capture".to_owned())],
        _ => vec![time("hold", "hold_ns"), time("out", "outside_ns")],
    };
    work.into_iter().chain([time("after-", "idle_ns"), rate]).flatten().collect()
}

#[test]
fn list_says_of_every_cell_whether_it_can_run_here() {
    let folder = folder();
    let text = done(folder.path(), &["list", "--profile", "full"]);
    assert!(text.lines().count() > 1000, "{text}");
    for line in text.lines() {
        let support = line.split_once("  ").unwrap().1.trim();
        let missing = support.strip_prefix("missing (").and_then(|rest| rest.strip_suffix(')'));
        assert!(support == "available" || missing.is_some_and(|reason| !reason.is_empty()), "{line}");
    }
}

#[test]
fn list_as_json_gives_each_cell_once_under_the_id_that_its_parts_make() {
    let folder = folder();
    let list: Vec<Value> = serde_json::from_str(&done(folder.path(), &["list", "--json"])).unwrap();
    let mut ids = BTreeSet::new();
    for cell in &list {
        let rest = text(cell, "id").strip_prefix(&beginning_of_id(cell)).unwrap_or_else(|| panic!("{cell}"));
        assert!(labels(&cell["setup"]).iter().all(|label| rest.contains(label.as_str())), "{cell}");
        assert!(!text(cell, "family").is_empty() && !text(cell, "support").is_empty(), "{cell}");
        assert!(ids.insert(text(cell, "id")), "{cell} is there twice");
    }
}

#[test]
fn list_without_a_filter_counts_by_families() {
    let folder = folder();
    let text = done(folder.path(), &["list"]);
    assert!(text.lines().count() < 30 && text.lines().all(|line| line.chars().count() <= 80), "{text}");
    // Its first column is what to ask for: as many cells are shown then.
    for (at, profile) in [(3, "quick"), (4, "standard")] {
        let queue = text.lines().find(|line| line.starts_with("queue ")).unwrap();
        let count: usize = queue.split_whitespace().nth(at).unwrap().parse().unwrap();
        assert_eq!(done(folder.path(), &["list", "queue", "--profile", profile]).lines().count(), count, "{text}");
    }
}

/// By the same words: the size is no part of another, the mechanism no part of a longer name, and kinds narrow each other.
#[test]
fn filters_are_names_and_not_letters() {
    let folder = folder();
    let ids = |filters: &[&str]| -> Vec<String> {
        let text = done(folder.path(), &[&["list"], filters].concat());
        text.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    };
    let of = |ids: &[String], place: usize| -> BTreeSet<String> {
        ids.iter().map(|id| id.split('/').nth(place).unwrap().to_owned()).collect()
    };
    let chosen = ids(&["pipe", "tcp", "4KiB", "process", "round-trip"]);
    let mechanisms = BTreeSet::from(["pipe", "tcp"].map(str::to_owned));
    assert_eq!((of(&chosen, 4), of(&chosen, 5)), (mechanisms, BTreeSet::from(["4KiB".to_owned()])));
    assert!(chosen.iter().all(|id| id.starts_with("round-trip/process/")), "{chosen:?}");
    assert!(ids(&["family=pipe", "stream"]).iter().any(|id| id.contains("/interprocess-unnamed-pipe/")));
    assert!(ids(&["mem64KiB", "switch-touch"]).iter().all(|id| id.contains("-mem64KiB-")));
}

#[test]
fn list_takes_filters_and_both_forms_agree() {
    let folder = folder();
    let filter = "round-trip/*/block/pipe/64B";
    let list: Vec<Value> = serde_json::from_str(&done(folder.path(), &["list", filter, "--json"])).unwrap();
    let ids: Vec<&str> = list.iter().map(|cell| text(cell, "id")).collect();
    let lines = done(folder.path(), &["list", filter]);
    let in_text: Vec<&str> = lines.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert!(!ids.is_empty() && ids.iter().all(|id| id.ends_with("/block/pipe/64B")), "{ids:?}");
    assert_eq!(ids, in_text);
}

#[test]
fn list_whose_reader_leaves_ends_as_other_commands_do() {
    let folder = folder();
    let mut list = command(folder.path(), &["list", "--profile", "full"]);
    let mut child = list.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(first.starts_with("round-trip/"), "{first}");
    // All of the list may have been in the pipe already.
    assert!(output.status.success() || output.status.signal() == Some(libc::SIGPIPE), "{output:?}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn verify_checks_the_cells_that_a_filter_means() {
    let folder = folder();
    let filter = "round-trip/process/same-cpu/block/*/64B";
    let text = done(folder.path(), &["verify", filter]);
    assert!(text.lines().all(|line| line.starts_with("ok ") || line.starts_with("skipped ")), "{text}");
    assert!(text.lines().any(|line| line.starts_with("ok ") && line.contains("/pipe/64B")), "{text}");
}

#[test]
fn verify_as_json_tells_what_was_compared() {
    let folder = folder();
    let id = "stream/thread/unpinned/block/pipe/4KiB";
    let list: Vec<Value> = serde_json::from_str(&done(folder.path(), &["verify", id, "--json"])).unwrap();
    let [cell] = list.as_slice() else { panic!("{list:?}") };
    assert_eq!((text(cell, "id"), text(cell, "outcome")), (id, "passed"));
    assert_eq!(cell["bytes"].as_u64().unwrap(), cell["operations"].as_u64().unwrap() * 4096);
}

#[test]
fn run_leaves_a_record_with_the_header_first_and_each_cell_with_every_name() {
    let folder = folder();
    let ended = run_few(folder.path());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = lines(&folder.path().join("record.jsonl"));
    for name in ["schema", "suite", "revision", "command", "seed", "profile", "machine", "conditions"] {
        assert!(record[0].get(name).is_some(), "the header has no {name}");
    }
    let cells = cells(&record);
    assert_eq!(cells.len(), 4);
    cells.iter().for_each(assert_complete);
    assert!(record.last().unwrap()["after"]["utc"].is_string(), "the last line does not say how the machine was then");
}

/// The names that readers of a cell line rely on, and values where the cell was measured.
fn assert_complete(cell: &Value) {
    let names = "id mechanism workload setup outcome reason estimate_ns interval_ns interval_spans launches samples \
        operations quantiles_ns histogram cpu_ns_per_op voluntary_switches_per_op involuntary_switches_per_op bytes_per_s";
    for name in names.split_whitespace() {
        assert!(cell.get(name).is_some(), "no {name} in {cell}");
    }
    assert!(text(cell, "id").starts_with(&beginning_of_id(cell)), "{cell}");
    assert_eq!((text(cell, "outcome"), &cell["launches"]), ("measured", &Value::from(2)));
    let [low, high] = [0, 1].map(|i| cell["interval_ns"][i].as_f64().unwrap());
    let estimate = cell["estimate_ns"].as_f64().unwrap();
    assert!(low <= estimate && estimate <= high, "{cell}");
    assert!(cell["samples"].as_u64() > Some(0) && cell["operations"].as_u64() > Some(0), "{cell}");
    assert!(cell["cpu_ns_per_op"]["near"].is_f64() && cell["cpu_ns_per_op"]["far"].is_f64(), "{cell}");
}

#[test]
fn a_round_trip_through_the_kernel_has_its_tail_and_its_context_switches() {
    let folder = folder();
    assert_eq!(run_few(folder.path()).code, Some(0));
    let (record, warnings) = Record::read(&folder.path().join("record.jsonl")).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let cell = record.cell("round-trip/process/same-cpu/block/pipe/64B").unwrap();
    let quantiles = cell.quantiles_ns.as_ref().unwrap();
    assert!(quantiles.p50 <= quantiles.max && quantiles.max > Some(0), "{quantiles:?}");
    assert!(cell.decode_histogram().unwrap().is_ok());
    // Each of the two parties leaves the CPU once an operation, whichever way the kernel books it.
    let switches = [cell.voluntary_switches_per_op, cell.involuntary_switches_per_op];
    let all: f64 = switches.iter().flatten().map(|parties| parties.near + parties.far).sum();
    assert!(all > 1.0, "{all} switches an operation on one CPU");
    assert!(cell.verification.as_deref().unwrap().starts_with("passed"), "{:?}", cell.verification);
}

#[test]
fn run_prints_its_tables_to_standard_output_and_nothing_else() {
    let folder = folder();
    let ended = run_few(folder.path());
    for part in ["round-trip", "stream", "mechanism", "median", "null", "pipe"] {
        assert!(ended.out.contains(part), "no {part} in {}", ended.out);
    }
    for part in ["cells, about", "left", "record:", "\r", "\u{1b}"] {
        assert!(!ended.out.contains(part), "{part:?} in {}", ended.out);
    }
    assert!(ended.err.contains("4 cells, about") && ended.err.contains("record: record.jsonl"), "{}", ended.err);
    assert!(!ended.err.contains('\u{1b}'), "a progress bar where no terminal is: {}", ended.err);
}

#[test]
fn run_without_a_place_for_the_record_finds_one_under_results() {
    let folder = folder();
    let run = ["run", "round-trip/process/same-cpu/block/null/64B", "--launches", "1"];
    let paths = [(); 2].map(|()| {
        let ended = ipcmark(folder.path(), &run);
        let path = ended.err.lines().find_map(|line| line.strip_prefix("record: ")).unwrap().to_owned();
        assert!(path.starts_with("results/") && path.ends_with(".jsonl"), "{path}");
        assert_eq!(Record::read(&folder.path().join(&path)).unwrap().0.cells.len(), 1);
        path
    });
    assert_ne!(paths[0], paths[1], "the second record would replace the first");
}

#[test]
fn a_dry_run_measures_nothing_and_writes_nothing() {
    let folder = folder();
    let text = done(folder.path(), &["run", FEW[2], FEW[3], "--launches", "3", "--dry-run", "--out", "record.jsonl"]);
    assert!(text.contains("round-trip/process/same-cpu/block/pipe/64B  3 launches"), "{text}");
    assert!(text.contains("stream/process/same-cpu/block/pipe/64B  3 launches"), "{text}");
    assert!(text.contains("2 cells, about"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_whole_id_is_taken_whatever_the_profile() {
    let folder = folder();
    let id = "round-trip/thread/unpinned/block/pipe/256B";
    let ended = ipcmark(folder.path(), &["run", id, "--profile", "quick", "--launches", "1", "--out", "record.jsonl"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (record, _) = Record::read(&folder.path().join("record.jsonl")).unwrap();
    let outcomes: Vec<(&str, Outcome)> = record.cells.iter().map(|cell| (cell.id.as_str(), cell.outcome)).collect();
    assert_eq!(outcomes, [(id, Outcome::Measured)]);
}

#[test]
fn a_filter_that_only_another_profile_fulfils_names_that_profile() {
    let folder = folder();
    let ended = ipcmark(folder.path(), &["run", "round-trip/thread/*/pipe/256B", "--dry-run"]);
    assert_sentence(&ended, 2, &["quick profile", "--profile full"]);
    let ended = ipcmark(folder.path(), &["run", "posix-mq", "1MiB", "--dry-run"]);
    let standard = done(folder.path(), &["list", "posix-mq", "1MiB", "--profile", "standard"]).lines().count();
    assert_sentence(&ended, 2, &[&format!("{standard} cells: add `--profile standard`")]);
    assert_sentence(&ipcmark(folder.path(), &["run", "mutx", "--dry-run"]), 2, &["did you mean `mutex`"]);
}

#[test]
fn run_does_not_replace_a_file() {
    let folder = folder();
    let path = folder.path().join("record.jsonl");
    std::fs::write(&path, "precious").unwrap();
    assert_sentence(&run_few(folder.path()), 1, &["record.jsonl", "not overwritten", "--resume"]);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "precious");
}

#[test]
fn tags_and_the_seed_stand_in_the_header() {
    let folder = folder();
    let args = ["run", FEW[0], "--launches", "1", "--seed", "42", "--tag", "rack=7", "--tag", "fan=off=no"];
    done(folder.path(), &[&args[..], &["--out", "record.jsonl"]].concat());
    let header = &lines(&folder.path().join("record.jsonl"))[0];
    assert_eq!(header["seed"], 42);
    assert_eq!(header["tags"], serde_json::json!({"rack": "7", "fan": "off=no"}));
}

#[test]
fn a_seed_fixes_the_order_of_launches() {
    let folder = folder();
    // By when they began; a launch that other work disturbed is measured again at the end of its round.
    let order = |seed: &str, name: &str| -> Vec<String> {
        let args = ["run", "round-trip/process/same-cpu/block", "--launches", "1", "--seed", seed, "--out", name];
        done(folder.path(), &args);
        let record = lines(&folder.path().join(name));
        let launch = |cell: &Value| Some((cell["per_launch"][0]["at_s"].as_f64()?, text(cell, "id").to_owned()));
        let undisturbed = |cell: &&Value| cell.get("replaced").is_none();
        let mut order: Vec<(f64, String)> = cells(&record).iter().filter(undisturbed).filter_map(launch).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        order.dedup();
        order.into_iter().map(|(_, id)| id).collect()
    };
    let (first, again, other) = (order("7", "first"), order("7", "again"), order("8", "other"));
    let common = |order: &[String]| -> Vec<String> {
        let runs = [&first, &again, &other];
        order.iter().filter(|id| runs.iter().all(|run| run.contains(id))).cloned().collect()
    };
    if common(&first).len() < 4 {
        eprintln!("skipped: other work disturbed most launches, which were measured again later");
        return;
    }
    assert_eq!(common(&first), common(&again));
    assert_ne!(common(&first), common(&other));
}

#[test]
fn show_prints_the_tables_and_the_origin_of_a_record() {
    let folder = folder();
    run_few(folder.path());
    let text = done(folder.path(), &["show", "record.jsonl"]);
    let text = text.replace("\n ", " ");
    for part in [
        "ipcmark ",
        "profile quick",
        "Linux ",
        "round-trip process same-cpu block 64B: pipe",
        "null, which does nothing",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

/// Four launches are the fewest that tell anything apart; where it does or that it does not is said of three hold times.
#[test]
fn show_says_where_a_mutex_overtakes_a_spinlock() {
    let folder = folder();
    let [mutex, spinlock] =
        ["std-mutex", "tas-spinlock"].map(|name| format!("contended/thread/*/own/{name}/64B-2parties-hold*us-out0"));
    let run = ["run", &mutex, &spinlock, "--profile", "standard", "--launches", "4", "--out", "record.jsonl"];
    let shown = done(folder.path(), &run);
    if !shown.contains("std-mutex") {
        return eprintln!("skipped: there is no pair of CPUs here");
    }
    // The paragraph goes on to its full stop.
    let said =
        |text: &str| text.split("\ncrossovers: ").nth(1).and_then(|rest| rest.split(".\n").next()).map(str::to_owned);
    let names_both = |text: &str| text.contains("std-mutex") && text.contains("tas-spinlock");
    assert!(said(&shown).is_some_and(|text| names_both(&text)), "{shown}");
    let again = done(folder.path(), &["show", "record.jsonl"]);
    assert!(said(&again).is_some_and(|text| names_both(&text)), "{again}");
}

#[test]
fn show_as_json_is_the_record() {
    let folder = folder();
    run_few(folder.path());
    let shown: Value = serde_json::from_str(&done(folder.path(), &["show", "record.jsonl", "--json"])).unwrap();
    let record = lines(&folder.path().join("record.jsonl"));
    assert!(shown["header"] == record[0], "the header was changed");
    let by_id = |cells: &[Value]| -> BTreeMap<String, Value> {
        cells.iter().map(|cell| (text(cell, "id").to_owned(), cell.clone())).collect()
    };
    assert!(by_id(shown["cells"].as_array().unwrap()) == by_id(&cells(&record)), "cells were changed");
    assert_eq!(shown["after"], record.last().unwrap()["after"]);
}

#[test]
fn show_needs_no_mechanism_that_the_record_is_about() {
    let folder = folder();
    run_few(folder.path());
    let path = folder.path().join("record.jsonl");
    let renamed = std::fs::read_to_string(&path).unwrap().replace("pipe", "carrier-pigeon");
    std::fs::write(&path, renamed).unwrap();
    let text = done(folder.path(), &["show", "record.jsonl"]);
    assert!(text.contains("carrier-pigeon") && !text.contains("pipe"), "{text}");
}

#[test]
fn every_command_explains_itself() {
    let folder = folder();
    let help = done(folder.path(), &["--help"]);
    let section = help.split("Commands:").nth(1).unwrap();
    let names = section.lines().skip(1).take_while(|line| line.starts_with("  "));
    // Summaries that go on in a further line are indented there.
    let names = names.filter(|line| !line.starts_with("   "));
    let names: Vec<&str> = names.map(|line| line.split_whitespace().next().unwrap()).collect();
    assert!(["list", "verify", "run", "show"].iter().all(|name| names.contains(name)), "{names:?}");
    for name in names.into_iter().filter(|&name| name != "help") {
        let text = done(folder.path(), &[name, "--help"]);
        assert!(text.contains("Usage: ipcmark ") && text.contains("--help"), "{text}");
    }
}

#[test]
fn the_top_level_help_states_exit_codes_and_examples() {
    let folder = folder();
    let help = done(folder.path(), &["--help"]);
    for part in
        ["Exit codes:", "0 done", "2 usage", "3 the doctor refused", "6 verification failed", "130", "143", "Examples:"]
    {
        assert!(help.contains(part), "no {part} in {help}");
    }
    assert!(!help.contains("__worker"), "{help}");
}

#[test]
fn no_command_at_all_is_a_usage_error() {
    let folder = folder();
    let ended = ipcmark(folder.path(), &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("Usage:") && ended.out.is_empty(), "{ended:?}");
}
