//! Standard output and standard error that are full, closed, lost, stopped or not read; and names that would drive a terminal.
#![allow(unsafe_code)] // `pre_exec`

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use ipcmark_harness::record::{Outcome, Record};
use ipcmark_report::made_up::Run;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::{Pid, pipe2, setsid, write};

use crate::common::{DEADLINE, as_a_test, assert_sentence, command, ipcmark};
use crate::live_run::{Place, eventually};

const CELL: &str = "round-trip/process/same-cpu/block/pipe/64B";

/// A folder with a record.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Run { cells: 4, ..Run::default() }.write(&folder.path().join("a.jsonl")).unwrap();
    folder
}

/// Every command that prints, quickly.
const COMMANDS: [&[&str]; 11] = [
    &["list", "--profile", "quick", "pipe"],
    &["verify", "--operations", "20", CELL],
    &["run", "--launches", "1", "--out", "new.jsonl", CELL],
    &["show", "a.jsonl"],
    &["show", "--json", "a.jsonl"],
    &["compare", "a.jsonl", "a.jsonl"],
    &["cite", "--anyway", "a.jsonl", CELL],
    &["report", "a.jsonl", "--out", "page.html"],
    &["clean", "--dry-run"],
    &["completions", "bash"],
    &["--help"],
];

/// Runs to the end, at a deadline: how it ended.
fn status(command: &mut Command) -> ExitStatus {
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + DEADLINE;
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status,
            None if Instant::now() > deadline => {
                let _ = child.kill();
                panic!("the program hangs: {command:?}")
            }
            None => std::thread::sleep(std::time::Duration::from_millis(5)),
        }
    }
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

#[test]
fn a_full_standard_error_changes_no_exit_code() {
    let folder = place();
    for args in COMMANDS {
        let status = status(command(folder.path(), args).stdout(Stdio::null()).stderr(full()));
        assert_eq!(status.code(), Some(0), "{args:?}");
        let _ = std::fs::remove_file(folder.path().join("new.jsonl"));
    }
    let refused = status(command(folder.path(), &["show", "missing.jsonl"]).stderr(full()));
    let misspelt = status(command(folder.path(), &["nonsense"]).stderr(full()));
    assert_eq!((refused.code(), misspelt.code()), (Some(1), Some(2)));
}

#[test]
fn a_full_standard_output_is_one_sentence() {
    let folder = place();
    for args in COMMANDS {
        let mut command = command(folder.path(), args);
        command.stdout(full());
        let ended = crate::common::Live::start_with_output(command).unwrap().end();
        assert_sentence(&ended, 1, &["standard output cannot be written", "No space left"]);
    }
    // Only what is printed is lost.
    assert_eq!(Record::read(&folder.path().join("new.jsonl")).unwrap().0.cells.len(), 1);
}

/// The number of a closed output would be that of the next file: the record, or a socket to a worker.
#[test]
fn what_is_closed_is_no_file_of_the_program() {
    let folder = place();
    for closed in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        for args in [COMMANDS[2], COMMANDS[3], COMMANDS[7]] {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("exec \"$@\" {closed}"), "sh", env!("CARGO_BIN_EXE_ipcmark")]);
            shell.args(as_a_test(args)).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
            assert_eq!(status(&mut shell).code(), Some(0), "{closed} {args:?}");
            let record = folder.path().join("new.jsonl");
            assert!(!record.exists() || Record::read(&record).is_ok_and(|(_, warnings)| warnings.is_empty()));
            let _ = std::fs::remove_file(record);
        }
    }
}

/// A pipe into which nothing goes any more.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    while write(&writer, &[0; 4096]) != Err(Errno::EAGAIN) {}
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    (reader, writer)
}

#[test]
fn a_standard_error_that_is_not_read_holds_nothing_up() {
    let folder = place();
    let (_reader, writer) = full_pipe();
    for args in [COMMANDS[1], COMMANDS[2]] {
        let mut command = command(folder.path(), args);
        assert_eq!(status(command.stdout(Stdio::null()).stderr(writer.try_clone().unwrap())).code(), Some(0));
    }
    let refused = status(command(folder.path(), &["show", "missing.jsonl"]).stderr(writer.try_clone().unwrap()));
    assert_eq!(refused.code(), Some(1));
}

