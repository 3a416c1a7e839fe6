//! The doctor through the real program: what it says, when it refuses, and what a run makes of that.

mod common;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use common::{assert_sentence, cells, ipcmark, lines, skip};
use serde_json::Value;

const CELL: &str = "round-trip/process/same-cpu/block/pipe/64B";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// As a user calls it: the other tests' way to run is not added.
fn plain(folder: &Path, args: &[&str]) -> common::Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_ipcmark")).args(args).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let (code, signal) = (output.status.code(), output.status.signal());
    common::Ended { code, signal, out: text(output.stdout), err: text(output.stderr) }
}

fn ids(findings: &Value) -> Vec<&str> {
    findings.as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect()
}

#[test]
fn doctor_says_of_each_finding_what_was_seen_and_why_and_ends_with_3_only_when_it_refuses() {
    let folder = folder();
    let ended = ipcmark(folder.path(), &["doctor", "--probe-seconds", "0.02"]);
    for part in ["  seen  ", "  why  ", "jitter", "a-a-noise", "unit syscall", "nothing was changed"] {
        assert!(ended.out.contains(part), "no {part} in {}", ended.out);
    }
    let refuses = ended.out.starts_with("refuse");
    assert_eq!(ended.code, Some(if refuses { 3 } else { 0 }), "{ended:?}");
    assert!(refuses || !cfg!(debug_assertions), "a debug build is not refused: {}", ended.out);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn doctor_as_json_has_a_verdict_findings_and_every_probe_as_a_number_or_a_reason() {
    let folder = folder();
    let ended = ipcmark(folder.path(), &["doctor", "--json", "--probe-seconds", "0.02"]);
    let all: Value = serde_json::from_str(&ended.out).unwrap();
    assert!(["refuse", "flag", "note"].contains(&all["verdict"].as_str().unwrap()), "{all}");
    for finding in all["findings"].as_array().unwrap() {
        assert!(["id", "severity", "seen", "why"].iter().all(|key| finding[key].is_string()), "{finding}");
    }
    let probes = "jitter_p50_ns jitter_p99_ns jitter_p999_ns jitter_max_ns aa_noise_share null_round_trip_ns \
        unit_atomic_rmw_ns unit_syscall_ns unit_cache_line_round_trip_ns unit_switch_same_cpu_ns unit_wake_other_cpu_ns";
    for name in probes.split_whitespace() {
        let probe = &all["probes"][name];
        assert!(probe.is_number() || probe["missing"].is_string(), "{name} is {probe}");
    }
}

#[test]
fn a_debug_build_is_refused_and_nothing_is_written() {
    if !cfg!(debug_assertions) {
        return skip("this is no debug build");
    }
    let folder = folder();
    let run = ["run", CELL, "--launches", "1", "--probe-seconds", "0.01", "--out", "record.jsonl"];
    let ended = plain(folder.path(), &run);
    assert_sentence(&ended, 3, &["the doctor refuses", "debug-build", "--anyway"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_was_measured_anyway_says_so_in_the_record_and_is_graded_d() {
    let folder = folder();
    let ended = ipcmark(folder.path(), &["run", CELL, "--launches", "2", "--out", "record.jsonl"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = lines(&folder.path().join("record.jsonl"));
    assert!(record[0]["probes"]["jitter_max_ns"].is_number(), "{}", record[0]["probes"]);
    let grade = &cells(&record)[0]["grade"];
    if !cfg!(debug_assertions) {
        return skip("this is no debug build: only that it is graded was seen");
    }
    assert!(ids(&record[0]["findings"]).contains(&"debug-build"), "{}", record[0]["findings"]);
    assert_eq!(grade["letter"], "D", "{grade}");
    let reasons = grade["reasons"].as_array().unwrap();
    assert!(
        reasons
            .iter()
            .any(|why| ["the doctor refused", "debug-build"].iter().all(|part| why.as_str().unwrap().contains(part))),
        "{grade}"
    );
    let shown = ipcmark(folder.path(), &["show", "record.jsonl"]);
    for part in ["grade", " D", "the doctor refused", "debug-build"] {
        assert!(shown.out.contains(part), "no {part} in {}", shown.out);
    }
}

#[test]
fn the_record_ends_with_how_the_machine_was_then() {
    let folder = folder();
    ipcmark(folder.path(), &["run", CELL, "--launches", "1", "--out", "record.jsonl"]);
    let record = lines(&folder.path().join("record.jsonl"));
    let after = &record.last().unwrap()["after"];
    let uptime = |conditions: &Value| conditions["uptime_seconds"]["value"].as_f64().unwrap();
    assert!(uptime(&after["conditions"]) > uptime(&record[0]["conditions"]), "{after}");
    assert!(after["changed"].is_array() && !ids(&after["findings"]).is_empty(), "{after}");
}

#[test]
fn the_host_name_is_in_the_record_only_when_asked_for() {
    let folder = folder();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let run = |more: &[&str], name: &str| {
        ipcmark(folder.path(), &[&["run", CELL, "--launches", "1", "--out", name], more].concat());
        lines(&folder.path().join(name))[0].clone()
    };
    assert_eq!(run(&["--host-name"], "named.jsonl")["machine"]["host_name"]["value"], host.trim());
    assert!(run(&[], "unnamed.jsonl")["machine"].get("host_name").is_none());
}

#[test]
fn every_shell_gets_completions_that_know_the_commands() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = ipcmark(folder.path(), &["completions", shell]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for part in ["doctor", "verify", "profile"] {
            assert!(ended.out.contains(part), "no {part} for {shell}");
        }
    }
    assert_eq!(ipcmark(folder.path(), &["completions", "cmd"]).code, Some(2));
}

#[test]
fn completions_know_mechanisms_workloads_families_profiles_and_sizes() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish"] {
        let script = ipcmark(folder.path(), &["completions", shell]).out;
        for word in ["unix-seqpacket", "round-trip", "shared-memory", "same-cache", "standard", "4KiB"] {
            assert!(script.contains(word), "no {word} for {shell}");
        }
    }
    let ask = "source <(\"$0\" completions bash); COMP_WORDS=(ipcmark run tcp pi); COMP_CWORD=3; _ipcmark ipcmark pi tcp; \
               printf '%s\\n' \"${COMPREPLY[@]}\"";
    let Ok(output) = Command::new("bash").args(["-c", ask, env!("CARGO_BIN_EXE_ipcmark")]).output() else {
        return eprintln!("skipped: there is no bash here");
    };
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.lines().any(|word| word == "pipe") && words.lines().all(|word| word.starts_with("pi")), "{words}");
}

#[test]
fn every_command_has_a_man_page() {
    let folder = folder();
    let ended = ipcmark(folder.path(), &["man", "deep/man1"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for name in ["ipcmark", "ipcmark-run", "ipcmark-doctor", "ipcmark-completions"] {
        let path = format!("deep/man1/{name}.1");
        let page = std::fs::read_to_string(folder.path().join(&path)).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && ended.out.contains(&path), "{page}");
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert_sentence(&ipcmark(folder.path(), &["man", "file"]), 1, &["man pages cannot be written to file"]);
}
