//! Processes that are stopped and go on, as by Ctrl-Z, a debugger or a frozen container: what was being measured is
//! discarded and taken again, and the record says so. (A machine that is suspended cannot be had in a test; what is read
//! of it, the harness' `pauses` tests.)

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipcmark_harness::record::Outcome;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{Live, command, is_long_form};
use crate::live_run::{Place, Run};

const PIPE: &str = "round-trip/process/same-cpu/block/pipe/64B";
/// Longer than any round trip, on any busy machine that passes for one.
const STOP: Duration = Duration::from_millis(1500);

/// Stops what `party` names of a launch, again until one is met in mid-sample, and lets it go on.
fn stopped_and_continued(whole: bool) {
    let run = Run::start(&["--launches", "8", "--profile", "full", PIPE]);
    for _ in 0..4 {
        let launch = run.launch();
        let parties = if whole { vec![run.pid(), launch.worker, launch.peer] } else { vec![launch.peer] };
        let send = |signal| parties.iter().for_each(|&party| run.send(party, signal));
        send(Signal::SIGSTOP);
        std::thread::sleep(STOP);
        send(Signal::SIGCONT);
    }
    let (ended, place) = run.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    let [cell] = &record.cells[..] else { panic!("{record:?}") };
    assert_eq!((cell.outcome, cell.per_launch.len()), (Outcome::Measured, 8), "{cell:?}");
    assert!(cell.notes.iter().any(|note| note.contains("discarded and taken again")), "{:?}", cell.notes);
    let slowest_ns = cell.decode_histogram().unwrap().unwrap().max();
    assert!(u128::from(slowest_ns) < STOP.as_nanos(), "a stop of {STOP:?} was measured: {slowest_ns} ns");
}

#[test]
fn samples_during_which_everything_was_stopped_are_discarded_and_the_record_says_so() {
    stopped_and_continued(true);
}

#[test]
fn samples_during_which_a_peer_was_stopped_are_discarded_and_the_record_says_so() {
    stopped_and_continued(false);
}

/// The front end goes on after the patience it has with its worker, which was stopped as long.
#[test]
fn a_stop_of_everything_that_outlasts_all_patience_is_not_taken_for_a_hang() {
    let run = Run::start(&["--launches", "2", "--profile", "full", "--cell-timeout", "1", PIPE]);
    let launch = run.launch();
    let parties = [run.pid(), launch.worker, launch.peer];
    parties.iter().for_each(|&party| run.send(party, Signal::SIGSTOP));
    std::thread::sleep(Duration::from_secs(6));
    parties.iter().for_each(|&party| run.send(party, Signal::SIGCONT));
    let (ended, place) = run.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.read().cells[0].outcome, Outcome::Measured);
}

/// Every blocking call of every mechanism meets stops, and the signal that ends them.
#[test]
fn no_mechanism_loses_or_damages_anything_when_it_is_stopped_and_goes_on() {
    let place = Place::new();
    let cells = ["round-trip/process/same-cpu/block/*", "wake/process/same-cpu/block/*/0B-after-0"];
    let operations = if is_long_form() { "2000" } else { "500" };
    let args = [&["verify", "--json", "--operations", operations], &cells[..]].concat();
    let verify = Live::start(command(place.path(), &args)).unwrap();
    let (run, over) = (verify.pid(), AtomicBool::new(false));
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                place.stop_all_but(run, Duration::from_micros(300));
                std::thread::sleep(Duration::from_micros(700));
            }
        });
        let ended = verify.end();
        over.store(true, Ordering::Relaxed);
        ended
    });
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let outcomes: Vec<Value> = serde_json::from_str(&ended.out).unwrap();
    assert!(outcomes.iter().all(|outcome| outcome["outcome"] != "failed"), "{outcomes:?}");
    place.assert_nothing_left();
}
