//! A live `ipcmark run`, seen from outside: its processes are those that work in its folder, which no other run shares.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ipcmark_harness::record::{self, Outcome, Record};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::common::{DEADLINE, Ended, Live, command, ipcmark, skip};

/// A run that is under way, in a folder of its own.
pub(crate) struct Run {
    live: Live,
    place: Place,
}

/// Where a run works, and what was there before it.
pub(crate) struct Place {
    folder: TempDir,
    names_before: BTreeSet<PathBuf>,
}

/// A worker with its peer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    pub(crate) worker: i32,
    pub(crate) peer: i32,
}

impl Run {
    /// Starts `ipcmark run` with these arguments and a record.
    pub(crate) fn start(args: &[&str]) -> Run {
        Run::with(args, |_| ())
    }

    /// As `start`, with a command that has been changed.
    pub(crate) fn with(args: &[&str], change: impl FnOnce(&mut std::process::Command)) -> Run {
        let place = Place::new();
        let mut command = command(place.path(), &[&["run", "--out", "record.jsonl"], args].concat());
        change(&mut command);
        Run { live: Live::start(command).unwrap(), place }
    }

    /// Sends the run itself a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.live.pid()), signal).unwrap();
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> i32 {
        self.live.pid()
    }

    /// Sends a party of a launch a signal, if it is still there.
    pub(crate) fn send(&self, party: i32, signal: Signal) {
        let sent = kill(Pid::from_raw(party), signal);
        assert!(matches!(sent, Ok(()) | Err(Errno::ESRCH)), "{sent:?}");
    }

    /// The cells of whole lines of the record so far; none before it is there.
    pub(crate) fn cells(&self) -> Vec<record::Cell> {
        Record::read(&self.place.record()).map_or_else(|_| Vec::new(), |(record, _)| record.cells)
    }

    /// A launch in mid-batch, a few milliseconds after its peer has started.
    pub(crate) fn launch(&self) -> Launch {
        let launch = || self.place.launch_of(self.live.pid());
        eventually("a worker with a peer", || {
            let Some(seen) = launch() else {
                assert!(self.is_under_way(), "the run has ended before a worker with a peer was seen");
                return None;
            };
            std::thread::sleep(Duration::from_millis(5));
            (launch() == Some(seen)).then_some(seen)
        })
    }

    /// Sends `signal` to a party of a launch, again if it met one that was leaving, until a cell has failed of it.
    pub(crate) fn strike(&self, party: fn(Launch) -> i32, signal: Signal) {
        let failed = || self.cells().iter().any(|cell| cell.outcome == Outcome::Failed).then_some(());
        eventually("a failed cell", || {
            let launch = self.launch();
            let struck = kill(Pid::from_raw(party(launch)), signal);
            assert!(matches!(struck, Ok(()) | Err(Errno::ESRCH)), "{struck:?}");
            let another = || self.place.launch_of(self.live.pid()).filter(|next| next.worker != launch.worker);
            let over = || (!self.is_under_way()).then_some(());
            eventually("a failed cell, or another launch", || failed().or_else(|| another().map(drop)).or_else(over));
            failed()
        });
    }

    /// Stops a peer in mid-batch, and leaves its worker the time to notice nothing.
    pub(crate) fn stop_a_peer(&self) {
        eventually("a launch that stays", || {
            let launch = self.launch();
            let _ = kill(Pid::from_raw(launch.peer), Signal::SIGSTOP);
            // As long as several launches take: one that is still there hangs.
            std::thread::sleep(Duration::from_secs(1));
            (self.place.launch_of(self.live.pid()) == Some(launch)).then_some(())
        });
    }

    /// Kills the run, its worker and the peer at once, while the worker has a lease, and returns that.
    pub(crate) fn kill_all(&self) -> PathBuf {
        let run = self.live.pid();
        let send = |signal, process: i32| _ = kill(Pid::from_raw(process), signal);
        let (lease, parties) = eventually("a worker with a lease", || {
            send(Signal::SIGSTOP, run);
            let found = self.place.launch_of(run).and_then(|Launch { worker, peer }| {
                send(Signal::SIGSTOP, worker);
                lease_of(worker).map(|lease| (lease, [worker, peer, run])).or_else(|| {
                    send(Signal::SIGCONT, worker);
                    None
                })
            });
            if found.is_none() {
                send(Signal::SIGCONT, run);
            }
            found
        });
        parties.into_iter().for_each(|process| send(Signal::SIGKILL, process));
        lease
    }

