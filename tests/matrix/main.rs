//! The fault matrix: one cell of every shape × every phase of a launch × every fault × every party.
//!
//! | fault | how |
//! | --- | --- |
//! | kill, abort, stop | SIGKILL, SIGABRT, SIGSTOP, from outside, while the worker is held in that phase ([`watched`]) |
//! | slow | stopped nine of ten milliseconds, from that phase until the launch is over |
//! | exit, panic | `_exit` and a panic in the party itself ([`deeds`]) |
//!
//! The program under test is the library's own command line, in this executable: its workers differ from `ipcmark`'s by two
//! signal handlers and a wrapper around the session. Panics of peers are staged in the harness's `misbehaviour` test, which
//! has peers of its own; the front end has no place where a panic can be ordered from outside.
//!
//! After each: the run ends, the struck cell is failed with the true reason, every other cell is measured, no process and no
//! kernel object is left (which have no name are gone with the last process), and the record is valid.

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code)] // what only the tests of faults use
#[path = "../faults/live_run.rs"]
mod live_run;

mod deeds;
mod interruptions;
mod kills;
mod strike;
mod table;
mod watched;

use ipcmark_harness::worker::{HIDDEN_COMMAND, serve_if_asked};
use libtest_mimic::Arguments;

/// Runs that wait for a deadline, as many do, need no CPU: more of them than CPUs go side by side.
const SIDE_BY_SIDE: usize = 16;

fn main() {
    // The command of the program under test, too, which this executable is then.
    if std::env::args().nth(1).is_some_and(|first| first == HIDDEN_COMMAND || first == "run") {
        deeds::expect_orders();
        serve_if_asked(deeds::TRADE);
        std::process::exit(ipcmark::commands::main());
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let seed = kills::number("IPCMARK_SEED").unwrap_or_else(|| u64::from(fastrand::u32(..)));
    let is_other = |filter: &String| [kills::NAME, interruptions::NAME].iter().any(|name| filter.starts_with(name));
    let mut trials = if arguments.filter.as_ref().is_some_and(is_other) { Vec::new() } else { table::trials() };
    trials.extend(kills::trials(seed));
    trials.extend(interruptions::trials(seed));
    libtest_mimic::run(&arguments, trials).exit();
}
