//! The real program, run in a folder of its own and never waited for without a deadline.
#![allow(dead_code)] // each test program uses its part

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use ipcmark_harness::record::{Cell, Record};
use nix::sys::signal::{SigHandler, Signal, signal};
use serde_json::Value;

/// Longer than anything a test asks for takes on a busy machine: beyond it, the program hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// How a program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// For `run`: what is tested is the command, by a debug build, beside other tests, on any machine: what is measured does not matter.
pub(crate) const AS_A_TEST: [&str; 3] = ["--anyway", "--probe-seconds", "0.01"];

/// These arguments, and for `run` what tests tell it beside.
pub(crate) fn as_a_test<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let more = AS_A_TEST.iter().filter(|_| args.first() == Some(&"run"));
    args.iter().chain(more).copied().collect()
}

/// Whether the long form of the tests is asked for by `IPCMARK_TESTS=long`: the same checks, of more cases.
pub(crate) fn is_long_form() -> bool {
    match std::env::var("IPCMARK_TESTS").as_deref() {
        Err(_) | Ok("") | Ok("short") => false,
        Ok("long") => true,
        Ok(other) => panic!("IPCMARK_TESTS is {other:?}, and should be short or long"),
    }
}

/// Whether `record` has this cell with the same launches. Its grade may differ: at the end of a run the machine may have changed.
pub(crate) fn keeps_launches(record: &Record, cell: &Cell) -> bool {
    record.cell(&cell.id).is_some_and(|kept| kept.per_launch == cell.per_launch)
}

/// By these a user has programs print in colour or in narrow lines, or benches take another profile: no test is about that.
pub(crate) const WISHES: [&str; 6] = ["CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR", "COLUMNS", "LINES", "IPCMARK_PROFILE"];

/// `ipcmark` with these arguments, in `folder`, whatever the user wishes otherwise.
pub(crate) fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipcmark"));
    command.args(as_a_test(args)).current_dir(folder);
    for wish in WISHES {
        command.env_remove(wish);
    }
    with_default_signals(&mut command);
    command
}

/// What the program is interrupted by is not ignored, though these tests may run under nohup(1) or behind `&` in a script.
pub(crate) fn with_default_signals(command: &mut Command) {
    let reset = || -> std::io::Result<()> {
        for interruption in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGXCPU] {
            #[allow(unsafe_code)]
            // SAFETY: the default action runs no code of ours.
            unsafe { signal(interruption, SigHandler::SigDfl) }?;
        }
        Ok(())
    };
    #[allow(unsafe_code)]
    // SAFETY: signal(2) is async-signal-safe.
    unsafe {
        command.pre_exec(reset)
    };
}

/// Runs `ipcmark` to its end.
pub(crate) fn ipcmark(folder: &Path, args: &[&str]) -> Ended {
    Live::start(command(folder, args)).unwrap().end()
}

/// A started program whose output is being read.
pub(crate) struct Live {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Live {
    /// Starts it; both outputs are collected from now on.
    pub(crate) fn start(mut command: Command) -> std::io::Result<Live> {
        command.stdout(Stdio::piped());
        Live::start_with_output(command)
    }

    /// As `start`, where the command says where its standard output goes.
    pub(crate) fn start_with_output(mut command: Command) -> std::io::Result<Live> {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let (out, err) = (collect(child.stdout.take()), collect(child.stderr.take()));
        Ok(Live { child, out, err })
    }

    /// Its process id; it stays this program's until `end`.
    pub(crate) fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it takes longer than `DEADLINE`, or when something it started keeps its output open. It is killed then.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + DEADLINE;
        let Some(status) = self.status_before(deadline) else {
            panic!("the program hangs: no end within {DEADLINE:?}")
        };
        let text = |source: &Receiver<String>| match source.recv_timeout(Duration::from_secs(20)) {
            Ok(text) => text,
            Err(_) => panic!("the program has ended ({status}), and a process that it started lives on"),
        };
        Ended { code: status.code(), signal: status.signal(), out: text(&self.out), err: text(&self.err) }
    }

    fn status_before(&mut self, deadline: Instant) -> Option<ExitStatus> {
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Live {
    /// A test that fails leaves no program behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end, which comes when the last process has closed its copy.
fn collect(source: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let mut source =
        source.map_or_else(|| Box::new(std::io::empty()) as Box<dyn Read + Send>, |source| Box::new(source));
    let (sender, text) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = source.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    text
}

/// Every line of a record, as JSON.
pub(crate) fn lines(record: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(record).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The cells among the lines of a record: the last line of each, in the order in which they were completed.
pub(crate) fn cells(lines: &[Value]) -> Vec<Value> {
    let mut cells: Vec<Value> = Vec::new();
    for line in lines.iter().filter(|line| line["id"].is_string()) {
        match cells.iter_mut().find(|cell| cell["id"] == line["id"]) {
            Some(cell) => *cell = line.clone(),
            None => cells.push(line.clone()),
        }
    }
    cells
}

/// Asserts that the program ended with `code` and one sentence on standard error that has all of `parts`.
#[track_caller]
pub(crate) fn assert_sentence(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
    let sentences: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("error:")).collect();
    assert_eq!(sentences.len(), 1, "{}", ended.err);
    for part in parts {
        assert!(ended.err.contains(part), "`{part}` is missing in: {}", ended.err);
    }
}

/// Says on standard error why a test has not been done: past the capture of a test's output, where nobody would see it.
pub(crate) fn skip(why: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