    /// Tries to resume the record of this run, which is still under way.
    pub(crate) fn resume_beside(&self) -> Ended {
        ipcmark(self.place.path(), &["run", "--resume", "record.jsonl"])
    }

    /// Whether it still works in its folder, which a process that has ended does not.
    fn is_under_way(&self) -> bool {
        self.place.processes().iter().any(|process| process.0 == self.live.pid())
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> (Ended, Place) {
        (self.live.end(), self.place)
    }
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap(), names_before: names() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.path().join("record.jsonl")
    }

    /// The record, which must have no bad line.
    pub(crate) fn read(&self) -> Record {
        let (record, warnings) = Record::read(&self.record()).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        record
    }

    /// Completes the run with the words that it was told to use, and asserts that all that was planned is measured.
    pub(crate) fn resume_as_told(&self, by: &Ended) {
        let told = by.err.split_once("`ipcmark ").and_then(|(_, rest)| rest.split_once('`'));
        let told: Vec<&str> = told.unwrap_or_else(|| panic!("no advice in {}", by.err)).0.split(' ').collect();
        self.resume(&told);
    }

    /// Runs `resume` and asserts that exactly what was planned is measured then, with as many launches.
    pub(crate) fn resume(&self, args: &[&str]) {
        let ended = ipcmark(self.path(), args);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let record = self.read();
        let planned: BTreeSet<&str> = record.header.selection.cells.iter().map(String::as_str).collect();
        let present: BTreeSet<&str> = record.cells.iter().map(|cell| cell.id.as_str()).collect();
        assert_eq!(present, planned);
        for cell in &record.cells {
            let found = (cell.outcome, cell.launches, cell.per_launch.len() as u32);
            let launches = record.header.selection.launches;
            assert_eq!(found, (Outcome::Measured, launches, launches), "{}", cell.id);
        }
    }

    /// Asserts that no process of the run and no name of a kernel object outlives it for long.
    pub(crate) fn assert_nothing_left(&self) {
        self.assert_nothing_left_but(|_| false);
    }

    /// The same, but for names that are known to be of somebody else.
    pub(crate) fn assert_nothing_left_but(&self, is_of_others: impl Fn(&Path) -> bool) {
        self.assert_no_process_left();
        // Other tests' runs use names too, each for a moment: only those count that stay.
        let mut stayed = &names() - &self.names_before;
        for _ in 0..500 {
            if stayed.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
            stayed = &stayed & &names();
        }
        stayed.retain(|name| !is_of_others(name));
        let stayed: Vec<String> = stayed.iter().map(|name| described(name)).collect();
        assert!(stayed.is_empty(), "names left: {stayed:?}");
    }

