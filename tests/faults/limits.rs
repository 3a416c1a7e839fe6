//! What the system may withhold from a run: CPUs, message queues, descriptors, reaching into other processes.
#![allow(unsafe_code)] // `pre_exec`

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use ipcmark_harness::record::{Cell, Outcome, Record};
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Pid, Uid, setresuid};
use serde_json::Value;

use crate::common::{Ended, Live, assert_sentence, command, skip};
use crate::live_run::Place;
use crate::seccomp::Refusal;

/// Runs `ipcmark run` with one launch a cell, after `before` in the new process.
pub(crate) fn run_after(
    before: impl Fn() -> nix::Result<()> + Send + Sync + 'static,
    filters: &[&str],
) -> (Ended, Place) {
    ipcmark_after(before, &[&["run", "--launches", "1", "--out", "record.jsonl"], filters].concat())
}

/// `before` must keep to async-signal-safe calls: it runs between fork(2) and execve(2).
pub(crate) fn ipcmark_after(
    before: impl Fn() -> nix::Result<()> + Send + Sync + 'static,
    args: &[&str],
) -> (Ended, Place) {
    let place = Place::new();
    let mut command = command(place.path(), args);
    // SAFETY: every caller gives system calls on values of its own, as asked for above.
    unsafe { command.pre_exec(move || before().map_err(io::Error::from)) };
    let ended = Live::start(command).unwrap().end();
    place.assert_nothing_left();
    (ended, place)
}

/// The first CPU that is allowed, and what leaves a process that one alone.
pub(crate) fn only_the_first() -> (usize, impl Fn() -> nix::Result<()> + Send + Sync + 'static) {
    let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
    let first = (0..CpuSet::count()).find(|&cpu| allowed.is_set(cpu) == Ok(true)).unwrap();
    let only_the_first = move || {
        let mut one = CpuSet::new();
        one.set(first)?;
        sched_setaffinity(Pid::from_raw(0), &one)
    };
    (first, only_the_first)
}

pub(crate) fn at<'a>(record: &'a Record, id: &str) -> &'a Cell {
    record.cells.iter().find(|cell| cell.id == id).unwrap_or_else(|| panic!("no cell {id}"))
}

#[track_caller]
pub(crate) fn assert_skipped(record: &Record, id: &str, words: &[&str]) {
    let cell = at(record, id);
    let reason = cell.reason.as_deref().unwrap_or_default();
    assert!(cell.outcome == Outcome::Skipped && words.iter().all(|word| reason.contains(word)), "{id}: {reason}");
}

#[track_caller]
pub(crate) fn assert_measured(record: &Record, id: &str) {
    let cell = at(record, id);
    assert_eq!(cell.outcome, Outcome::Measured, "{id}: {:?}", cell.reason);
}

/// Whether this mechanism can run, as `list --json` tells of its cells.
pub(crate) fn support(cells: &[Value], mechanism: &str) -> String {
    let cell = cells.iter().find(|cell| cell["mechanism"] == mechanism);
    cell.unwrap()["support"].as_str().unwrap().to_owned()
}

fn of<'a>(record: &'a Record, mechanism: &str) -> &'a Cell {
    record.cells.iter().find(|cell| cell.mechanism == mechanism).unwrap()
}

