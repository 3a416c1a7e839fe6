//! SIGINT, SIGTERM and SIGHUP at random moments, once and twice in a row, to `ipcmark run` and to a bench target.
//!
//! Before a run catches them there is nothing to be kept, and they end it as they end any program; when all is measured they come
//! too late. In between all that is complete is kept, and resuming ends with what was planned. A bench target leaves criterion
//! its ways and does not catch them: it ends by the signal, which a shell tells as 128 and its number.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ipcmark_harness::record::{self, Outcome, Record};
use libtest_mimic::{Completion, Failed, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{Ended, Live, command, keeps_launches, with_default_signals};
use crate::live_run::{Place, eventually};

/// How their names begin.
pub(crate) const NAME: &str = "interruptions";
const SIGNALS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
const CELLS: [&str; 3] = ["same-cpu/block/null/64B", "same-cpu/block/pipe/64B", "same-cpu/block/posix-mq/64B"];
/// Each signal, once and twice.
const TIMES: u64 = 4;

/// Trials of runs, from this seed, and of a bench target.
pub(crate) fn trials(seed: u64) -> Vec<Trial> {
    let mut trials = Vec::new();
    for signal in SIGNALS {
        for n in 0..TIMES {
            for twice in [false, true] {
                let seed = seed + n;
                let name = format!("{NAME}/run/{signal}/{}/seed-{seed}", if twice { "twice" } else { "once" });
                trials.push(Trial::test(name, move || interrupt_a_run(signal, twice, seed)));
            }
        }
        let name = format!("{NAME}/bench/{signal}");
        trials.push(Trial::ignorable_test(name, move || interrupt_a_bench(signal)));
    }
    trials
}

fn interrupt_a_run(signal: Signal, twice: bool, seed: u64) -> Result<(), Failed> {
    let mut random = fastrand::Rng::with_seed(seed);
    let place = Place::new();
    let args = [&["run", "--out", "record.jsonl", "--launches", "3"], &CELLS[..]].concat();
    let live = Live::start(command(place.path(), &args))?;
    let send = |signal| _ = kill(Pid::from_raw(live.pid()), signal);
    // Every other one while it measures; the rest may meet a run that begins.
    if random.bool() {
        eventually("a record", || place.record().exists().then_some(()));
    }
    std::thread::sleep(Duration::from_millis(random.u64(..1500)));
    send(signal);
    let second = random.choice(SIGNALS).filter(|_| twice);
    if let Some(second) = second {
        std::thread::sleep(Duration::from_millis(random.u64(..20)));
        send(second);
    }
    let ended = live.end();
    place.assert_nothing_left();
    let sent: Vec<i32> = [Some(signal), second].into_iter().flatten().map(|signal| signal as i32).collect();
    check(&place, &ended, &sent).map_err(|wrong| format!("{wrong}; after {sent:?}: {ended:?}").into())
}

fn check(place: &Place, ended: &Ended, sent: &[i32]) -> Result<(), String> {
    if !place.record().exists() {
        // Before the doctor has examined the machine there is none.
        let ends = ended.signal.or(ended.code.map(|code| code - 128)).is_some_and(|signal| sent.contains(&signal));
        return if ends { Ok(()) } else { Err("no record, and not ended by the signal".into()) };
    }
    let record = place.read();
    let planned = record.header.selection.launches;
    if ended.code == Some(0) {
        let complete = record.cells.len() == record.header.selection.cells.len();
        return if complete { Ok(()) } else { Err("a success that lacks cells".into()) };
    }
    if !sent.iter().any(|signal| ended.code == Some(128 + signal)) {
        return Err("the wrong exit code".into());
    }
    if let Some(wrong) = record.cells.iter().find(|cell| cell.outcome != Outcome::Measured) {
        return Err(format!("{} is {:?}", wrong.id, wrong.outcome));
    }
    place.resume(&["run", "--resume", "record.jsonl"]);
    let after = place.read();
    let complete = record.cells.iter().filter(|cell| cell.launches == planned);
    match complete.into_iter().find(|cell| !keeps_launches(&after, cell)) {
        Some(cell) => Err(format!("{} was measured again", cell.id)),
        None => Ok(()),
    }
}

fn interrupt_a_bench(signal: Signal) -> Result<Completion, Failed> {
    let Some(bench) = bench() else {
        return Ok(Completion::ignored_with("no bench target is built beside this test"));
    };
    let place = Place::new();
    let mut command = Command::new(bench);
    let filter = "^round-trip/process/same-cpu/block/(pipe|posix-mq|unix-stream)/64B$";
    command.args(["--bench", "--sample-size", "10", "--measurement-time", "0.2", filter]);
    command.env_remove("IPCMARK_PROFILE");
    with_default_signals(&mut command);
    command.current_dir(place.path()).env("CRITERION_HOME", place.path().join("criterion"));
    let live = Live::start(command)?;
    let cells = || record_in(&place.path().join("criterion")).and_then(|path| Record::read(&path).ok());
    let first = |record: (Record, _)| record.0.cells.into_iter().next();
    let complete: record::Cell = eventually("a complete cell", || cells().and_then(first));
    kill(Pid::from_raw(live.pid()), signal)?;
    let ended = live.end();
    place.assert_nothing_left();
    let (after, warnings) = cells().ok_or("no record")?;
    let is_kept = after.cell(&complete.id) == Some(&complete) && warnings.is_empty();
    let is_measured = after.cells.iter().all(|cell| cell.outcome == Outcome::Measured);
    if ended.signal == Some(signal as i32) && is_kept && is_measured {
        return Ok(Completion::Completed);
    }
    Err(format!("kept: {is_kept}, measured: {is_measured}, {warnings:?}, {ended:?}").into())
}

fn record_in(folder: &Path) -> Option<PathBuf> {
    let mut paths = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    paths.find(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
}

/// The bench target that was built last in this profile, which cargo tells no test of.
fn bench() -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let metadata = path.metadata();
        name.starts_with("ipc-") && metadata.is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    let built = |path: &PathBuf| path.metadata().and_then(|data| data.modified()).ok();
    let folder = std::env::current_exe().ok()?.parent()?.to_owned();
    let paths = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    paths.filter(is_program).max_by_key(built)
}
