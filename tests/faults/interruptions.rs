//! A run that is asked to stop keeps what it has and says how to go on.

use ipcmark_harness::record::Outcome;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{Live, assert_sentence, command, keeps_launches};
use crate::live_run::{Place, Run, eventually};

const FILTERS: [&str; 3] = ["same-cpu/block/null/64B", "same-cpu/block/pipe/64B", "same-cpu/block/unix-stream/64B"];

/// Interrupts a run once its first cell is complete, while others are not.
fn interrupted(signal: Signal, code: i32) {
    let run = Run::start(&[&FILTERS[..], &["--launches", "6"]].concat());
    let complete = eventually("a complete cell", || run.cells().into_iter().next());
    run.signal(signal);
    let (ended, place) = run.end();
    let number = (signal as i32).to_string();
    assert_sentence(&ended, code, &[&format!("interrupted by signal {number}"), "kept", "--resume record.jsonl"]);
    place.assert_nothing_left();
    let record = place.read();
    assert!(record.cells.iter().all(|cell| cell.outcome == Outcome::Measured), "{ended:?}");
    // Thirty-six launches in random order: when the first cell is complete, others have some of theirs.
    assert!(record.cells.iter().any(|cell| (1..6).contains(&cell.launches)), "launches under way were lost");
    assert!(record.cell(&complete.id) == Some(&complete), "{} was changed", complete.id);
    place.resume_as_told(&ended);
    assert!(keeps_launches(&place.read(), &complete), "{} was measured again", complete.id);
}

#[test]
fn an_interrupt_keeps_completed_cells_and_resuming_adds_exactly_the_rest() {
    interrupted(Signal::SIGINT, 130);
}

#[test]
fn a_request_to_terminate_keeps_completed_cells_and_resuming_adds_exactly_the_rest() {
    interrupted(Signal::SIGTERM, 143);
}

#[test]
fn a_lost_terminal_keeps_completed_cells_and_resuming_adds_exactly_the_rest() {
    interrupted(Signal::SIGHUP, 129);
}

#[test]
fn no_more_cpu_time_keeps_completed_cells_and_resuming_adds_exactly_the_rest() {
    interrupted(Signal::SIGXCPU, 152);
}

#[test]
fn resuming_a_complete_run_measures_nothing_and_succeeds() {
    let run = Run::start(&[FILTERS[0], "--launches", "2"]);
    let (ended, place) = run.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let before = std::fs::read(place.record()).unwrap();
    place.resume(&["run", "--resume", "record.jsonl"]);
    assert!(std::fs::read(place.record()).unwrap() == before, "the record was changed");
}

#[test]
fn an_interrupted_verification_says_so() {
    let place = Place::new();
    let live = Live::start(command(place.path(), &["verify"])).unwrap();
    // Several workers in: the first one lives before interruptions are caught.
    let mut seen = std::collections::BTreeSet::new();
    eventually("several workers", || {
        seen.extend(place.child_of(live.pid()));
        (seen.len() > 3).then_some(())
    });
    kill(Pid::from_raw(live.pid()), Signal::SIGINT).unwrap();
    let ended = live.end();
    assert_sentence(&ended, 130, &["interrupted by signal 2"]);
    place.assert_nothing_left();
}
