//! Other work on the CPU of a cell, which changes a count of the cell's own: the cell is disturbed, and not wrong.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipcmark_harness::parties::pin;
use ipcmark_harness::record::Outcome;
use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::prctl::set_timerslack;
use nix::unistd::Pid;

use crate::common::{assert_sentence, ipcmark, skip};
use crate::live_run::{Place, skipped_without};

const RING: &str = "switch/process/same-cpu/block/futex-ring/0B-2parties";
/// A launch that counts, and as many that are measured again.
const LAUNCHES: usize = 4;

/// A thread on each CPU that wakes up every few microseconds, and so displaces a task of the ring again and again, during `work`.
fn beside_wake_ups<R>(work: impl FnOnce() -> R) -> R {
    let is_over = AtomicBool::new(false);
    let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
    let wake_up_on = |cpu: usize| {
        pin(&[cpu]).unwrap();
        set_timerslack(1).unwrap();
        while !is_over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_micros(10));
        }
    };
    std::thread::scope(|scope| {
        for cpu in (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu) == Ok(true)) {
            scope.spawn(move || wake_up_on(cpu));
        }
        let result = work();
        is_over.store(true, Ordering::Relaxed);
        result
    })
}

#[test]
fn a_cell_whose_own_count_other_work_changes_is_measured_again_and_disturbed_at_last() {
    if skipped_without(&[RING]) {
        return;
    }
    let place = Place::new();
    let run = ["run", "--launches", "1", "--out", "record.jsonl", RING];
    let ended = beside_wake_ups(|| ipcmark(place.path(), &run));
    let cell = place.read().cells.remove(0);
    if cell.outcome == Outcome::Measured {
        return skip("the scheduler let the ring run undisturbed");
    }
    let reason = cell.reason.unwrap_or_default();
    assert!(cell.outcome == Outcome::Disturbed && reason.contains("the kernel counted"), "{reason}");
    let of_the_count = cell.replaced.iter().filter(|why| why.contains("switches a hop")).count();
    assert_eq!(of_the_count, LAUNCHES - 1, "{:?}", cell.replaced);
    assert_sentence(&ended, 8, &["1 of 1 cell disturbed by other work", "run --resume record.jsonl"]);
    let resumed = ipcmark(place.path(), &["run", "--resume", "record.jsonl"]);
    let again = place.read().cells.remove(0);
    assert!(
        matches!((again.outcome, resumed.code), (Outcome::Measured, Some(0)) | (Outcome::Disturbed, Some(8))),
        "{resumed:?}"
    );
}
