//! Paths that are no UTF-8, as Linux allows them: of records, pages, programs, and of the folders that the program works in.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ipcmark_harness::record::Record;
use ipcmark_report::made_up::Run;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{Ended, Live, assert_sentence, command};
use crate::live_run::{Place, eventually};

const CELL: &str = "round-trip/process/same-cpu/block/pipe/64B";

fn name(bytes: &'static [u8]) -> &'static OsStr {
    OsStr::from_bytes(bytes)
}

/// The words of a command line: `\xff` alone is no UTF-8.
fn ipcmark(folder: &Path, first: &str, args: &[&'static [u8]]) -> Ended {
    let mut command = command(folder, &[first]);
    command.args(args.iter().map(|arg| name(arg)));
    Live::start(command).unwrap().end()
}

#[test]
fn every_command_takes_paths_that_are_no_utf_8() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join(name(b"\xfe"));
    std::fs::create_dir(&inner).unwrap();
    for path in [folder.path().join(name(b"a\xff.jsonl")), inner.join("b.jsonl")] {
        Run { cells: 4, ..Run::default() }.write(&path).unwrap();
    }
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ipcmark"), inner.join("ipcmark")).unwrap();
    let cell = CELL.as_bytes();
    for (first, args) in [
        ("show", &[&b"a\xff.jsonl"[..]][..]),
        ("show", &[b"--json", b"a\xff.jsonl"]),
        ("compare", &[b"a\xff.jsonl", b"\xfe", b"--json"]),
        ("compare", &[b"a\xff.jsonl", b"\xfe"]),
        ("cite", &[b"a\xff.jsonl", cell, b"--anyway"]),
        ("cite", &[b"a\xff.jsonl", b"\xfe/b.jsonl", b"--anyway", b"--compare", cell, cell]),
        ("report", &[b"a\xff.jsonl", b"\xfe", b"--out", b"page\xff.html"]),
        ("man", &[b"pages\xff"]),
        ("run", &[b"--launches", b"1", b"--out", b"new\xff/new\xff.jsonl", cell]),
        ("run", &[b"--resume", b"new\xff/new\xff.jsonl"]),
        ("experiment", &[b"--dry-run", b"--a", b"\xfe/ipcmark", b"--b", b"env X=\xff \xfe/ipcmark", cell]),
        ("experiment", &[b"--dry-run", b"--apply", b"touch \xff", b"--undo", b"rm \xff", cell]),
    ] {
        let ended = ipcmark(folder.path(), first, args);
        assert_eq!(ended.code, Some(0), "{first} {args:?}: {ended:?}");
    }
    assert!(folder.path().join(name(b"page\xff.html")).is_file());
    let record = Record::read(&folder.path().join(name(b"new\xff/new\xff.jsonl"))).unwrap().0;
    assert_eq!(record.cells.len(), 1);
}

#[test]
fn what_is_no_utf_8_and_must_be_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    for (first, args) in [
        ("list", &[&b"\xff"[..]][..]),
        ("run", &[b"--tag", b"a=\xff"]),
        ("compare", &[b"a.jsonl", b"--by", b"\xff"]),
        ("\u{e9}", &[b"\xff"]),
    ] {
        assert_sentence(&ipcmark(folder.path(), first, args), 2, &["error: "]);
    }
}

/// Objects with names lie in such folders, and records below them.
#[test]
fn folders_whose_names_are_no_utf_8_are_worked_in() {
    let top = tempfile::tempdir().unwrap();
    let folder = top.path().join(name(b"\xff \xfe"));
    std::fs::create_dir(&folder).unwrap();
    let names = ["pipe/64B", "fifo/64B", "fifo-disk/64B", "unix-stream-path/64B", "named-sem/0B"];
    let cells = names.map(|name| format!("round-trip/process/same-cpu/block/{name}"));
    for first in [&["verify", "--operations", "20"][..], &["run", "--launches", "1"], &["clean"], &["run", "--dry-run"]]
    {
        let mut command = command(&folder, first);
        for variable in ["TMPDIR", "XDG_RUNTIME_DIR", "HOME", "XDG_CONFIG_HOME"] {
            command.env(variable, &folder);
        }
        if first[0] != "clean" {
            command.args(&cells[..if first[0] == "run" { 1 } else { cells.len() }]);
        }
        let ended = Live::start(command).unwrap().end();
        assert_eq!(ended.code, Some(0), "{first:?}: {ended:?}");
    }
    assert!(folder.join("results").is_dir());
}

#[test]
fn how_to_go_on_can_be_pasted_into_a_shell() {
    const RECORD: &[u8] = b"it's \xff.jsonl";
    let place = Place::new();
    let mut command = command(place.path(), &["run", "--launches", "30", CELL]);
    command.arg("--out").arg(name(RECORD));
    let live = Live::start(command).unwrap();
    // It is made after interruptions are caught.
    eventually("the record", || place.path().join(name(RECORD)).exists().then_some(()));
    kill(Pid::from_raw(live.pid()), Signal::SIGTERM).unwrap();
    let ended = live.end();
    assert_sentence(&ended, 143, &[r"--resume $'it\'s \377.jsonl'`"]);
    place.assert_nothing_left();
}