    /// The same of processes only: whose objects are its own has them looked at there.
    pub(crate) fn assert_no_process_left(&self) {
        let left_after = |deadline: Instant| loop {
            let processes = self.processes();
            if processes.is_empty() || Instant::now() > deadline {
                return processes;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let processes = left_after(Instant::now() + Duration::from_secs(20));
        assert!(processes.is_empty(), "(process, parent) left: {processes:?}");
    }

    /// Removes names of workers that have ended in System V namespaces of their own, before other tests take them for theirs.
    pub(crate) fn remove_what_the_dead_have_left(&self) {
        let own = std::fs::read_link("/proc/self/ns/ipc").unwrap_or_default();
        let own: String = own.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
        for lease in &names() - &self.names_before {
            let owner = std::fs::read_link(lease.join("owner")).unwrap_or_default().to_string_lossy().into_owned();
            let process = owner.split(' ').next().unwrap_or_default();
            let is_dead = !process.is_empty() && !Path::new("/proc").join(process).exists();
            if is_dead && !owner.contains(&own) {
                let _ = std::fs::remove_dir_all(lease);
            }
        }
    }

    /// Stops every process that works in this folder, but for `run` itself, for so long.
    pub(crate) fn stop_all_but(&self, run: i32, stop: Duration) {
        let others: Vec<i32> = self.processes().iter().map(|process| process.0).filter(|&pid| pid != run).collect();
        let send = |signal| others.iter().for_each(|&pid| _ = kill(Pid::from_raw(pid), signal));
        send(Signal::SIGSTOP);
        std::thread::sleep(stop);
        send(Signal::SIGCONT);
    }

    /// A child of `parent` that has come so far as to work in this folder.
    pub(crate) fn child_of(&self, parent: i32) -> Option<i32> {
        self.processes().into_iter().find(|process| process.1 == parent).map(|process| process.0)
    }

    /// A worker of the process `run` that has a peer, with that. Before the record is there it is no launch: a worker
    /// then finds out what this kernel supports, and forks for that, too.
    pub(crate) fn launch_of(&self, run: i32) -> Option<Launch> {
        self.record().exists().then_some(())?;
        let processes = self.processes();
        let child_of = |parent: i32| processes.iter().find(|process| process.1 == parent).map(|process| process.0);
        let worker = child_of(run)?;
        Some(Launch { worker, peer: child_of(worker)? })
    }

    /// Every process that works in this folder, with its parent. Zombies have no folder any more.
    fn processes(&self) -> Vec<(i32, i32)> {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let here = self.path().canonicalize().unwrap();
        let works_here = |pid: &i32| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == here);
        numbers.filter(works_here).filter_map(|pid| Some((pid, parent(pid)?))).collect()
    }
}

/// The parent's process id, the second field of /proc/pid/stat after the name in parentheses.
pub(crate) fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Names of kernel objects of this suite, whoever runs it, and System V objects that may be: nothing in a key tells.
fn names() -> BTreeSet<PathBuf> {
    let files = ["/dev/shm", "/dev/mqueue", "/var/tmp"].into_iter().filter_map(|folder| std::fs::read_dir(folder).ok());
    let paths = files.flatten().flatten().map(|entry| entry.path());
    let ours = paths.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("ipcmark-")));
    ours.chain(system_v()).collect()
}

/// A name with, of a folder, all that is in it and whose it says that it is.
fn described(name: &Path) -> String {
    let entries = std::fs::read_dir(name).into_iter().flatten().flatten();
    let inside: Vec<_> = entries.map(|entry| (entry.file_name(), std::fs::read_link(entry.path()).ok())).collect();
    format!("{} {inside:?}", name.display())
}

/// Every System V object that this user made for itself alone, and that has a key: as a file named by the key.
fn system_v() -> impl Iterator<Item = PathBuf> {
    // Where the owner stands in a line.
    [("msg", 7), ("sem", 4), ("shm", 7)].into_iter().flat_map(|(kind, owner)| {
        let list = format!("/proc/sysvipc/{kind}");
        let text = std::fs::read_to_string(&list).unwrap_or_default();
        let user = nix::unistd::geteuid().to_string();
        let of_line = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [key, _id, mode, ..] = fields[..] else { return None };
            (key != "0" && mode == "600" && fields[owner] == user).then(|| Path::new(&list).join(key))
        };
        text.lines().skip(1).filter_map(of_line).collect::<Vec<_>>()
    })
}

/// The folder in /dev/shm whose owner is this worker.
fn lease_of(worker: i32) -> Option<PathBuf> {
    let is_of = |path: &PathBuf| {
        let owner = std::fs::read_link(path.join("owner")).unwrap_or_default();
        owner.to_string_lossy().starts_with(&format!("{worker} "))
    };
    names().into_iter().find(is_of)
}

/// What `look` finds, within the deadline.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} was waited for in vain");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Says on standard error that a test has not been done, when one of these cells cannot run here.
pub(crate) fn skipped_without(ids: &[&str]) -> bool {
    let place = Place::new();
    let list = ipcmark(place.path(), &[&["list", "--json"], ids].concat()).out;
    let cells: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    let missing = cells.iter().find(|cell| cell["support"] != "available");
    if let Some(cell) = missing {
        skip(format_args!("{} cannot run here: {}", cell["id"], cell["support"]));
    }
    missing.is_some()
}
