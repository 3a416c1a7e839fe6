//! The change test of `compare` on real runs of this revision: twenty pairs, of which nothing differs but when they were run, and of
//! which one mechanism is slower by 10 %. Some five minutes on a machine without other work:
//!
//! ```text
//! cargo test --release --features test-mechanisms --test change_test -- --ignored --nocapture
//! ```
//!
//! The records stay in `target/tmp/change-test`; where all are there already they are judged again without measuring.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ipcmark_report::compare::verdict::TOLERANCE;
use ipcmark_report::compare::{Comparison, Options, Verdict, compare};
use ipcmark_report::load::{Source, load};

const LAUNCHES: &str = "10";
const CELLS: [&str; 12] = [
    "round-trip/process/same-cpu/block/null/64B",
    "round-trip/process/same-cpu/block/pipe/64B",
    "round-trip/process/same-cpu/block/pipe-timed/64B",
    "round-trip/process/same-cpu/block/pipe-slowed/64B",
    "round-trip/thread/same-cpu/block/pipe-timed/64B",
    "round-trip/thread/same-cpu/block/pipe-slowed/64B",
    "round-trip/process/same-cpu/block/pipe-timed/4KiB",
    "round-trip/process/same-cpu/block/pipe-slowed/4KiB",
    "round-trip/process/same-cpu/block/unix-stream/64B",
    "round-trip/process/same-cpu/block/futex/0B",
    "round-trip/process/same-cache/spin/shm-ring/64B",
    "round-trip/process/same-cache/block/pipe/64B",
];
/// What the near end of `pipe-slowed` adds.
const SLOWED: f64 = 1.10;
/// Of cells called different, or of slow-downs called, at most and at least this share.
const FALSE_ALARMS: f64 = 0.05;
const POWER: f64 = 0.95;

/// Half the width, in logarithms, at which a slow-down lies outside the tolerance by as much again as the interval is wide to one
/// side: wider ones are a matter of luck.
fn narrow_enough() -> f64 {
    (SLOWED / (1.0 + TOLERANCE)).ln() / 2.0
}

/// Twenty, or what `IPCMARK_PAIRS` says.
fn pairs() -> usize {
    std::env::var("IPCMARK_PAIRS").ok().and_then(|pairs| pairs.parse().ok()).unwrap_or(20)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("change-test")
}

fn records() -> Vec<Source> {
    std::fs::create_dir_all(folder()).unwrap();
    let paths: Vec<PathBuf> = (0..2 * pairs()).map(|run| folder().join(format!("{run:02}.jsonl"))).collect();
    for path in paths.iter().filter(|path| !path.exists()) {
        let mut run = Command::new(env!("CARGO_BIN_EXE_ipcmark"));
        run.arg("run")
            .args(CELLS)
            .args(["--launches", LAUNCHES, "--probe-seconds", "0.2", "--anyway", "--out"])
            .arg(path);
        let output = run.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let loaded = load(&paths);
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    loaded.sources
}

fn compared(first: &Source, second: &Source) -> Comparison {
    compare(&[first, second], &Options::default()).unwrap()
}

/// The same record, its slowed cells under the names of those that are not.
fn with_the_slower_for_the_faster(source: &Source) -> Source {
    let mut source = source.clone();
    source.record.cells.retain(|cell| cell.mechanism != "pipe-timed");
    for cell in &mut source.record.cells {
        cell.id = cell.id.replace("pipe-slowed", "pipe-timed");
        cell.mechanism = cell.mechanism.replace("pipe-slowed", "pipe-timed");
    }
    source
}

fn called(verdict: Option<Verdict>) -> bool {
    matches!(verdict, Some(Verdict::Slower | Verdict::Faster))
}

#[test]
#[ignore = "forty runs of ten launches: some minutes on a machine without other work"]
fn equal_runs_are_rarely_called_different_and_a_slow_down_of_10_percent_is_called_where_it_can_be() {
    let sources = records();
    let pairs: Vec<&[Source]> = sources.chunks_exact(2).collect();
    let (alarms, cells) = false_alarms(&pairs);
    println!("A/A: {alarms} of {cells} cells called different ({:.1} %)", 100.0 * alarms as f64 / cells as f64);
    let seen = slow_downs(&pairs);
    println!(
        "power: {} of {} cells with an interval narrow enough called slower; of the {} others {} called, {} not resolvable, \
         {} wrongly without a difference",
        seen.called_narrow, seen.narrow, seen.wide, seen.called_wide, seen.unresolved, seen.denied
    );
    assert!(alarms as f64 <= FALSE_ALARMS * cells as f64, "too many false alarms");
    assert!(seen.called_narrow as f64 >= POWER * seen.narrow as f64, "too few slow-downs are called");
    assert!(seen.denied as f64 <= FALSE_ALARMS * (seen.narrow + seen.wide) as f64, "slow-downs are denied");
}

/// Cells called different, and all, over the pairs; each cell's own count is printed.
fn false_alarms(pairs: &[&[Source]]) -> (usize, usize) {
    let mut by_cell: BTreeMap<String, Vec<(f64, Option<Verdict>)>> = BTreeMap::new();
    for pair in pairs {
        for entry in compared(&pair[0], &pair[1]).rows.into_iter().filter_map(|mut row| row.values[1].take()) {
            let half_width = entry.ratio.and_then(|ratio| ratio.half_width()).unwrap_or(f64::NAN);
            by_cell.entry(entry.id).or_default().push((half_width, entry.verdict));
        }
    }
    for (id, found) in &by_cell {
        let alarms = found.iter().filter(|(_, verdict)| called(*verdict)).count();
        let widths: Vec<f64> = found.iter().map(|(width, _)| *width).collect();
        let width = ipcmark_harness::estimate::median(&widths).unwrap_or(f64::NAN);
        println!("  {id}: {alarms} of {} pairs, median half-width of the ratio {:.1} %", found.len(), 100.0 * width);
    }
    let all: Vec<Option<Verdict>> = by_cell.into_values().flatten().map(|(_, verdict)| verdict).collect();
    (all.iter().filter(|verdict| called(**verdict)).count(), all.len())
}

/// What became of the slowed cells.
#[derive(Default)]
struct Seen {
    narrow: usize,
    called_narrow: usize,
    wide: usize,
    called_wide: usize,
    unresolved: usize,
    denied: usize,
}

fn slow_downs(pairs: &[&[Source]]) -> Seen {
    let mut seen = Seen::default();
    for pair in pairs {
        let found = compared(&pair[0], &with_the_slower_for_the_faster(&pair[1]));
        for entry in
            found.rows.iter().filter(|row| row.mechanism == "pipe-timed").filter_map(|row| row.values[1].as_ref())
        {
            let half_width = entry.ratio.and_then(|ratio| ratio.half_width()).unwrap_or(f64::INFINITY);
            let slower = usize::from(entry.verdict == Some(Verdict::Slower));
            if half_width <= narrow_enough() {
                seen.narrow += 1;
                seen.called_narrow += slower;
            } else {
                seen.wide += 1;
                seen.called_wide += slower;
                seen.unresolved += usize::from(entry.verdict == Some(Verdict::IntervalTooWide));
            }
            seen.denied += usize::from(matches!(entry.verdict, Some(Verdict::NoDifference { .. })));
        }
    }
    seen
}
