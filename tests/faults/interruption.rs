//! Ctrl-C and its kin: what is complete is kept, and the run can be continued to the same end.

use nix::sys::signal::Signal;

use ipcmark_harness::record::Outcome;

use crate::program::{Folder, cells, end_of, finish, ipcmark, run, signal, worker_and_peer};

const LAUNCHES: u32 = 8;

#[track_caller]
fn interrupted_and_resumed(by: Signal, code: i32) {
    let folder = Folder::new();
    let record = folder.record().to_str().unwrap().to_owned();
    let filters = ["round-trip/process/same-cpu/block", "stream/process/same-cpu/block/null"];
    let child = run(&folder.record(), LAUNCHES, &filters).spawn().unwrap();
    let runner = child.id();
    worker_and_peer(runner);
    signal(runner, by);
    let ending = end_of(child);
    let error = ending.assert_code(code).error();
    assert!(error.contains(&format!("ipcmark run --resume {record}")), "{error}");
    let kept = cells(&folder.record());
    assert!(kept.iter().any(|cell| cell.launches < LAUNCHES) || kept.is_empty(), "it was over before the signal came");

    finish(ipcmark(&["run", "--resume", &record])).assert_code(0);
    let mut planned = planned(&filters);
    let cells = cells(&folder.record());
    let mut ids: Vec<&str> = cells.iter().map(|cell| cell.id.as_str()).collect();
    ids.sort_unstable();
    planned.sort_unstable();
    assert_eq!(ids, planned);
    let complete = |cell: &&_| is_complete(cell);
    assert_eq!(cells.iter().filter(complete).count(), cells.len(), "{cells:?}");
}

fn is_complete(cell: &ipcmark_harness::record::Cell) -> bool {
    cell.outcome == Outcome::Skipped || cell.launches == LAUNCHES
}

/// The ids of a run that nobody interrupts.
fn planned(filters: &[&str]) -> Vec<String> {
    let mut command = ipcmark(&["run", "--dry-run"]);
    command.args(filters);
    let ending = finish(command);
    let ids = ending.assert_code(0).stdout.lines().filter_map(|line| line.split_once("  "));
    ids.map(|(id, _)| id.to_owned()).collect()
}

#[test]
fn sigint_keeps_what_is_measured_and_resume_ends_with_the_planned_cells() {
    interrupted_and_resumed(Signal::SIGINT, 130);
}

#[test]
fn sigterm_keeps_what_is_measured_and_resume_ends_with_the_planned_cells() {
    interrupted_and_resumed(Signal::SIGTERM, 143);
}

#[test]
fn resuming_a_complete_run_measures_nothing_and_succeeds() {
    let folder = Folder::new();
    finish(run(&folder.record(), 1, &["round-trip/process/same-cpu/block/null/64B"])).assert_code(0);
    let before = std::fs::read(folder.record()).unwrap();
    let record = folder.record().to_str().unwrap().to_owned();
    finish(ipcmark(&["run", "--resume", &record])).assert_code(0);
    assert_eq!(std::fs::read(folder.record()).unwrap(), before);
}

/// A record from elsewhere: another machine's fingerprint in its first line.
#[test]
fn a_run_of_another_machine_is_not_continued_here() {
    let folder = Folder::new();
    finish(run(&folder.record(), 1, &["round-trip/process/same-cpu/block/null/64B"])).assert_code(0);
    let text = std::fs::read_to_string(folder.record()).unwrap();
    let header = text.lines().next().unwrap();
    let mut elsewhere: serde_json::Value = serde_json::from_str(header).unwrap();
    elsewhere["machine"]["fingerprint"]["value"] = "0123456789abcdef".into();
    std::fs::write(folder.record(), format!("{elsewhere}\n")).unwrap();
    let ending = finish(ipcmark(&["run", "--resume", folder.record().to_str().unwrap()]));
    let error = ending.assert_code(5).error();
    assert!(error.contains("another machine"), "{error}");
}
