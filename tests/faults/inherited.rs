//! What a parent leaves over execve(2): ignored and blocked signals, limits, the mode of new files, descriptors, the time-stamp counter.
#![allow(unsafe_code)] // `pre_exec` and dup2(2)

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use ipcmark_harness::record::Outcome;
use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use nix::sys::stat::{Mode, umask};

use crate::common::{Ended, Live, assert_sentence, command, skip};
use crate::limits::ipcmark_after;
use crate::live_run::{Place, Run, eventually};
use crate::seccomp::Refusal;

/// Transports, a process that is waited for, signals that are waited for, and objects with names.
const CELLS: [&str; 7] = [
    "round-trip/process/same-cpu/block/pipe/64B",
    "round-trip/process/same-cpu/block/fifo/64B",
    "round-trip/process/same-cpu/block/unix-stream/64B",
    "round-trip/process/same-cpu/block/signal/0B",
    "round-trip/process/same-cpu/block/signalfd/0B",
    "round-trip/process/same-cpu/block/named-sem/0B",
    "wake/process/same-cpu/block/pidfd-exit/0B-after-0",
];

#[track_caller]
fn assert_all_pass_after(before: impl Fn() -> nix::Result<()> + Send + Sync + 'static) {
    let (ended, _place) = ipcmark_after(before, &[&["verify", "--operations", "20"], &CELLS[..]].concat());
    let passed = ended.out.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(ended.code == Some(0) && passed == CELLS.len(), "{ended:?}");
}

/// Before execve(2).
fn ignore(signals: &[Signal]) -> nix::Result<()> {
    // SAFETY: an ignored signal runs no code.
    signals.iter().try_for_each(|&it| unsafe { signal(it, SigHandler::SigIgn) }.map(drop))
}

fn but_kill_and_stop() -> Vec<Signal> {
    Signal::iterator().filter(|it| ![Signal::SIGKILL, Signal::SIGSTOP].contains(it)).collect()
}

#[test]
fn a_parent_that_ignores_every_signal_stops_nothing() {
    let signals = but_kill_and_stop();
    assert_all_pass_after(move || {
        // SAFETY: as in `ignore`.
        (libc::SIGRTMIN()..=libc::SIGRTMAX()).for_each(|it| _ = unsafe { libc::signal(it, libc::SIG_IGN) });
        ignore(&signals)
    });
}

#[test]
fn a_parent_that_blocks_every_signal_stops_nothing() {
    assert_all_pass_after(|| sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None));
}

#[test]
fn a_parent_whose_files_are_for_nobody_stops_nothing() {
    assert_all_pass_after(|| {
        umask(Mode::all());
        Ok(())
    });
}

/// As nohup(1) does, and shells without job control for background jobs.
fn with_ignored(signals: &'static [Signal]) -> impl FnOnce(&mut Command) {
    // SAFETY: sigaction(2) is async-signal-safe.
    move |command| _ = unsafe { command.pre_exec(move || ignore(signals).map_err(io::Error::from)) }
}

#[test]
fn signals_that_are_ignored_do_not_interrupt_a_run() {
    let ignored = &[Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT];
    let run = Run::with(&["--launches", "3", CELLS[0], CELLS[2]], with_ignored(ignored));
    let worker = run.launch().worker;
    for &signal in ignored {
        run.signal(signal);
        run.send(worker, signal);
    }
    let (ended, place) = run.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(place.read().cells.iter().all(|cell| cell.outcome == Outcome::Measured), "{ended:?}");
    place.assert_nothing_left();
}

#[test]
fn those_that_are_not_ignored_still_do() {
    let run = Run::with(&["--launches", "30", CELLS[0]], with_ignored(&[Signal::SIGHUP]));
    run.launch();
    run.signal(Signal::SIGHUP);
    run.signal(Signal::SIGTERM);
    let (ended, place) = run.end();
    assert_sentence(&ended, 143, &["interrupted by signal 15"]);
    place.assert_nothing_left();
}

