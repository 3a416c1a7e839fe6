//! `ipcmark clean` removes all that a killed owner left, and nothing of anybody else.
//!
//! Its world is the whole machine, where other tests' workers come and go: so each test looks for what is its own.
#![allow(unsafe_code)] // System V

use std::collections::BTreeSet;
use std::ffi::CString;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use ipcmark_harness::sys::names::{self, Drawn};
use ipcmark_harness::sys::process;
use nix::mqueue::{MQ_OFlag, MqAttr, mq_close, mq_open};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{getppid, mkfifo};
use serde_json::Value;

use crate::common::{Live, assert_sentence, command, ipcmark, skip};
use crate::live_run::{Place, Run, skipped_without};

const RING: &str = "round-trip/process/same-cpu/block/shm-ring/64B";

/// One test's `clean` removes what another test has left for its own.
pub(crate) static CLEANING: Mutex<()> = Mutex::new(());

pub(crate) fn cleaned(args: &[&str]) -> Value {
    let place = Place::new();
    let ended = ipcmark(place.path(), &[&["clean", "--json"], args].concat());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    serde_json::from_str(&ended.out).unwrap()
}

/// The processes that it has ended, or would.
pub(crate) fn ended_by(report: &Value) -> BTreeSet<u32> {
    let ended = report["ended"].as_array().unwrap().iter().map(|what| what.as_str().unwrap());
    ended.map(|what| what.split([' ', ',']).nth(1).unwrap().parse().unwrap()).collect()
}

fn removed(report: &Value) -> BTreeSet<String> {
    report["removed"].as_array().unwrap().iter().map(|thing| thing.as_str().unwrap().to_owned()).collect()
}

/// Why this is left alone, if it is.
fn reason_for<'a>(report: &'a Value, path: &str) -> Option<&'a str> {
    let left = report["left"].as_array().unwrap();
    left.iter().find(|left| left["path"] == path).map(|left| left["reason"].as_str().unwrap())
}

/// A process of its own that has made one thing of every kind.
struct Owner {
    child: Child,
    things: BTreeSet<String>,
    lease: String,
}

/// What the process says of each thing, before it says that there are no more.
const MADE: &str = "made: ";
const ALL_MADE: &str = "all made";

impl Owner {
    fn start() -> Owner {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "clean::an_owner_of_everything", "--ignored", "--nocapture"]);
        let mut child = command.env(ALONE, "").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let said: Vec<String> = lines.take_while(|line| line != ALL_MADE).collect();
        let things: BTreeSet<String> =
            said.iter().filter_map(|line| line.strip_prefix(MADE)).map(str::to_owned).collect();
        let lease = things.iter().find(|thing| names_a_lease(thing)).unwrap_or_else(|| panic!("{said:?}")).clone();
        Owner { child, things, lease }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

fn names_a_lease(thing: &str) -> bool {
    thing.strip_prefix("/dev/shm/ipcmark-").is_some_and(|rest| rest.len() == 16)
}

/// Set where the test below is what it is for.
const ALONE: &str = "IPCMARK_TEST_OWNER";

#[test]
#[ignore = "a process that the tests here start and kill"]
fn an_owner_of_everything() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    process::die_with(getppid(), Signal::SIGKILL).unwrap();
    names::adopt(Drawn::draw());
    let made = |thing: &str| println!("\n{MADE}{thing}");
    make_named(made);
    make_fifos(made);
    make_system_v(made);
    names::folders().iter().for_each(|folder| made(folder.to_str().unwrap()));
    println!("{ALL_MADE}");
    loop {
        std::thread::park();
    }
}

fn make_named(made: impl Fn(&str)) {
    let queue = format!("/{}", names::next());
    let flags = MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL | MQ_OFlag::O_RDONLY;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    let name = CString::new(queue.as_str()).unwrap();
    match mq_open(name.as_c_str(), flags, mode, Some(&MqAttr::new(0, 1, 8, 0))).and_then(mq_close) {
        Ok(()) => made(&format!("message queue {queue}")),
        Err(errno) => skip(format_args!("no message queue: {errno}")),
    }
    for prefix in ["", "sem."] {
        let path = format!("/dev/shm/{prefix}{}", names::next());
        std::fs::write(&path, "").unwrap();
        made(&path);
    }
}

fn make_fifos(made: impl Fn(&str)) {
    for path in [names::path(), names::disk_path()] {
        match path {
            Ok(path) => {
                mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
                made(path.to_str().unwrap());
            }
            Err(error) => skip(format_args!("no FIFO: {error}")),
        }
    }
}

