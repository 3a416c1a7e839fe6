//! A run that goes on under another policy, nice value or set of CPUs than it was begun under: refused, or marked.
#![allow(unsafe_code)] // `pre_exec`

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use ipcmark_harness::record::Record;
use nix::sys::signal::Signal;

use crate::common::{AS_A_TEST, Ended, Live, assert_sentence, ipcmark, skip};
use crate::limits::only_the_first;
use crate::live_run::{Place, Run, eventually};

const FILTERS: [&str; 3] = ["same-cpu/block/null/64B", "same-cpu/block/pipe/64B", "same-cpu/block/unix-stream/64B"];
const RESUME: [&str; 3] = ["run", "--resume", "record.jsonl"];

/// A run of which one cell is complete and others are not.
fn interrupted() -> Place {
    let run = Run::start(&[&FILTERS[..], &["--launches", "6"]].concat());
    eventually("a complete cell", || run.cells().into_iter().next());
    run.signal(Signal::SIGINT);
    let (ended, place) = run.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    place
}

/// Goes on with it under a nice value that is five higher.
fn resumed_nicer(place: &Place, more: &[&str]) -> Ended {
    let mut nicer = Command::new("nice");
    nicer.args(["-n", "5", env!("CARGO_BIN_EXE_ipcmark")]).args(RESUME).args(more).current_dir(place.path());
    Live::start(nicer).unwrap().end()
}

/// The launches of all cells, by the start that they are of.
fn launches(record: &Record, start: u32) -> Vec<Option<i64>> {
    let all = record.cells.iter().flat_map(|cell| &cell.per_launch);
    let near = |launch: &ipcmark_harness::record::LaunchSummary| {
        launch.scheduling.as_ref().map(|parties| parties.near[0].nice)
    };
    all.filter(|launch| launch.start == start).map(near).collect()
}

fn nice(record: &Record) -> Option<i64> {
    record.header.machine["nice"]["value"].as_i64().filter(|&nice| nice <= 14).or_else(|| {
        skip("this process has a nice value that leaves no room for a higher one");
        None
    })
}

#[test]
fn a_run_is_not_resumed_under_another_nice_value_or_on_other_cpus_unless_asked_to() {
    let place = interrupted();
    let before = std::fs::read(place.record()).unwrap();
    if nice(&place.read()).is_some() {
        assert_sentence(&resumed_nicer(&place, &[]), 5, &["record.jsonl", "nice was ", " and is ", "--anyway"]);
    }
    let (_, only_the_first) = only_the_first();
    let mut pinned = Command::new(env!("CARGO_BIN_EXE_ipcmark"));
    pinned.args(RESUME).current_dir(place.path());
    // SAFETY: it makes one system call on a value of its own.
    unsafe { pinned.pre_exec(move || only_the_first().map_err(io::Error::from)) };
    if std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1) {
        assert_sentence(&Live::start(pinned).unwrap().end(), 5, &["cpus_allowed_list was ", "--anyway"]);
    } else {
        skip("there is one CPU");
    }
    assert!(std::fs::read(place.record()).unwrap() == before, "the record was changed");
}

#[test]
fn what_is_measured_under_another_nice_value_says_so_is_graded_d_and_is_of_another_environment() {
    let place = interrupted();
    let Some(nice) = nice(&place.read()) else { return };
    let ended = resumed_nicer(&place, &AS_A_TEST);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    assert_eq!(record.resumed.len(), 1);
    let resumed = &record.resumed[0];
    assert!(resumed.changed[0].contains("nice was") && resumed.command.contains(&"--resume".into()), "{resumed:?}");
    assert_eq!(resumed.scheduling.as_ref().map(|scheduling| scheduling.nice), Some(nice + 5));
    let (first, second) = (launches(&record, 0), launches(&record, 1));
    assert!(!first.is_empty() && first.iter().all(Option::is_none), "{first:?}");
    assert!(!second.is_empty() && second.iter().all(|seen| *seen == Some(nice + 5)), "{second:?}");
    for cell in record.cells.iter().filter(|cell| cell.per_launch.iter().any(|launch| launch.start == 1)) {
        let reasons = &cell.grade.as_ref().unwrap().reasons;
        assert!(reasons.iter().any(|why| why.starts_with("D: ") && why.contains("resumed-otherwise")), "{reasons:?}");
    }
    let fresh = [&["run"], &FILTERS[..], &["--launches", "2", "--out", "fresh.jsonl"]].concat();
    assert_eq!(ipcmark(place.path(), &fresh).code, Some(0));
    let compared = ipcmark(place.path(), &["compare", "record.jsonl", "fresh.jsonl", "--fail-on", "10%"]);
    assert!(compared.out.contains("resumed under") && compared.out.contains("nice was"), "{}", compared.out);
    assert_sentence(&compared, 5, &["of one environment"]);
}

#[test]
fn a_run_that_is_resumed_as_it_was_begun_says_when_and_its_launches_are_like_the_others() {
    let place = interrupted();
    place.resume(&RESUME);
    let record = place.read();
    assert_eq!((record.resumed.len(), record.resumed[0].changed.len()), (1, 0), "{:?}", record.resumed);
    assert!(record.resumed[0].utc >= record.header.started_utc && !record.resumed[0].conditions.is_empty());
    let second = launches(&record, 1);
    assert!(!second.is_empty() && second.iter().all(Option::is_none), "{second:?}");
}

#[test]
fn a_policy_that_the_workload_asks_for_is_in_each_launch() {
    let place = Place::new();
    let args = [
        "run",
        "timer-wake/*/same-cpu/*/sched-batch/*",
        "--profile",
        "standard",
        "--launches",
        "1",
        "--out",
        "record.jsonl",
    ];
    let ended = ipcmark(place.path(), &args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    let launches: Vec<_> = record.cells.iter().flat_map(|cell| &cell.per_launch).collect();
    assert!(!launches.is_empty(), "{ended:?}");
    for launch in launches {
        let parties = launch.scheduling.as_ref().expect("the parties of a launch under SCHED_BATCH");
        assert!(parties.near.iter().chain(&parties.far).any(|party| party.policy == "batch"), "{parties:?}");
    }
}