#[test]
fn a_worker_that_hangs_is_ended_though_neither_output_is_read() {
    let place = Place::new();
    let (_reader, writer) = full_pipe();
    let args = ["run", "--out", "record.jsonl", "--launches", "100", "--cell-timeout", "1", CELL];
    let mut command = command(place.path(), &args);
    let mut child = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    let run = child.id() as i32;
    eventually("a failed cell", || {
        if let Some(launch) = place.launch_of(run) {
            let _ = kill(Pid::from_raw(launch.peer), Signal::SIGSTOP);
        }
        let (record, _) = Record::read(&place.record()).ok()?;
        record.cells.iter().any(|cell| cell.outcome == Outcome::Failed).then_some(())
    });
    // By now it waits for a reader of its tables.
    kill(Pid::from_raw(run), Signal::SIGTERM).unwrap();
    let ended = eventually("the end of the program", || child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(143), "{ended:?}");
    place.assert_nothing_left();
}

#[test]
fn a_standard_error_whose_reader_has_gone_holds_nothing_up() {
    let folder = place();
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    drop(reader);
    let status = status(command(folder.path(), COMMANDS[2]).stdout(Stdio::null()).stderr(writer));
    assert_eq!(status.code(), Some(0), "{status:?}");
}

#[test]
fn a_standard_output_whose_reader_has_gone_ends_the_program_as_it_does_others() {
    let folder = place();
    for args in [COMMANDS[0], COMMANDS[3], COMMANDS[9], COMMANDS[10]] {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
        drop(reader);
        let status = status(command(folder.path(), args).stdout(writer).stderr(Stdio::null()));
        assert_eq!(status.signal(), Some(Signal::SIGPIPE as i32), "{args:?}: {status:?}");
    }
}

#[test]
fn while_standard_output_is_not_read_a_signal_ends_the_program() {
    let folder = place();
    let (_reader, writer) = full_pipe();
    for args in [COMMANDS[1], COMMANDS[2]] {
        let mut command = command(folder.path(), args);
        let mut child = command.stdout(writer.try_clone().unwrap()).stderr(Stdio::piped()).spawn().unwrap();
        // Its last act before it prints, but for what a loop must not wait for: the signal may come at any time.
        std::thread::sleep(std::time::Duration::from_millis(300));
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
        let ended = eventually("the end of the program", || child.try_wait().unwrap());
        assert!(ended.code() == Some(143) || ended.signal() == Some(15), "{args:?}: {ended:?}");
    }
}

/// A terminal, and what its emulator has of it. As of pipes here, no child that another test starts gets a copy.
fn terminal() -> (PtyMaster, File) {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NOCTTY);
    let slave = options.open(ptsname_r(&master).unwrap()).unwrap();
    (master, slave)
}

#[test]
fn a_terminal_that_is_stopped_or_not_read_holds_nothing_up() {
    let folder = place();
    let (mut emulator, terminal) = terminal();
    // Ctrl-S.
    emulator.write_all(b"\x13").unwrap();
    let mut command = command(folder.path(), COMMANDS[2]);
    command.env("TERM", "xterm").stdout(Stdio::null()).stderr(terminal);
    assert_eq!(status(&mut command).code(), Some(0));
}

/// As under nohup(1), and with the terminal on both outputs: a terminal emulator that is closed.
#[test]
fn a_terminal_that_is_lost_is_no_panic_and_the_record_is_whole() {
    let folder = place();
    let (emulator, terminal) = terminal();
    let mut command = command(folder.path(), COMMANDS[2]);
    command.env("TERM", "xterm").stdout(terminal.try_clone().unwrap()).stderr(terminal);
    // SAFETY: the calls are async-signal-safe, and the signal runs no code.
    unsafe {
        command.pre_exec(|| {
            signal(Signal::SIGHUP, SigHandler::SigIgn)?;
            setsid()?;
            Errno::result(libc::ioctl(1, libc::TIOCSCTTY, 0)).map(drop).map_err(io::Error::from)
        })
    };
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    drop((command, emulator));
    let ended = eventually("the end of the program", || child.try_wait().unwrap());
    // Standard output could not be written.
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert_eq!(Record::read(&folder.path().join("new.jsonl")).unwrap().0.cells.len(), 1);
}

