//! Whether intervals cover what they say, on real repeated runs: for each cell the median of the launches of all *other* runs is
//! taken for the truth, and it is counted how many runs' intervals hold it. Give it a folder of records of one build on one machine:
//!
//! ```text
//! for i in 1 2 3 4 5 6 7 8 9 10 11 12; do ipcmark run --out runs/$i.jsonl; done
//! IPCMARK_RECORDS=runs cargo test -p ipcmark-harness --test coverage -- --ignored --nocapture
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use ipcmark_harness::drift;
use ipcmark_harness::estimate::{estimate, median};
use ipcmark_harness::record::{Cell, Outcome, Record};

/// What must be covered where 95 % is stated.
const LEAST: f64 = 0.93;

/// One cell in one run.
struct Seen {
    cpus: usize,
    interval: [f64; 2],
    level: f64,
    launches: Vec<f64>,
}

#[test]
#[ignore = "wants a folder of records of repeated runs in IPCMARK_RECORDS"]
fn intervals_hold_the_median_of_the_other_runs_as_often_as_they_say() {
    let folder = PathBuf::from(std::env::var_os("IPCMARK_RECORDS").expect("IPCMARK_RECORDS names a folder"));
    let mut cells: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
    let mut runs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        runs += 1;
        let (mut record, _) = Record::read(&path).unwrap();
        // Made anew from the launches, so that older records try the method of today.
        record.cells.iter_mut().for_each(unwidened);
        drift::widen(&mut record.cells);
        for cell in record.cells.iter().filter(|cell| cell.outcome == Outcome::Measured) {
            cells.entry(cell.id.clone()).or_default().extend(seen(cell));
        }
    }
    cells.retain(|_, runs_of_it| runs_of_it.len() == runs);
    assert!(runs >= 8 && !cells.is_empty(), "{runs} records: eight or more of the same cells are wanted");
    let mut totals: BTreeMap<usize, [usize; 2]> = BTreeMap::new();
    let mut worst: Vec<(usize, &str)> = Vec::new();
    for (id, runs_of_it) in &cells {
        let covered = (0..runs).filter(|&run| covers(runs_of_it, run)).count();
        worst.push((covered, id));
        let total = totals.entry(runs_of_it[0].cpus).or_default();
        *total = [total[0] + covered, total[1] + runs];
    }
    let all = totals.values().fold([0, 0], |sum, part| [sum[0] + part[0], sum[1] + part[1]]);
    for (cpus, [covered, of]) in &totals {
        let seen = || cells.values().flatten().filter(|seen| seen.cpus == *cpus);
        let widths: Vec<f64> = seen().map(|seen| (seen.interval[1] / seen.interval[0]).ln() / 2.0).collect();
        let stated = seen().map(|seen| seen.level).sum::<f64>() / *of as f64;
        println!(
            "cells of {cpus} CPUs: {covered} of {of} intervals, {:.1} % where {:.1} % is stated for launches alone; half of them wider than ± {:.1} %",
            share(*covered, *of),
            stated * 100.0,
            median(&widths).unwrap_or(0.0) * 100.0
        );
    }
    println!("all: {} of {} intervals of {} cells, {:.1} %", all[0], all[1], cells.len(), share(all[0], all[1]));
    worst.sort_unstable();
    for (covered, id) in worst.iter().take(5) {
        println!("  {covered} of {runs}  {id}");
    }
    assert!(all[0] as f64 >= LEAST * all[1] as f64, "fewer than {LEAST}");
}

/// With the interval that the launches alone give.
fn unwidened(cell: &mut Cell) {
    let launches: Vec<Vec<f64>> = cell.per_launch.iter().map(|launch| vec![launch.estimate_ns]).collect();
    cell.drift_share = None;
    cell.interval_ns = estimate(&launches).map(|found| [found.interval.low, found.interval.high]);
}

fn seen(cell: &Cell) -> Option<Seen> {
    let mut cpus: Vec<usize> = cell.cpus.near.iter().chain(&cell.cpus.far).copied().collect();
    cpus.sort_unstable();
    cpus.dedup();
    let launches = cell.per_launch.iter().map(|launch| launch.estimate_ns).collect();
    Some(Seen { cpus: cpus.len(), interval: cell.interval_ns?, level: cell.interval_level?, launches })
}

fn covers(runs: &[Seen], run: usize) -> bool {
    let others = runs.iter().enumerate().filter(|(other, _)| *other != run);
    let launches: Vec<f64> = others.flat_map(|(_, seen)| seen.launches.iter().copied()).collect();
    let [low, high] = runs[run].interval;
    median(&launches).is_some_and(|truth| (low..=high).contains(&truth))
}

fn share(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole as f64
}