#[test]
fn with_one_allowed_cpu_the_run_completes_and_pairs_of_cpus_are_skipped_with_the_reason() {
    let (first, only_the_first) = only_the_first();
    let (ended, place) = run_after(only_the_first, &["block/pipe", "block/unix-stream"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (pairs, alone): (Vec<Cell>, _) =
        place.read().cells.into_iter().partition(|cell| cell.setup["placement"] != "same-cpu");
    assert!(!alone.is_empty() && alone.iter().all(|cell| cell.outcome == Outcome::Measured), "{ended:?}");
    assert!(!pairs.is_empty());
    for cell in pairs {
        let reason = cell.reason.unwrap_or_default();
        let named = reason.contains("only one CPU is allowed") && reason.contains(&first.to_string());
        assert!(cell.outcome == Outcome::Skipped && named, "{}: {reason}", cell.id);
    }
}

#[test]
fn without_room_for_queues_posix_mq_is_skipped_with_the_limit_and_the_rest_is_measured() {
    let no_queues = || setrlimit(Resource::RLIMIT_MSGQUEUE, 0, 0);
    let (ended, place) = run_after(no_queues, &["round-trip/process/same-cpu/block"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    let queue = of(&record, "posix-mq");
    let reason = queue.reason.as_deref().unwrap();
    assert_eq!(queue.outcome, Outcome::Skipped);
    // A kernel without queues says so before it looks at any limit.
    assert!(
        ["RLIMIT_MSGQUEUE allows 0 bytes", "CONFIG_POSIX_MQUEUE"].iter().any(|why| reason.contains(why)),
        "{reason}"
    );
    assert_eq!(of(&record, "pipe").outcome, Outcome::Measured);
}

#[test]
fn where_no_process_may_reach_into_another_what_does_so_is_skipped_with_the_setting() {
    let refused = Refusal { call: libc::SYS_process_vm_readv, first: None, errno: Errno::EPERM };
    let (ended, place) = run_after(move || refused.install(), &["round-trip/process/same-cpu/block"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    let reaching = of(&record, "process-vm-read");
    let reason = reaching.reason.as_deref().unwrap();
    assert_eq!(reaching.outcome, Outcome::Skipped);
    let words = ["process_vm_readv: EPERM", "kernel.yama.ptrace_scope is"];
    assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
    assert_eq!(of(&record, "pipe").outcome, Outcome::Measured);
}

#[test]
fn sixteen_descriptors_are_enough_for_every_mechanism() {
    let few = || setrlimit(Resource::RLIMIT_NOFILE, 16, 16);
    let (ended, place) = run_after(few, &["same-cpu/block"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(place.read().cells.iter().all(|cell| cell.outcome != Outcome::Failed), "{ended:?}");
}

/// From the fewest that the dynamic linker takes up: wherever descriptors run out, the limit is named.
#[test]
fn too_few_descriptors_end_with_one_sentence_that_names_the_limit() {
    for limit in 5..16 {
        let few = move || setrlimit(Resource::RLIMIT_NOFILE, limit, limit);
        let (ended, _place) = run_after(few, &["round-trip/process/same-cpu/block/tcp/64B"]);
        if ended.code != Some(0) {
            assert_sentence(&ended, 1, &["open files", "RLIMIT_NOFILE"]);
        }
    }
}

#[test]
fn five_descriptors_are_too_few_to_begin() {
    let five = || setrlimit(Resource::RLIMIT_NOFILE, 5, 5);
    let (ended, _place) = run_after(five, &["round-trip/process/same-cpu/block/pipe/64B"]);
    assert_sentence(&ended, 1, &["error: ", "RLIMIT_NOFILE allows 5", "ulimit -n"]);
}

/// Reading records takes no thread, where there may be none.
#[test]
fn where_there_may_be_no_other_process_records_are_read() {
    if !nix::unistd::geteuid().is_root() {
        return skip("only root can become a user without a process");
    }
    let folder = tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    for name in ["a.jsonl", "b.jsonl"] {
        ipcmark_report::made_up::Run { cells: 4, ..Default::default() }.write(&folder.path().join(name)).unwrap();
    }
    let another = Uid::from_raw(4_000_000_000);
    let mut command = command(folder.path(), &["compare", "a.jsonl", "b.jsonl"]);
    // SAFETY: the calls are async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            setrlimit(Resource::RLIMIT_NPROC, 1, 1)?;
            Ok(setresuid(another, another, another)?)
        })
    };
    match Live::start(command) {
        Ok(live) => assert_eq!(live.end().code, Some(0)),
        Err(error) => skip(format_args!("another user may not run the program: {error}")),
    }
}

/// Seven are too few for some mechanisms, and twelve for many parties: whatever stops there says why.
#[test]
fn what_has_too_few_descriptors_says_how_many_there_may_be() {
    for limit in [7, 12] {
        let few = move || setrlimit(Resource::RLIMIT_NOFILE, limit, limit);
        let (pairs, groups) = ("round-trip/process/same-cpu/block/*/64B", "fan-*/process/same-cpu/block/*/64B-*");
        let (ended, _place) = ipcmark_after(few, &["verify", "--json", "--operations", "20", pairs, groups]);
        let outcomes: Vec<Value> = serde_json::from_str(&ended.out).unwrap();
        let reasons: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome["reason"].as_str()).collect();
        let of_files = reasons.iter().filter(|reason| reason.contains("Too many open files"));
        assert!(of_files.clone().count() > 0, "{reasons:?}");
        let named = format!("RLIMIT_NOFILE allows {limit} open files, raise it with `ulimit -n`");
        of_files.for_each(|reason| assert!(reason.contains(&named), "{reason}"));
    }
}