#[test]
fn a_stack_that_is_too_small_is_one_sentence_of_every_command() {
    let small = || setrlimit(Resource::RLIMIT_STACK, 64 << 10, 64 << 10);
    for args in [&["list", "pipe"][..], &["verify", CELLS[0]], &["show", "a.jsonl"], &["doctor"], &["clean"]] {
        let (ended, _place) = ipcmark_after(small, args);
        assert_sentence(&ended, 1, &["RLIMIT_STACK allows a stack of 64 KiB", "ulimit -s"]);
    }
}

#[test]
fn a_small_stack_that_may_grow_stops_nothing() {
    assert_all_pass_after(|| setrlimit(Resource::RLIMIT_STACK, 64 << 10, 8 << 20));
}

#[test]
fn a_worker_that_has_no_cpu_time_left_is_one_sentence_with_the_limit() {
    // The front end takes about half a second in a debug build.
    let three_seconds = || setrlimit(Resource::RLIMIT_CPU, 3, 100);
    let args =
        ["verify", "--operations", "1000000000", "--at-most", "60", "round-trip/process/same-cpu/block/null/64B"];
    let (ended, _place) = ipcmark_after(three_seconds, &args);
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(ended.out.contains("SIGXCPU") && ended.out.contains("RLIMIT_CPU allows 3 s"), "{ended:?}");
}

#[test]
fn a_worker_keeps_no_descriptor_of_its_front_ends_parent() {
    let place = Place::new();
    let path = place.path().join("of the parent");
    let file = std::fs::File::create(&path).unwrap();
    let number = file.as_raw_fd();
    let mut command = command(place.path(), &["verify", "--at-most", "0.05", "--operations", "1000000", CELLS[0]]);
    // SAFETY: dup2(2) is async-signal-safe; the copy has no FD_CLOEXEC.
    unsafe { command.pre_exec(move || Errno::result(libc::dup2(number, 17)).map(drop).map_err(io::Error::from)) };
    let live = Live::start(command).unwrap();
    let open = |process: i32| std::fs::read_link(format!("/proc/{process}/fd/17")).ok();
    assert_eq!(open(live.pid()).as_deref(), Some(Path::new(&path)));
    eventually("a worker without it", || {
        let worker = place.child_of(live.pid())?;
        let is_worker = std::fs::read(format!("/proc/{worker}/cmdline")).ok()?.starts_with(b"ipcmark-worker\0");
        (is_worker && open(worker).is_none()).then_some(())
    });
    assert_eq!(live.end().code, Some(0));
}

#[test]
fn a_time_stamp_counter_that_is_disabled_is_enabled_again() {
    let place = Place::new();
    let library = place.path().join("tsc.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/tsc.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
    if !cfg!(target_arch = "x86_64") || !compiled.is_ok_and(|status| status.success()) {
        return skip("there is no counter, or no C compiler");
    }
    let mut command = command(place.path(), &["verify", "--operations", "20", CELLS[0]]);
    command.env("LD_PRELOAD", &library);
    let ended = Live::start(command).unwrap().end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Runs `ipcmark` where a system call is refused.
fn ipcmark_without(call: libc::c_long, args: &[&str]) -> (Ended, Place) {
    let refused = Refusal { call, first: None, errno: Errno::EPERM };
    ipcmark_after(move || refused.install(), args)
}

#[test]
fn where_prctl_is_refused_one_sentence_names_it() {
    for args in
        [&["verify", CELLS[0]][..], &["list", "pipe"], &["doctor", "--probe-seconds", "0.01"], &["run", CELLS[0]]]
    {
        let (ended, _place) = ipcmark_without(libc::SYS_prctl, args);
        assert_sentence(&ended, 1, &["prctl(PR_SET_PDEATHSIG): EPERM"]);
    }
}

#[test]
fn where_clock_nanosleep_is_refused_all_else_works() {
    let cells = [CELLS[0], "round-trip/thread/same-cpu/block/condvar/0B", "paced/process/same-cpu/block/pipe/*"];
    let args = [&["verify", "--json", "--operations", "20"], &cells[..]].concat();
    let (ended, _place) = ipcmark_without(libc::SYS_clock_nanosleep, &args);
    assert!(ended.code == Some(0) && ended.out.contains("passed") && !ended.err.contains("panicked"), "{ended:?}");
}
