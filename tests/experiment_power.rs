//! What `ipcmark experiment` finds and calls falsely, on real runs of this build against itself and against itself slowed down by a
//! known share (IPCMARK_TEST_SLOWDOWN). Some minutes each, on a machine without other work:
//!
//! ```text
//! cargo test --release --features test-mechanisms --test experiment_power -- --ignored --nocapture --test-threads 1
//! ```
//!
//! `IPCMARK_REPEATS` says how often each is run. `cargo run --release -p ipcmark-harness --example paired_power` asks the same of
//! recorded episodes, many times.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Ten, of every kind: system calls, coroutines, switches, channels on one CPU and on two, memory, a lock that is fought for.
const ALL: [&str; 10] = [
    "call/thread/same-cpu/own/getppid/0B",
    "resume/thread/same-cpu/own/own-switch/0B",
    "uncontended/thread/same-cpu/own/std-mutex/0B-2parties",
    "chase/thread/same-cpu/own/pages-4k/0B-mem64MiB-stride4KiB",
    "switch/thread/same-cpu/block/futex-ring/0B-2parties",
    "round-trip/process/same-cpu/block/pipe/64B",
    "round-trip/process/same-cache/block/pipe/64B",
    "round-trip/process/same-cache/spin/shm-ring/64B",
    "wake/process/same-cache/block/futex/0B-after-100us",
    "contended/thread/same-cache/own/pthread-mutex/64B-2parties-hold100ns-out0",
];
/// Of one party, as what is timed goes.
const ONE_PARTY: [&str; 6] = [
    "call/thread/same-cpu/own/getppid/0B",
    "call/thread/same-cpu/own/vdso-clock/0B",
    "resume/thread/same-cpu/own/own-switch/0B",
    "uncontended/thread/same-cpu/own/std-mutex/0B-2parties",
    "uncontended/thread/same-cpu/own/tas-spinlock/0B-2parties",
    "chase/thread/same-cpu/own/pages-4k/0B-mem64MiB-stride4KiB",
];
const TWO_PARTIES: [&str; 4] = [
    "switch/thread/same-cpu/block/futex-ring/0B-2parties",
    "round-trip/process/same-cpu/block/pipe/64B",
    "round-trip/process/same-cpu/block/unix-stream/64B",
    "round-trip/process/same-cpu/block/futex/0B",
];

/// An experiment that is repeated.
struct Design {
    cells: &'static [&'static str],
    /// Each cell in an experiment of its own, so that none has another's time.
    alone: bool,
    slow_downs: &'static [f64],
    resolve: &'static str,
    budget_s: &'static str,
}

/// How often each verdict fell.
#[derive(Default)]
struct Verdicts(BTreeMap<String, usize>);

impl Verdicts {
    fn share(&self, verdict: &str) -> f64 {
        *self.0.get(verdict).unwrap_or(&0) as f64 / self.0.values().sum::<usize>().max(1) as f64
    }
}

fn repeats(usual: usize) -> usize {
    std::env::var("IPCMARK_REPEATS").ok().and_then(|repeats| repeats.parse().ok()).unwrap_or(usual)
}

fn verdicts(cells: &[&str], design: &Design, slow_down: f64) -> Vec<(String, String, f64)> {
    let program = env!("CARGO_BIN_EXE_ipcmark");
    let slowed = format!("env IPCMARK_TEST_SLOWDOWN={slow_down} {program}");
    let mut experiment = Command::new(program);
    experiment.arg("experiment").args(cells).args(["--json", "--resolve", design.resolve]);
    experiment.args([
        "--budget",
        design.budget_s,
        "--a",
        &format!("env IPCMARK_TEST_SLOWDOWN=1 {program}"),
        "--b",
        &slowed,
    ]);
    let output = experiment.output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of_cell = |cell: &Value| (text(&cell["id"]), text(&cell["verdict"]), cell["spent_s"].as_f64().unwrap_or(0.0));
    json["cells"].as_array().into_iter().flatten().map(of_cell).collect()
}

/// Prints verdicts by cell and returns those of all, by slow-down.
fn run(title: &str, design: &Design, repeats: usize) -> Vec<Verdicts> {
    println!("{title}: --resolve {} --budget {}, {repeats} times", design.resolve, design.budget_s);
    design.slow_downs.iter().map(|&slow_down| run_slowed(design, slow_down, repeats)).collect()
}

fn run_slowed(design: &Design, slow_down: f64, repeats: usize) -> Verdicts {
    let mut all = Verdicts::default();
    let mut by_cell: BTreeMap<String, (Verdicts, Vec<f64>)> = BTreeMap::new();
    let groups: Vec<&[&str]> = design.cells.chunks(if design.alone { 1 } else { design.cells.len() }).collect();
    for group in (0..repeats).flat_map(|_| &groups) {
        for (id, verdict, spent_s) in verdicts(group, design, slow_down) {
            let (of_cell, seconds) = by_cell.entry(id).or_default();
            *of_cell.0.entry(verdict.clone()).or_default() += 1;
            seconds.push(spent_s);
            *all.0.entry(verdict).or_default() += 1;
        }
    }
    println!(" B x {slow_down}: {:?}", all.0);
    for (id, (verdicts, seconds)) in &by_cell {
        let seconds = ipcmark_harness::estimate::median(seconds).unwrap_or(f64::NAN);
        println!("  {id}: {:?}, {seconds:.1} s", verdicts.0);
    }
    all
}

fn assert_found(verdicts: &[Verdicts], power: f64, unresolved: f64) {
    let [equal, slower] = verdicts else { panic!("two slow-downs") };
    assert!(equal.share("slower") + equal.share("faster") <= 0.05, "too many false alarms");
    assert!(slower.share("slower") >= power, "too few slow-downs are found");
    assert!(equal.share("not-resolved") <= unresolved, "too little is resolved");
}

#[test]
#[ignore = "minutes on a machine without other work"]
fn five_percent_are_found_in_all_kinds_of_cells() {
    let slow_downs = &[1.0, 1.05];
    let design = Design { cells: &ALL, alone: false, slow_downs, resolve: "5%", budget_s: "180" };
    assert_found(&run("all kinds", &design, repeats(4)), 0.95, 0.10);
}

#[test]
#[ignore = "minutes on a machine without other work"]
fn one_percent_is_found_in_cells_of_one_party_within_two_seconds() {
    let slow_downs = &[1.0, 1.01];
    let design = Design { cells: &ONE_PARTY, alone: true, slow_downs, resolve: "1%", budget_s: "2" };
    assert_found(&run("one party", &design, repeats(6)), 0.90, 0.10);
}

#[test]
#[ignore = "minutes on a machine without other work"]
fn three_percent_are_found_in_cells_of_two_parties_on_one_cpu_within_ten_seconds() {
    let slow_downs = &[1.0, 1.03];
    let design = Design { cells: &TWO_PARTIES, alone: true, slow_downs, resolve: "3%", budget_s: "10" };
    assert_found(&run("two parties, one CPU", &design, repeats(6)), 0.90, 0.10);
}
