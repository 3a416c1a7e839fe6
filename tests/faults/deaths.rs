//! Processes that die or stop in mid-batch: one failed cell with its reason, and nothing left.

use ipcmark_harness::record::{Cell, Outcome};
use nix::sys::signal::Signal;

use crate::common::{Ended, assert_sentence};
use crate::live_run::{Launch, Place, Run, skipped_without};

const PIPE: &str = "round-trip/process/same-cpu/block/pipe/64B";
const SOCKET: &str = "round-trip/process/same-cpu/block/unix-stream/64B";
const QUEUE: &str = "round-trip/process/same-cpu/block/posix-mq/64B";
const RING: &str = "round-trip/process/same-cpu/block/shm-ring/64B";
const ADAPTIVE_RING: &str = "round-trip/process/unpinned/adaptive/shm-ring/64B";
/// The only party is inside the lock whenever it is struck, but for some of a hundred thousand nanoseconds.
const HOLDERS: [&str; 2] = [
    "contended/process/unpinned/own/futex-mutex/64B-1party-hold100us-out0",
    "contended/process/unpinned/own/pthread-mutex-pshared/64B-1party-hold100us-out0",
];
/// One of the two is always inside, and who is not waits for ever once that is killed.
const HOLDER_AND_WAITER: [&str; 2] = [
    "contended/process/unpinned/own/futex-mutex/64B-2parties-hold100us-out0",
    "contended/process/unpinned/own/sysv-sem-mutex/64B-2parties-hold100us-out0",
];
const ONE_WAY: &str = "stream/process/same-cpu/block/pipe/64B";

/// Launches enough for a fault to meet one; the full profile's are the longest.
const MANY: [&str; 4] = ["--profile", "full", "--launches", "20"];

fn worker(launch: Launch) -> i32 {
    launch.worker
}

fn peer(launch: Launch) -> i32 {
    launch.peer
}

/// A run of `ids` in which `signal` strikes a party once.
fn struck(ids: &[&str], party: fn(Launch) -> i32, signal: Signal) -> (Ended, Place) {
    let run = Run::start(&[&MANY[..], ids, &["--cell-timeout", "1"]].concat());
    run.strike(party, signal);
    run.end()
}

/// Asserts that one cell failed and all others were measured, and returns that one.
fn only_failed(ended: &Ended, place: &Place) -> Cell {
    let record = place.read();
    let (failed, others): (Vec<Cell>, _) = record.cells.into_iter().partition(|cell| cell.outcome == Outcome::Failed);
    let [failed] = failed.as_slice() else { panic!("{} cells failed: {ended:?}", failed.len()) };
    assert!(others.iter().all(|cell| cell.outcome == Outcome::Measured && cell.launches == 20), "{ended:?}");
    assert_eq!(others.len() + 1, record.header.selection.cells.len());
    let count = format!("1 of {} cell", others.len() + 1);
    assert_sentence(ended, 1, &[&format!("warning: {} failed: ", failed.id), &count]);
    place.assert_nothing_left();
    failed.clone()
}

#[track_caller]
fn assert_reason(failed: &Cell, parts: &[&str]) {
    let reason = failed.reason.as_deref().unwrap();
    assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
}

#[test]
fn a_worker_killed_in_mid_batch_fails_its_cell_alone() {
    let (ended, place) = struck(&[PIPE, SOCKET], worker, Signal::SIGKILL);
    assert_reason(&only_failed(&ended, &place), &["the worker was killed by signal 9"]);
}

#[test]
fn a_killed_worker_takes_its_blocked_peer_with_it() {
    if skipped_without(&[RING]) {
        return;
    }
    let (ended, place) = struck(&[RING], worker, Signal::SIGKILL);
    assert_reason(&only_failed(&ended, &place), &["the worker was killed by signal 9"]);
}

/// The near end is blocked on the peer, or sees the end of its channel first: the cause is told, not the consequence.
fn killed_peer_is_the_reason(id: &str) {
    if skipped_without(&[id]) {
        return;
    }
    let (ended, place) = struck(&[id], peer, Signal::SIGKILL);
    assert_reason(&only_failed(&ended, &place), &["the peer was killed by signal 9"]);
}