/// What is left of a name with an escape sequence, which no output may have.
#[track_caller]
fn assert_harmless(folder: &Path, args: &[&str]) {
    let ended = ipcmark(folder, args);
    let raw = |text: &str| text.contains(|c: char| c.is_control() && c != '\n') || text.contains('\u{202e}');
    assert!(!raw(&ended.out) && !raw(&ended.err), "{args:?}: {ended:?}");
}

#[test]
fn names_drive_no_terminal() {
    const NAME: &str = "a\x1b[31m\u{9b}2J\u{202e}\x07.jsonl";
    let folder = place();
    std::fs::copy(folder.path().join("a.jsonl"), folder.path().join(NAME)).unwrap();
    std::fs::create_dir(folder.path().join("x\x1b[0m")).unwrap();
    std::fs::write(folder.path().join("x\x1b[0m").join(NAME), "no record").unwrap();
    let (page, tag) = (format!("{NAME}.html"), format!("{NAME}=\x1b[31m"));
    for args in [
        &["show", NAME][..],
        &["show", "--json", NAME],
        &["show", "\x1b[31m"],
        &["show", NAME, "--reference", "\x1b[31m"],
        &["compare", NAME, NAME],
        &["compare", "--json", NAME, NAME, "x\x1b[0m"],
        &["compare", "--markdown", NAME, NAME],
        &["compare", NAME, NAME, "--by", "\x1b[31m"],
        &["cite", "--anyway", NAME, CELL],
        &["cite", "--anyway", "--format", "json", NAME, CELL],
        &["cite", NAME, "\x1b[31m"],
        &["report", NAME, "x\x1b[0m", "--out", &page],
        &["report", "x\x1b[0m", "--out", &page],
        &["list", "\x1b[31m"],
        &["run", "--resume", NAME],
        &["run", "--resume", "\x1b[31m"],
        &["run", "--out", NAME, CELL],
        &["run", "--dry-run", "--tag", &tag, CELL],
        &["run", "--tag", "\x1b[31m"],
        &["experiment", "--dry-run", "--a", "\x1b[31m", CELL],
        &["experiment", "--dry-run", "--apply", "\x1b[31m", "--undo", "\x1b[31m", CELL],
        &["\x1b[31m"],
        &["show", "--\x1b[31m"],
    ] {
        assert_harmless(folder.path(), args);
    }
}

/// JSON keeps what it escapes.
#[test]
fn json_escapes_what_would_drive_a_terminal() {
    let folder = place();
    let text = std::fs::read_to_string(folder.path().join("a.jsonl")).unwrap();
    let marked = text.replacen(r#""suite":""#, "\"suite\":\"\u{9b}2J\u{7f}\u{202e}", 1);
    assert_ne!(text, marked);
    File::create(folder.path().join("b.jsonl")).unwrap().write_all(marked.as_bytes()).unwrap();
    for args in [
        &["show", "--json", "b.jsonl"][..],
        &["compare", "--json", "b.jsonl", "a.jsonl"],
        &["cite", "--anyway", "--format", "json", "b.jsonl", CELL],
    ] {
        let ended = ipcmark(folder.path(), args);
        assert_eq!(ended.code, Some(0), "{args:?}");
        assert!(!ended.out.contains(['\u{9b}', '\u{7f}', '\u{202e}']), "{args:?}");
        assert!(serde_json::from_str::<serde_json::Value>(&ended.out).is_ok(), "{args:?}");
    }
    let ended = ipcmark(folder.path(), &["show", "--json", "b.jsonl"]);
    let shown: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert!(shown["header"]["suite"].as_str().unwrap().starts_with("\u{9b}2J\u{7f}\u{202e}"));
}
