//! `ipcmark experiment` through the real program: programs that are none, settings that are undone whatever happens, and what
//! scripts are told. How well it tells programs apart is measured by `tests/experiment_power.rs`.

mod common;

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Ended, Live, assert_sentence, command, ipcmark};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const CELL: &str = "round-trip/process/same-cpu/block/pipe/64B";
const OTHER_CELL: &str = "round-trip/process/same-cpu/block/futex/0B";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A debug build beside other tests: the doctor would refuse.
fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["experiment", CELL, "--force"], more].concat()
}

fn experiment(folder: &Path, more: &[&str]) -> Ended {
    ipcmark(folder, &arguments(more))
}

#[test]
fn one_program_against_itself_is_no_difference() {
    let folder = folder();
    let ended = experiment(folder.path(), &["--resolve", "80%", "--budget", "60"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains(&format!("{CELL}: no difference of 80.0 % or more [")), "{ended:?}");
    assert!(ended.out.ends_with("1 no difference of 80.0 % or more\n"), "{ended:?}");
}

#[test]
#[cfg_attr(not(feature = "test-mechanisms"), ignore = "needs --features test-mechanisms")]
fn what_takes_thrice_as_long_is_slower_and_the_other_way_round_faster() {
    let folder = folder();
    let slowed = format!("env IPCMARK_TEST_SLOWDOWN=3 {}", env!("CARGO_BIN_EXE_ipcmark"));
    let ended = experiment(folder.path(), &["--b", &slowed, "--resolve", "50%", "--budget", "60"]);
    assert_sentence(&ended, 4, &["B is slower in 1 of 1 cell", "50.0 %"]);
    assert!(ended.out.contains(": B is slower by "), "{ended:?}");
    let ended = experiment(folder.path(), &["--a", &slowed, "--resolve", "50%", "--budget", "60"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains(": B is faster by "), "{ended:?}");
}

#[test]
#[cfg_attr(not(feature = "test-mechanisms"), ignore = "needs --features test-mechanisms")]
fn a_slow_down_that_is_allowed_ends_well() {
    let folder = folder();
    let slowed = format!("IPCMARK_TEST_SLOWDOWN=3 {}", env!("CARGO_BIN_EXE_ipcmark"));
    let more = |fail_on| ["--b", &slowed, "--resolve", "50%", "--fail-on", fail_on, "--budget", "60"];
    let ended = experiment(folder.path(), &more("900%"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("B is slower by "), "{ended:?}");
    let ended = experiment(folder.path(), &more("60%"));
    assert_sentence(&ended, 4, &["B is slower by 60.0 % or more in 1 of 1 cell"]);
}

#[test]
fn what_no_time_is_left_to_resolve_has_an_exit_code_of_its_own() {
    let folder = folder();
    let ended = experiment(folder.path(), &["--budget", "0.1"]);
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(ended.out.contains("not resolved") && ended.err.contains("1 of 1 cell not resolved"), "{ended:?}");
    assert!(ended.err.contains("--budget 18"), "{ended:?}");
}

#[test]
fn json_holds_every_episode() {
    let folder = folder();
    let ended = experiment(folder.path(), &["--budget", "1", "--json", "--resolve", "0.1%"]);
    assert_eq!(ended.code, Some(7), "{ended:?}");
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    let cell = &json["cells"][0];
    assert_eq!((cell["id"].as_str(), cell["verdict"].as_str()), (Some(CELL), Some("not-resolved")));
    let episodes = cell["episodes"].as_array().unwrap();
    assert!(!episodes.is_empty() && episodes.iter().all(|episode| episode["log_ratio"].is_f64()), "{cell}");
}

#[test]
fn a_program_that_is_no_ipcmark_is_named() {
    let folder = folder();
    for program in ["/bin/true", "cat", "sh -c 'exit 3'", "echo"] {
        let ended = experiment(folder.path(), &["--b", program, "--cell-timeout", "2"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let name = program.split(' ').next().unwrap();
        assert!(ended.err.contains(name) && ended.err.contains("did not answer as a worker of ipcmark"), "{ended:?}");
    }
    let ended = experiment(folder.path(), &["--b", "no-such-program"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("there is no `no-such-program` in PATH"), "{ended:?}");
}

#[test]
fn a_program_that_is_replaced_meanwhile_is_not_mixed_with_its_successor() {
    let folder = folder();
    let (link, copy) = (folder.path().join("b"), folder.path().join("copy"));
    symlink(env!("CARGO_BIN_EXE_ipcmark"), &link).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_ipcmark"), &copy).unwrap();
    let program = "sh -c 'echo >> starts; exec ./b \"$@\"' sh";
    let more = ["--b", program, "--resolve", "0.01%", "--budget", "600", "--json"];
    let live = Live::start(command(folder.path(), &arguments(&more))).unwrap();
    // The first start is a check.
    eventually("an episode", || std::fs::read(folder.path().join("starts")).is_ok_and(|starts| starts.len() > 2));
    symlink(&copy, folder.path().join("new")).unwrap();
    std::fs::rename(folder.path().join("new"), &link).unwrap();
    let ended = live.end();
    assert_sentence(&ended, 1, &["1 of 1 cell failed"]);
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    let failure = json["cells"][0]["failure"].as_str().unwrap();
    assert!(failure.contains("ipcmark was replaced since the first start"), "{failure}");
    let size = std::fs::metadata(&copy).unwrap().len();
    assert_eq!([&json["executables"][0]["bytes"], &json["executables"][1]["bytes"]], [size, size]);
}

#[test]
fn a_program_that_says_nothing_is_not_waited_for() {
    let folder = folder();
    let ended = experiment(folder.path(), &["--b", "sh -c 'sleep 600'", "--cell-timeout", "1"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("no answer within 1.0 s"), "{ended:?}");
}

#[test]
fn a_dry_run_says_what_there_is_no_time_for() {
    let folder = folder();
    let ended = ipcmark(folder.path(), &["experiment", "same-cpu", "--budget", "10", "--dry-run"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.lines().any(|line| line == CELL), "{ended:?}");
    assert!(ended.err.contains("warning:") && ended.err.contains("a filter for 10 cells or fewer"), "{ended:?}");
}

/// Commands that leave traces: `applied` is there while it is, `log` has a line of each.
const APPLY: &str = "echo apply >> log; touch applied";
const UNDO: &str = "echo undo >> log; rm applied";

fn log(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_setting_is_applied_for_b_and_undone_at_the_end() {
    let folder = folder();
    let more = [OTHER_CELL, "--apply", APPLY, "--undo", UNDO, "--resolve", "80%", "--budget", "60"];
    let ended = experiment(folder.path(), &more);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("2 no difference of 80.0 % or more"), "{ended:?}");
    let log = log(folder.path());
    assert!(log.len() >= 4, "{log:?}");
    assert!(log.chunks(2).all(|pair| pair == ["apply", "undo"]), "{log:?}");
    assert!(!folder.path().join("applied").exists());
}

#[test]
fn an_apply_that_fails_is_undone_and_told() {
    let folder = folder();
    let apply = format!("{APPLY}; exit 5");
    let ended = experiment(folder.path(), &["--apply", &apply, "--undo", UNDO, "--budget", "20"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("the command of --apply failed with status 5"), "{ended:?}");
    assert_eq!(log(folder.path()), ["apply", "undo"]);
}

#[test]
fn an_undo_that_fails_is_tried_again_and_told() {
    let folder = folder();
    let ended = experiment(folder.path(), &["--apply", APPLY, "--undo", "echo undo >> log; exit 6", "--budget", "3"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("--undo failed with status 6") && ended.err.contains("still applied"), "{ended:?}");
}

#[test]
fn what_is_to_fail_must_be_resolved() {
    let folder = folder();
    let ended = experiment(folder.path(), &["--fail-on", "2%"]);
    assert_sentence(&ended, 2, &["--fail-on is below --resolve"]);
}

#[test]
fn a_dry_run_has_no_json() {
    let folder = folder();
    let ended = experiment(folder.path(), &["--json", "--dry-run"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
}

#[test]
fn apply_and_undo_go_together() {
    let folder = folder();
    let ended = experiment(folder.path(), &["--apply", "true"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

/// Waits until it holds.
#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + common::DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What the guardian does while the setting is applied, and during an apply: the parent of the apply is the guardian.
#[test]
fn where_the_guardian_is_killed_the_program_says_so_and_undoes() {
    for then in ["true", "exec sleep 600"] {
        let folder = folder();
        let apply = format!("echo $PPID > guardian; {APPLY}; {then}");
        let more = ["--apply", &apply, "--undo", UNDO, "--resolve", "0.01%", "--budget", "600"];
        let live = Live::start(command(folder.path(), &arguments(&more))).unwrap();
        eventually("the setting", || folder.path().join("applied").exists());
        let guardian = std::fs::read_to_string(folder.path().join("guardian")).unwrap();
        kill(Pid::from_raw(guardian.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
        let ended = live.end();
        assert_sentence(&ended, 1, &["the shell that runs --apply and --undo was killed", "was undone"]);
        assert_undone(folder.path());
    }
}

#[test]
fn a_signal_ends_an_apply_that_hangs() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let folder = folder();
        let apply = format!("{APPLY}; sleep 600");
        let more = ["--apply", &apply, "--undo", UNDO, "--budget", "600"];
        let live = Live::start(command(folder.path(), &arguments(&more))).unwrap();
        eventually("the setting", || folder.path().join("applied").exists());
        kill(Pid::from_raw(live.pid()), signal).unwrap();
        let ended = live.end();
        assert_sentence(&ended, 128 + signal as i32, &["--apply was ended", "interrupted by signal"]);
        assert_eq!(log(folder.path()), ["apply", "undo"]);
    }
}

/// Sends `signal` while the setting is applied.
fn signalled(signal: Signal) -> (tempfile::TempDir, Ended) {
    let folder = folder();
    let more = ["--apply", APPLY, "--undo", UNDO, "--resolve", "0.01%", "--budget", "600"];
    let live = Live::start(command(folder.path(), &arguments(&more))).unwrap();
    eventually("the setting", || folder.path().join("applied").exists());
    kill(Pid::from_raw(live.pid()), signal).unwrap();
    // That nothing keeps its standard error open says that the guardian has ended.
    let ended = live.end();
    (folder, ended)
}

fn assert_undone(folder: &Path) {
    eventually("the undo", || log(folder).last().is_some_and(|last| last == "undo"));
    eventually("its end", || !folder.join("applied").exists());
}

#[test]
fn a_signal_undoes_what_was_applied() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let (folder, ended) = signalled(signal);
        assert_eq!(ended.code, Some(128 + signal as i32), "{ended:?}");
        assert!(ended.err.contains("interrupted by signal"), "{ended:?}");
        // No later than the program ends.
        assert!(!folder.path().join("applied").exists(), "{ended:?}");
        assert_undone(folder.path());
    }
}

#[test]
fn a_kill_undoes_what_was_applied() {
    let (folder, ended) = signalled(Signal::SIGKILL);
    assert_eq!(ended.signal, Some(Signal::SIGKILL as i32), "{ended:?}");
    assert_undone(folder.path());
}

/// The apply outlives the program; the undo must not overtake it.
#[test]
fn a_kill_while_the_apply_is_under_way_undoes_it_after_it() {
    let folder = folder();
    let apply = format!("touch begun; sleep 2; {APPLY}");
    let more = ["--apply", &apply, "--undo", UNDO, "--resolve", "0.01%", "--budget", "600"];
    let live = Live::start(command(folder.path(), &arguments(&more))).unwrap();
    eventually("the apply", || folder.path().join("begun").exists());
    kill(Pid::from_raw(live.pid()), Signal::SIGKILL).unwrap();
    live.end();
    assert_undone(folder.path());
    assert_eq!(log(folder.path()), ["apply", "undo"]);
}