#[test]
fn a_killed_peer_is_the_reason_behind_a_pipe() {
    killed_peer_is_the_reason(PIPE);
}

#[test]
fn a_killed_peer_is_the_reason_behind_a_stream_through_a_pipe() {
    killed_peer_is_the_reason(ONE_WAY);
}

#[test]
fn a_killed_peer_is_the_reason_behind_a_blocking_ring() {
    killed_peer_is_the_reason(RING);
}

#[test]
fn a_killed_peer_is_the_reason_behind_a_spinning_ring() {
    killed_peer_is_the_reason(ADAPTIVE_RING);
}

#[test]
fn a_killed_peer_is_the_reason_behind_a_message_queue() {
    killed_peer_is_the_reason(QUEUE);
}

#[test]
fn a_party_killed_while_it_holds_a_lock_is_the_reason_and_leaves_other_cells_alone() {
    killed_party_is_the_reason_behind(&HOLDERS);
}

#[test]
fn a_party_killed_beside_another_that_wants_the_same_lock_is_the_reason() {
    killed_party_is_the_reason_behind(&HOLDER_AND_WAITER);
}

fn killed_party_is_the_reason_behind(locks: &[&str]) {
    if !skipped_without(locks) {
        let (ended, place) = struck(locks, peer, Signal::SIGKILL);
        assert_reason(&only_failed(&ended, &place), &["the peer was killed by signal 9"]);
    }
}

#[test]
fn a_party_stopped_while_it_holds_a_lock_meets_the_deadline_of_its_cell() {
    if !skipped_without(&HOLDERS) {
        let (ended, place) = struck(&HOLDERS, peer, Signal::SIGSTOP);
        assert_reason(&only_failed(&ended, &place), &["no answer within 1.", "hangs"]);
    }
}

#[test]
fn a_killed_peer_leaves_other_cells_alone() {
    let (ended, place) = struck(&[PIPE, SOCKET], peer, Signal::SIGKILL);
    assert_reason(&only_failed(&ended, &place), &["the peer was killed by signal 9"]);
}

#[test]
fn a_stopped_peer_meets_the_deadline_of_its_cell() {
    let (ended, place) = struck(&[PIPE, SOCKET], peer, Signal::SIGSTOP);
    assert_reason(&only_failed(&ended, &place), &["no answer within 1.", "hangs"]);
}

#[test]
fn a_stopped_worker_meets_the_deadline_of_its_cell() {
    let (ended, place) = struck(&[PIPE, SOCKET], worker, Signal::SIGSTOP);
    assert_reason(&only_failed(&ended, &place), &["no answer within 1.", "hangs"]);
}

#[test]
fn a_killed_run_takes_its_worker_and_peer_with_it_and_can_be_resumed() {
    let run = Run::start(&["--launches", "8", PIPE, SOCKET]);
    run.launch();
    run.signal(Signal::SIGKILL);
    let (ended, place) = run.end();
    assert_eq!(ended.signal, Some(9), "{ended:?}");
    place.assert_nothing_left();
    place.resume(&["run", "--resume", "record.jsonl"]);
}

/// Neither end of a ring or a queue notices that the other is gone.
#[test]
fn a_killed_run_takes_a_peer_with_it_that_waits_in_shared_memory_or_for_a_queue() {
    for id in [RING, QUEUE] {
        if !skipped_without(&[id]) {
            killed_run_leaves_nothing(id, |run| _ = run.launch());
        }
    }
}

#[test]
fn a_killed_run_takes_a_stopped_peer_and_its_hanging_worker_with_it() {
    for id in [PIPE, RING] {
        if !skipped_without(&[id]) {
            killed_run_leaves_nothing(id, Run::stop_a_peer);
        }
    }
}

fn killed_run_leaves_nothing(id: &str, after: impl FnOnce(&Run)) {
    let run = Run::start(&[&MANY[..], &[id]].concat());
    after(&run);
    run.signal(Signal::SIGKILL);
    let (ended, place) = run.end();
    assert_eq!(ended.signal, Some(9), "{ended:?}");
    place.assert_nothing_left();
}
