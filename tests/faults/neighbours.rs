//! Others at work on the same machine: what has a name like ours and is not ours, and a second run.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};

use ipcmark_harness::grade::Letter;
use ipcmark_harness::measuring_lock::MeasuringLock;
use ipcmark_harness::record::{Cell, Outcome};

use crate::common::{Live, assert_sentence, command, ipcmark, skip};
use crate::confined::World;
use crate::live_run::{Place, eventually};
use crate::withheld::ONE_OF_EACH;

/// What somebody left, one of each kind, named as we name things: a System V key is as good as any other.
const PLANTED: &str = "\
    mkfifo -m 600 /dev/shm/ipcmark-0123456789abcdef-0 && \
    touch /dev/shm/ipcmark-0123456789abcdef-1 /dev/shm/sem.ipcmark-0123456789abcdef-2 && \
    touch queues/ipcmark-0123456789abcdef-3 && \
    mkdir -m 700 /dev/shm/ipcmark-0123456789abcdef && mkfifo /dev/shm/ipcmark-0123456789abcdef/ipcmark-0 && \
    ipcmk -p 0600 -Q && ipcmk -p 0600 -S 1 && ipcmk -p 0600 -M 4096 ";

/// `World` compares what is there before and after.
#[test]
fn what_somebody_left_with_names_like_ours_is_not_touched() {
    let Some(world) = World::new(&[]).filter(World::is_private) else {
        return skip("objects of others are planted only in namespaces of their own");
    };
    for args in [&[&["verify"], &ONE_OF_EACH[..]].concat()[..], &["clean"]] {
        let ended = world.ipcmark_after(PLANTED, args);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

/// A path, and an abstract name.
#[test]
fn who_listens_at_a_name_like_ours_is_not_called() {
    let name = format!("ipcmark-0123456789abcdef-{}", std::process::id());
    let path = Path::new("/dev/shm").join(&name);
    let addresses = [SocketAddr::from_pathname(&path), SocketAddr::from_abstract_name(&name)];
    let listeners = addresses.map(|address| UnixListener::bind_addr(&address.unwrap()).unwrap());
    let place = Place::new();
    let ended =
        ipcmark(place.path(), &["verify", "*/same-cpu/block/unix-*-path/1B", "*/same-cpu/block/unix-*-abstract/1B"]);
    let stays = std::fs::remove_file(&path).is_ok();
    assert!(stays && ended.code == Some(0), "{ended:?}");
    for listener in listeners {
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
    place.assert_nothing_left();
}

/// Runs this twice at once, and asserts that both succeed.
fn twice(args: &[&str]) -> [(String, Place); 2] {
    let start = |_| {
        let place = Place::new();
        (Live::start(command(place.path(), args)).unwrap(), place)
    };
    [0, 1].map(start).map(|(live, place)| {
        let ended = live.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        place.assert_nothing_left();
        (ended.err, place)
    })
}

#[test]
fn two_verifications_at_once_mix_nothing_up() {
    let ended = twice(&[&["verify"], &ONE_OF_EACH[..]].concat()).map(|(err, _place)| err);
    assert!(ended[0] == ended[1] && ended[0].contains(" passed, 0 failed, "), "{ended:?}");
}

#[test]
fn two_runs_at_once_measure_every_cell() {
    let run = ["run", "--profile", "full", "--launches", "1", "--out", "record.jsonl"];
    let outcomes = twice(&[&run[..], &ONE_OF_EACH].concat()).map(|(_err, place)| {
        let outcome = |cell: Cell| (cell.id, cell.outcome);
        place.read().cells.into_iter().map(outcome).collect::<BTreeMap<_, _>>()
    });
    assert_eq!(outcomes[0], outcomes[1]);
    let measured = outcomes[0].values().filter(|outcome| **outcome == Outcome::Measured).count();
    assert!(measured > 0 && outcomes[0].values().all(|outcome| *outcome != Outcome::Failed), "{outcomes:?}");
}

/// What another user holds, and what this one does, are for one test at a time.
static LOCKING: Mutex<()> = Mutex::new(());

/// The lock that a run holds, however many other tests run meanwhile.
fn measuring() -> MeasuringLock {
    eventually("nobody else measures", || MeasuringLock::take().unwrap())
}

/// Without what other tests' runs are told: to measure all the same.
fn a_run(place: &Place, args: &[&str]) -> Live {
    let mut command = command(place.path(), &[]);
    command.args(["run", "--probe-seconds", "0.01", "--launches", "1", "null/64B"]).args(args);
    Live::start(command).unwrap()
}

#[test]
fn a_run_beside_another_is_refused_and_says_which_and_for_how_long() {
    let (place, _one, _lock) = (Place::new(), one_at_a_time(), measuring());
    let ended = a_run(&place, &[]).end();
    let holder = format!("process {}, started ", std::process::id());
    assert_sentence(&ended, 3, &["another run measures", &holder, "--wait", "--anyway"]);
    assert!(place.path().read_dir().unwrap().next().is_none(), "it has begun a record");
}

#[test]
fn a_run_beside_another_by_choice_says_so_in_its_record() {
    let (place, _one, _lock) = (Place::new(), one_at_a_time(), measuring());
    assert_eq!(a_run(&place, &["--anyway", "--out", "record.jsonl"]).end().code, Some(0));
    let record = place.read();
    assert!(record.header.findings.iter().any(|finding| finding.id == "another-run"), "{:?}", record.header.findings);
    let letters: Vec<_> =
        record.cells.iter().filter_map(|cell| cell.grade.as_ref()).map(|grade| grade.letter).collect();
    assert!(!letters.is_empty() && letters.iter().all(|letter| *letter == Letter::D), "{letters:?}");
}

#[test]
fn a_run_that_waits_begins_when_the_other_has_ended() {
    let (place, _one, lock) = (Place::new(), one_at_a_time(), measuring());
    let run = a_run(&place, &["--wait"]);
    std::thread::sleep(std::time::Duration::from_secs(2));
    drop(lock);
    let ended = run.end();
    // A debug build is refused afterwards.
    assert!(matches!(ended.code, Some(0 | 3)) && !ended.err.contains("another run measures"), "{ended:?}");
    assert!(ended.err.contains("waiting for another run: process "), "{}", ended.err);
}

fn one_at_a_time() -> MutexGuard<'static, ()> {
    LOCKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Set where the test below is what it is for.
const STRANGER: &str = "IPCMARK_TEST_STRANGER";
const LISTENS: &str = "listens";
/// The user `nobody`.
const NOBODY: u32 = 65534;

#[test]
#[ignore = "a process of another user that a test here starts: it takes the address by which runs see each other"]
fn a_stranger_at_the_address_of_runs() {
    if std::env::var_os(STRANGER).is_none() {
        return;
    }
    let address = SocketAddr::from_abstract_name("ipcmark.measures").unwrap();
    let _listener = eventually("the address", || UnixListener::bind_addr(&address).ok());
    println!("\n{LISTENS}");
    std::io::stdin().read_to_string(&mut String::new()).unwrap();
}

/// It ends with its standard input.
fn stranger() -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", "neighbours::a_stranger_at_the_address_of_runs", "--ignored", "--nocapture"]);
    command.env(STRANGER, "").current_dir("/").uid(NOBODY).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn()
}

#[test]
fn a_process_of_another_user_at_the_address_of_runs_is_told_of_and_neither_refuses_nor_degrades() {
    let _one = one_at_a_time();
    if !nix::unistd::geteuid().is_root() {
        return skip("to be another user takes root");
    }
    let mut stranger = match stranger() {
        Ok(stranger) => stranger,
        Err(error) => return skip(format_args!("no process of another user: {error}")),
    };
    let mut lines = BufReader::new(stranger.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == LISTENS));
    let lock = measuring();
    let beside = lock.beside().unwrap();
    assert_eq!((beside.process, beside.user), (Some(stranger.id() as i32), Some(NOBODY)));
    drop(lock);
    let place = Place::new();
    // A debug build is refused afterwards, and other tests' runs may have the lock.
    let ended = a_run(&place, &["--wait", "--out", "record.jsonl"]).end();
    assert!(ended.err.contains(&format!("process {} of user {NOBODY}", stranger.id())), "{ended:?}");
    assert!(matches!(ended.code, Some(0 | 3)) && !ended.err.contains("another run measures"), "{ended:?}");
    drop(stranger.stdin.take());
    stranger.wait().unwrap();
}
