//! The program under test, and what it leaves.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ipcmark_harness::record::{Cell, Outcome, Record};
use tempfile::TempDir;

/// Nothing here takes longer, on the slowest machine: what does, hangs.
pub(crate) const HANG: Duration = Duration::from_secs(120);

/// A folder for one test's records.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(TempDir::new().expect("a temporary folder"))
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.0.path().join("record.jsonl")
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// `ipcmark` with these arguments, its output kept.
pub(crate) fn ipcmark(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipcmark"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `ipcmark run` into this record, with few launches.
pub(crate) fn run(record: &Path, launches: u32, filters: &[&str]) -> Command {
    let mut command = ipcmark(&["run", "--launches", &launches.to_string(), "--out"]);
    command.arg(record).args(filters);
    command
}

/// What a command leaves: its exit code, or the signal that ended it, and its words.
pub(crate) struct Ending {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ending {
    fn from(output: Output) -> Ending {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ending { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Ending {
    /// The one sentence that says why the program ended.
    #[track_caller]
    pub(crate) fn error(&self) -> &str {
        let errors: Vec<&str> = self.stderr.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
        let [error] = errors[..] else { panic!("not one error but {}: {}", errors.len(), self.stderr) };
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        error
    }

    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) -> &Ending {
        assert_eq!(self.code, Some(code), "stderr: {}\nstdout: {}", self.stderr, self.stdout);
        self
    }
}

/// Runs to the end; a hang is a failure.
pub(crate) fn finish(mut command: Command) -> Ending {
    end_of(command.spawn().expect("ipcmark starts"))
}

/// Waits for a child that may hang.
pub(crate) fn end_of(child: Child) -> Ending {
    let pid = child.id();
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    match ended.recv_timeout(HANG) {
        Ok(output) => output.expect("its output").into(),
        Err(_) => {
            signal(pid, nix::sys::signal::Signal::SIGKILL);
            panic!("ipcmark hung for {HANG:?}");
        }
    }
}

/// Sends a signal; the process may be gone already.
pub(crate) fn signal(pid: u32, signal: nix::sys::signal::Signal) {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), signal);
}

/// The cells of a record that must be readable without any complaint.
#[track_caller]
pub(crate) fn cells(record: &Path) -> Vec<Cell> {
    let (record, warnings) = Record::read(record).expect("a readable record");
    assert!(warnings.is_empty(), "{warnings:?}");
    record.cells
}

/// The only cell of this outcome.
#[track_caller]
pub(crate) fn only(cells: &[Cell], outcome: Outcome) -> &Cell {
    let found: Vec<&Cell> = cells.iter().filter(|cell| cell.outcome == outcome).collect();
    let [cell] = found[..] else { panic!("not one cell is {outcome:?} but {}: {cells:?}", found.len()) };
    cell
}

/// Why it has no number.
pub(crate) fn reason(cell: &Cell) -> &str {
    cell.reason.as_deref().unwrap_or("")
}

/// A process as /proc shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    parent: u32,
    state: char,
}

/// Every process there is. The name in parentheses may hold anything, so fields are counted from behind it.
fn processes() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let mut fields = stat.rsplit_once(") ")?.1.split(' ');
            Some(Process { pid, state: fields.next()?.chars().next()?, parent: fields.next()?.parse().ok()? })
        })
        .collect()
}

/// The living children of `parent`.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    processes().into_iter().filter(|p| p.parent == parent && p.state != 'Z').map(|p| p.pid).collect()
}

/// Whether it lives; a zombie does not.
pub(crate) fn lives(pid: u32) -> bool {
    processes().iter().any(|p| p.pid == pid && p.state != 'Z')
}

/// Looks until `found` finds something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(start.elapsed() < HANG, "{what} did not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A worker of this run that has started its peer: both process ids.
#[track_caller]
pub(crate) fn worker_and_peer(runner: u32) -> (u32, u32) {
    eventually("a worker with a peer", || {
        children(runner).into_iter().find_map(|worker| Some((worker, *children(worker).first()?)))
    })
}

/// Prints why a test cannot do its work here, where a person sees it.
pub(crate) fn skip(why: impl std::fmt::Display) {
    eprintln!("skipped: {why}");
}
