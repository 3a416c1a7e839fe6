//! kill(2): any one of runner, worker and peer, while they measure.

use nix::sys::signal::Signal;

use ipcmark_harness::record::{Cell, Outcome};

use crate::program::{Folder, cells, end_of, eventually, lives, only, reason, run, signal, worker_and_peer};

/// Enough launches to be caught in the middle of one.
const LAUNCHES: u32 = 20;

/// Starts a run of these two cells, does something to its first worker or peer, and returns what is left: the cell that
/// failed. The other one must be measured in full.
#[track_caller]
fn after(deed: impl FnOnce(u32, u32), ids: [&str; 2], more: &[&str]) -> Cell {
    let folder = Folder::new();
    let mut command = run(&folder.record(), LAUNCHES, &ids);
    let child = command.args(more).spawn().unwrap();
    let runner = child.id();
    let (worker, peer) = worker_and_peer(runner);
    deed(worker, peer);
    let ending = end_of(child);
    let error = ending.assert_code(1).error();
    assert!(error.contains("1 of 2 cells failed"), "{error}");
    let gone = || (!lives(worker) && !lives(peer)).then_some(());
    eventually("the end of worker and peer", gone);
    let cells = cells(&folder.record());
    assert_eq!(only(&cells, Outcome::Measured).launches, LAUNCHES);
    only(&cells, Outcome::Failed).clone()
}

fn ids(mechanism: &str, waiting: &str) -> [String; 2] {
    let id = |size| format!("round-trip/process/unpinned/{waiting}/{mechanism}/{size}");
    [id("64B"), id("1KiB")]
}

#[test]
fn a_worker_killed_in_the_middle_fails_its_cell_only() {
    let [one, other] = ids("pipe", "block");
    let failed = after(|worker, _| signal(worker, Signal::SIGKILL), [&one, &other], &[]);
    assert!(reason(&failed).contains("the worker was killed by signal 9"), "{failed:?}");
}

/// A pipe would notice by itself; a queue, a futex and a poll of memory never do.
#[test]
fn a_peer_killed_in_the_middle_fails_its_cell_with_that_reason() {
    for (mechanism, waiting) in [("pipe", "block"), ("posix-mq", "block"), ("shm-ring", "block"), ("shm-ring", "spin")]
    {
        let [one, other] = ids(mechanism, waiting);
        let failed = after(|_, peer| signal(peer, Signal::SIGKILL), [&one, &other], &[]);
        assert!(reason(&failed).contains("the peer was killed by signal 9"), "{mechanism}: {failed:?}");
    }
}

#[test]
fn a_peer_that_stops_is_ended_at_the_deadline() {
    let [one, other] = ids("unix-stream", "block");
    let failed = after(|_, peer| signal(peer, Signal::SIGSTOP), [&one, &other], &["--cell-timeout", "1"]);
    assert!(reason(&failed).contains("no answer within"), "{failed:?}");
}

#[test]
fn a_worker_that_stops_is_ended_at_the_deadline() {
    let [one, other] = ids("tcp", "block");
    let failed = after(|worker, _| signal(worker, Signal::SIGSTOP), [&one, &other], &["--cell-timeout", "1"]);
    assert!(reason(&failed).contains("no answer within"), "{failed:?}");
}

#[test]
fn a_killed_runner_takes_worker_and_peer_with_it_and_leaves_a_readable_record() {
    for (mechanism, waiting) in [("posix-mq", "block"), ("shm-ring", "spin")] {
        let folder = Folder::new();
        let [one, other] = ids(mechanism, waiting);
        let child = run(&folder.record(), LAUNCHES, &[&one, &other]).spawn().unwrap();
        let (worker, peer) = worker_and_peer(child.id());
        signal(child.id(), Signal::SIGKILL);
        assert_eq!(end_of(child).code, None);
        eventually("the end of worker and peer", || (!lives(worker) && !lives(peer)).then_some(()));
        cells(&folder.record());
    }
}

/// The names of this run's objects are random: whatever is there after all of the above is left over.
#[test]
fn kills_leave_no_named_shared_memory() {
    let [one, other] = ids("shm-ring", "block");
    after(|worker, _| signal(worker, Signal::SIGKILL), [&one, &other], &[]);
    let Ok(entries) = std::fs::read_dir("/dev/shm") else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("ipcmark-")) {
        // Another test's worker may hold a name for the microseconds between creating and unlinking it.
        eventually("the end of a name", || (!entry.path().exists()).then_some(()));
    }
}