fn make_system_v(made: impl Fn(&str)) {
    let flags = libc::IPC_CREAT | libc::IPC_EXCL | 0o600;
    type Create = fn(i32, i32) -> i32;
    // SAFETY: no pointers are passed, here and below.
    let queue: Create = |key, flags| unsafe { libc::msgget(key, flags) };
    // SAFETY: as above.
    let semaphores: Create = |key, flags| unsafe { libc::semget(key, 1, flags) };
    // SAFETY: as above.
    let memory: Create = |key, flags| unsafe { libc::shmget(key, 4096, flags) };
    let kinds = [("message queue", queue), ("semaphore set", semaphores), ("shared memory segment", memory)];
    for (kind, create) in kinds {
        let key = names::key();
        match create(key, flags) {
            -1 => skip(format_args!("no System V {kind}: {}", std::io::Error::last_os_error())),
            _ => made(&format!("System V {kind} with key {key:#010x}")),
        }
    }
}

#[test]
fn all_that_a_killed_owner_left_is_removed_and_nothing_of_a_live_one() {
    let _alone = CLEANING.lock().unwrap();
    let (mut dead, mut live) = (Owner::start(), Owner::start());
    assert!(dead.things.len() > 4, "{:?}", dead.things);
    let report = cleaned(&[]);
    assert!(removed(&report).is_disjoint(&dead.things), "{report}");
    let in_use = |owner: &Owner| format!("in use by process {}", owner.child.id());
    assert!(reason_for(&report, &dead.lease).unwrap().contains(&in_use(&dead)), "{report}");
    dead.kill();
    let would = cleaned(&["--dry-run"]);
    assert!(removed(&would).is_superset(&dead.things), "{would}");
    let report = cleaned(&[]);
    assert!(removed(&report).is_superset(&dead.things), "{report}");
    assert!(removed(&report).is_disjoint(&live.things), "{report}");
    assert!(reason_for(&report, &live.lease).unwrap().contains(&in_use(&live)), "{report}");
    let again = cleaned(&[]);
    assert!(removed(&again).is_disjoint(&dead.things) && reason_for(&again, &dead.lease).is_none(), "{again}");
    // Everything of the other one has been there all the time.
    live.kill();
    let report = cleaned(&[]);
    assert!(removed(&report).is_superset(&live.things), "{report}");
}

#[test]
fn a_run_that_was_killed_with_its_worker_and_peer_leaves_what_clean_removes() {
    if skipped_without(&[RING]) {
        return;
    }
    let _alone = CLEANING.lock().unwrap();
    let run = Run::start(&["--profile", "full", "--launches", "40", RING]);
    let lease = run.kill_all();
    let (ended, place) = run.end();
    assert_eq!(ended.signal, Some(9), "{ended:?}");
    assert!(lease.exists());
    let lines = ipcmark(place.path(), &["clean"]).out;
    assert!(lines.contains(&format!("removed  {}\n", lease.display())), "{lines}");
    place.assert_nothing_left();
}

#[test]
fn a_run_of_objects_with_names_leaves_none_at_its_end_nor_when_it_is_interrupted() {
    if skipped_without(&[RING]) {
        return;
    }
    let (ended, place) = Run::start(&["--launches", "1", RING]).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    place.assert_nothing_left();
    let run = Run::start(&["--profile", "full", "--launches", "40", RING]);
    run.launch();
    run.signal(Signal::SIGINT);
    let (ended, place) = run.end();
    assert_sentence(&ended, 130, &["interrupted by signal 2"]);
    place.assert_nothing_left();
}

/// `clean` looks into the folder for temporary files too, and this one is the test's own.
#[test]
fn what_only_has_the_name_of_a_lease_is_left_alone_and_named() {
    let place = Place::new();
    let [link, open, file, strange] = [1, 2, 3, 4].map(|n| place.path().join(format!("ipcmark-{n:016x}")));
    let precious = place.path().join("precious");
    let folder = |path: &Path, mode| {
        std::fs::create_dir(path).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    folder(&precious, 0o700);
    symlink(&precious, &link).unwrap();
    folder(&open, 0o777);
    std::fs::write(&file, "").unwrap();
    folder(&strange, 0o700);
    std::fs::write(strange.join("diary"), "").unwrap();
    let mut clean = command(place.path(), &["clean"]);
    clean.env("TMPDIR", place.path());
    let ended = Live::start(clean).unwrap().end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let reasons = [(&link, "symbolic link"), (&open, "mode 0777"), (&file, "no folder"), (&strange, "whose it is")];
    for (path, word) in reasons {
        let line = ended.out.lines().find(|line| line.contains(path.to_str().unwrap())).unwrap();
        assert!(line.starts_with("left ") && line.contains(word), "{line}");
    }
    assert!([&precious, &link, &open, &file, &strange.join("diary")].iter().all(|path| path.exists()));
}
