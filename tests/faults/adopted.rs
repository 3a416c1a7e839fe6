//! Workers that are stopped while their front end is killed, in a session whose first process adopts them, as in a container.
//!
//! Their process group does not become orphaned then, so the kernel does not make them go on by itself.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use ipcmark_harness::sys::process;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::wait;
use nix::unistd::{Pid, getppid};

use crate::clean::{CLEANING, cleaned, ended_by};
use crate::common::command;
use crate::live_run::{Launch, Place, eventually, parent, skipped_without};

/// The peer that waits spins meanwhile.
const SPINS: &str = "round-trip/process/same-cpu/spin/shm-ring/64B";
const BLOCKS: &str = "round-trip/process/same-cpu/block/shm-ring/64B";

/// Set where the test below is what it is for: the folder in which a run works.
const FOLDER: &str = "IPCMARK_TEST_ADOPTER";
/// The cell of that run.
const CELL: &str = "IPCMARK_TEST_CELL";
const STARTED: &str = "started: ";

#[test]
#[ignore = "a process that the tests here start: it adopts what its run leaves, and waits for it"]
fn an_adopter() {
    let (Some(folder), Ok(cell)) = (std::env::var_os(FOLDER), std::env::var(CELL)) else { return };
    process::die_with(getppid(), Signal::SIGKILL).unwrap();
    set_child_subreaper(true).unwrap();
    let args = ["run", "--out", "record.jsonl", "--profile", "full", "--launches", "40", &cell];
    let mut run = command(folder.as_ref(), &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    println!("\n{STARTED}{}", run.id());
    run.wait().unwrap();
    // It goes on for what it has adopted, until it is killed.
    loop {
        if wait().is_err() {
            std::thread::park();
        }
    }
}

/// The first process of a session, with a run as its child.
struct Session {
    adopter: Child,
    run: i32,
    place: Place,
}

impl Session {
    fn start(cell: &str) -> Session {
        let place = Place::new();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "adopted::an_adopter", "--ignored", "--nocapture"]);
        command.env(FOLDER, place.path()).env(CELL, cell).stdout(Stdio::piped());
        let mut adopter = command.spawn().unwrap();
        let mut lines = BufReader::new(adopter.stdout.take().unwrap()).lines().map(Result::unwrap);
        let run = lines.find_map(|line| line.strip_prefix(STARTED)?.parse().ok()).unwrap();
        Session { adopter, run, place }
    }

    fn launch(&self) -> Launch {
        eventually("a worker with a peer", || self.place.launch_of(self.run))
    }

    fn kill_the_front_end(&self) {
        kill(Pid::from_raw(self.run), Signal::SIGKILL).unwrap();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.run), Signal::SIGKILL);
        let _ = (self.adopter.kill(), self.adopter.wait());
    }
}

#[test]
fn a_stopped_worker_ends_with_its_front_end_whichever_process_adopts_it() {
    for (cell, signal) in [(SPINS, Signal::SIGSTOP), (BLOCKS, Signal::SIGTTOU), (SPINS, Signal::SIGTTIN)] {
        if skipped_without(&[cell]) {
            continue;
        }
        let session = Session::start(cell);
        let Launch { worker, peer } = session.launch();
        for process in [worker, peer] {
            let _ = kill(Pid::from_raw(process), signal);
        }
        session.kill_the_front_end();
        session.place.assert_nothing_left();
    }
}

/// A stop may discard what the kernel tells the worker of its front end's end, and may not.
#[test]
fn a_worker_that_is_stopped_after_its_front_end_was_killed_ends_or_is_ended_by_clean() {
    if skipped_without(&[SPINS]) {
        return;
    }
    let _alone = CLEANING.lock().unwrap();
    let session = Session::start(SPINS);
    let Launch { worker, .. } = session.launch();
    session.kill_the_front_end();
    for signal in [Signal::SIGSTOP, Signal::SIGTTIN, Signal::SIGTTOU, Signal::SIGTSTP] {
        let _ = kill(Pid::from_raw(worker), signal);
    }
    eventually("the front end's end", || parent(worker).is_none_or(|parent| parent != session.run).then_some(()));
    cleaned(&[]);
    session.place.assert_nothing_left();
}

/// A process that stays, started with the arguments of a worker of this front end.
struct Pretended(Child);

impl Pretended {
    fn start(front_end: u32, start_ticks: u64, is_launched: bool) -> Pretended {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & read line", "__worker", &front_end.to_string(), &start_ticks.to_string()]);
        command.stdin(Stdio::piped()).process_group(0);
        if is_launched {
            command.env("IPCMARK_PADDING", "");
        }
        Pretended(command.spawn().unwrap())
    }

    fn number(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Pretended {
    fn drop(&mut self) {
        let _ = nix::sys::signal::killpg(Pid::from_raw(self.0.id() as i32), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// Field 22 of /proc/pid/stat.
fn start_ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap()
}

/// In a state in which only SIGKILL reaches it, with a child that has other arguments.
#[test]
fn clean_ends_a_worker_of_no_run_and_its_child_and_no_other_process() {
    let _alone = CLEANING.lock().unwrap();
    let own = std::process::id();
    let (live, gone) = (start_ticks(own), start_ticks(own) - 1);
    let mut orphan = Pretended::start(own, gone, true);
    let child = eventually("its child", || {
        let list = format!("/proc/{0}/task/{0}/children", orphan.number());
        std::fs::read_to_string(list).unwrap().trim().parse::<u32>().ok()
    });
    kill(Pid::from_raw(orphan.number() as i32), Signal::SIGSTOP).unwrap();
    let mut others = [Pretended::start(own, live, true), Pretended::start(own, gone, false)];
    let would = ended_by(&cleaned(&["--dry-run"]));
    assert!(would.contains(&orphan.number()) && would.contains(&child), "{would:?}");
    assert!(orphan.0.try_wait().unwrap().is_none());
    let ended = ended_by(&cleaned(&[]));
    assert!(ended.contains(&orphan.number()) && ended.contains(&child), "{ended:?}");
    let status = orphan.0.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    for other in &mut others {
        assert!(!ended.contains(&other.number()) && other.0.try_wait().unwrap().is_none());
    }
}
