//! A holder that is killed leaves a lock stuck, unless the lock is robust, belongs to a file or is undone by the kernel: seen on
//! the locks that are measured, in disposable workers, each with a deadline.
//!
//! The clause `a_killed_holder_leaves_it_as_told` has one process take the lock, kills it with SIGKILL, and has another want it.
//! What is seen there is compared with what is known of each kind, and not with what its mechanism says of itself.

use std::time::Duration;

use ipcmark::cell::{Here, TRADE};
use ipcmark::mechanism::{Setup, Verdict, Waiting};
use ipcmark::mechanisms;
use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::Placement;
use ipcmark_harness::worker::{Trade, serve_if_asked};
use libtest_mimic::{Arguments, Completion, Trial};
use serde_json::{Value, json};

const CLAUSE: &str = "a_killed_holder_leaves_it_as_told";
/// A worker that takes longer hangs, and is killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// As the manual pages have it: who wants the lock next waits for ever.
const STUCK: [&str; 7] = [
    "pthread-mutex-pshared",
    "pthread-mutex-pi",
    "futex-mutex",
    "posix-sem-mutex",
    "named-sem-mutex",
    "sysv-sem-mutex",
    "eventfd-mutex",
];
/// They have it.
const FREE: [&str; 5] = ["pthread-mutex-robust", "sysv-sem-mutex-undo", "flock", "fcntl-lock", "ofd-lock"];

fn main() {
    serve_if_asked(Trade { open: TRADE.open, answer });
    let arguments = Arguments::from_args();
    let launcher = Launcher { clock: Clock::calibrate().clock, patience: PATIENCE };
    let here = match Here::look(&launcher) {
        Ok(here) => here,
        Err(failure) => {
            eprintln!("error: no worker could say what this kernel supports: {failure}");
            std::process::exit(1);
        }
    };
    let trial = |name: &'static str, expected: &'static str| {
        let missing = mechanisms::find(name).and_then(|mechanism| here.missing(mechanism)).map(str::to_owned);
        Trial::ignorable_test(format!("a_killed_holder_leaves_{name}_{expected}"), move || {
            if let Some(reason) = missing {
                return Ok(Completion::ignored_with(format!("skipped: {reason}")));
            }
            match launcher.ask(&json!(name))? {
                seen if seen == expected => Ok(Completion::Completed),
                seen => Err(format!("it was seen to be {seen}").into()),
            }
        })
    };
    let stuck = STUCK.into_iter().map(|name| trial(name, "stuck"));
    let free = FREE.into_iter().map(|name| trial(name, "free"));
    libtest_mimic::run(&arguments, stuck.chain(free).collect()).exit();
}

/// In the worker: has the holder of the lock of this name killed. Any other question is the suite's own.
fn answer(question: &Value) -> Result<Value, Failure> {
    let clause = question.as_str().and_then(mechanisms::find).and_then(|m| m.contract().find(|c| c.name == CLAUSE));
    let Some(clause) = clause else { return (TRADE.answer)(question) };
    let setup = Setup::new(PeerKind::Process, Placement::Unpinned, Waiting::Own, 0);
    match (clause.check)(&setup)? {
        Verdict::Kept => Ok(json!("free")),
        Verdict::NotPromised(why) if why.contains("leaves it locked") => Ok(json!("stuck")),
        other => Err(Failure::new(FailureKind::Worker, format!("{other:?}"))),
    }
}
