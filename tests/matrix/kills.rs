//! Kills at random moments: whom, when and by which signal is drawn from a seed that every trial has in its name.
//!
//! `IPCMARK_KILLS` says how many (100 by default, 500 in the long form), `IPCMARK_SEED` from which seed (drawn by default). The same seed draws the
//! same blows; what they meet is up to the scheduler.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::process::Command;
use std::time::{Duration, Instant};

use ipcmark::commands::exit;
use ipcmark_harness::record::{self, Outcome, Record};
use libtest_mimic::{Failed, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{AS_A_TEST, Ended, Live, is_long_form, keeps_launches};
use crate::live_run::Place;
use crate::strike::{CellName, Party};
use crate::table::{self, SHAPES, cell_name};
use crate::watched::{Hand, Launch, Phase, watch};

/// How their names begin.
pub(crate) const NAME: &str = "random-kills";
/// In so many trials, which go side by side.
const TRIALS: u64 = 10;
const KILLS: u64 = 100;
const KILLS_IN_LONG_FORM: u64 = 500;

/// Beside one of each shape: what has names, what shares memory, what polls.
const MORE: [&str; 16] = [
    "round-trip/process/same-cpu/block/pipe/64B",
    "round-trip/process/same-cpu/block/unix-stream/64B",
    "round-trip/process/same-cpu/block/shm-ring/64B",
    "round-trip/process/same-cpu/block/sysv-mq/64B",
    "round-trip/process/same-cpu/block/tcp/64B",
    "round-trip/process/same-cpu/block/fifo/64B",
    "round-trip/process/unpinned/block/unix-dgram/64B",
    "stream/process/same-cpu/block/posix-mq/64B",
    "stream/process/same-cpu/block/shm-ring/64B",
    "wake/process/same-cpu/block/eventfd/0B-after-0",
    "contended/process/unpinned/own/futex-mutex/0B-2parties-capture",
    "contended/process/unpinned/own/named-sem-mutex/0B-2parties-capture",
    "contended/process/unpinned/own/flock/0B-2parties-capture",
    "permits/process/unpinned/own/posix-permits/0B-2parties-1permit-hold1us-out0",
    "barrier/process/unpinned/own/sense-barrier/0B-2parties",
    "connect/process/same-cpu/block/fifo/1B",
];

/// A launch takes about as long: most blows meet it, and some come too late.
const WITHIN_MS: u64 = 80;
/// One blow of so many is for the front end: each costs a second run, which completes the first.
const FOR_THE_RUNNER: u32 = 30;
/// One of so many leaves its victim alive and stopped: each costs a deadline.
const STOPS: u32 = 10;
/// Who would wake the front end, if not this.
const STOPPED: Duration = Duration::from_millis(200);

/// One that was dealt.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "said when something is wrong")]
struct Blow {
    cell: CellName,
    party: Party,
    signal: Signal,
    phase: Phase,
    ms: u64,
}

/// Deals them, at most one a launch.
struct Killer {
    random: fastrand::Rng,
    left: u64,
    blows: Vec<Blow>,
    /// Every cell that was launched, in that order.
    launched: Vec<CellName>,
    worker: i32,
    ms: u64,
    next: Option<Instant>,
    wake: Option<Instant>,
}

impl Killer {
    fn draw(&mut self) -> (Party, Signal) {
        let party = match self.random.u32(..FOR_THE_RUNNER) {
            0 => Party::Runner,
            n if n % 3 == 0 => Party::Worker,
            n if n % 3 == 1 => Party::FirstPeer,
            _ => Party::LastPeer,
        };
        let signal = match self.random.u32(..STOPS) {
            0 => Signal::SIGSTOP,
            // Not SIGSEGV: the standard library's handler, which looks for stack overflows, passes over one that no access has
            // caused. SIGILL ends a process as an invalid access does.
            n => [Signal::SIGKILL, Signal::SIGABRT, Signal::SIGILL][n as usize % 3],
        };
        (party, signal)
    }

    fn deal(&mut self, runner: i32, launch: &Launch) {
        let (party, signal) = self.draw();
        let last_or_only = |party: Party| party.process(runner, launch.worker);
        let Some((party, process)) = [party, Party::FirstPeer, Party::Worker]
            .into_iter()
            .find_map(|party| last_or_only(party).map(|process| (party, process)))
        else {
            return;
        };
        if kill(Pid::from_raw(process), signal).is_err() {
            return;
        }
        self.left -= 1;
        self.blows.push(Blow { cell: launch.cell.clone(), party, signal, phase: launch.doing, ms: self.ms });
        if party == Party::Runner && signal == Signal::SIGSTOP {
            self.wake = Some(Instant::now() + STOPPED);
        }
    }

    /// The signal that ended the front end, if one has.
    fn end_of_run(&self) -> Option<Signal> {
        let last = self.blows.last().filter(|blow| blow.party == Party::Runner && blow.signal != Signal::SIGSTOP)?;
        Some(last.signal)
    }
}

impl Blow {
    /// Whether the cell cannot have been measured: a party that is leaving, or a newborn, may have done its work before it dies.
    fn is_sure(&self) -> bool {
        let is_newborn = self.cell.0 == "spawn" && self.party != Party::Worker;
        self.phase != Phase::Close && !is_newborn
    }
}

impl Hand for Killer {
    fn taken(&mut self, launch: &Launch) {
        // The doctor launches cells of its own, before there is a record.
        let is_planned = ids().into_iter().any(|id| cell_name(id) == launch.cell);
        if launch.worker != self.worker && is_planned {
            self.worker = launch.worker;
            self.launched.push(launch.cell.clone());
            self.ms = self.random.u64(..WITHIN_MS);
            self.next = (self.left > 0).then(|| Instant::now() + Duration::from_millis(self.ms));
        }
    }

    fn due(&self) -> Option<Instant> {
        [self.next, self.wake].into_iter().flatten().min()
    }

    fn act(&mut self, runner: i32, launch: Option<&Launch>) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| Instant::now() >= at);
        if is_due(self.wake) {
            self.wake = None;
            let _ = kill(Pid::from_raw(runner), Signal::SIGCONT);
        }
        if is_due(self.next) {
            self.next = None;
            launch.into_iter().for_each(|launch| self.deal(runner, launch));
        }
    }
}

/// What an environment variable says, if it is set.
pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is {text}, and should be a number")))
}

/// The trials, each with its share.
pub(crate) fn trials(seed: u64) -> Vec<Trial> {
    let usual = if is_long_form() { KILLS_IN_LONG_FORM } else { KILLS };
    let kills = number("IPCMARK_KILLS").unwrap_or(usual);
    let trial = |n| {
        let (seed, share) = (seed + n, kills.div_ceil(TRIALS));
        Trial::test(format!("{NAME}/{share}-from-seed-{seed}"), move || all(seed, share))
    };
    (0..TRIALS).map(trial).collect()
}

/// Runs until so many blows have been dealt.
fn all(seed: u64, blows: u64) -> Result<(), Failed> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut left = blows;
    while left > 0 {
        let place = Place::new();
        let mut killer = Killer {
            random: random.fork(),
            left,
            blows: Vec::new(),
            launched: Vec::new(),
            worker: 0,
            ms: 0,
            next: None,
            wake: None,
        };
        let checked = AssertUnwindSafe(|| {
            let watched = watch(table::run(&place, &ids()), &mut killer);
            watched.assert_nothing_left(&place);
            check(&place, &killer, &watched.ended);
        });
        if let Err(panic) = std::panic::catch_unwind(checked) {
            let (said, blows) = (table::words(&*panic), &killer.blows);
            return Err(format!("seed {seed}: {said}\nafter {blows:#?}").into());
        }
        left = killer.left;
    }
    Ok(())
}

fn ids() -> Vec<&'static str> {
    SHAPES.iter().map(|(_, id)| *id).chain(MORE).collect()
}

fn check(place: &Place, killer: &Killer, ended: &Ended) {
    // A blow may meet a front end that has just ended by itself.
    let killed = killer.end_of_run().filter(|_| ended.code.is_none());
    assert_eq!(ended.signal, killed.map(|signal| signal as i32), "{ended:?}");
    // Only who is killed may leave half a line.
    let record = if killed.is_some() { Record::read(&place.record()).unwrap().0 } else { place.read() };
    let cells: BTreeMap<CellName, &record::Cell> =
        record.cells.iter().map(|cell| (cell_name(&cell.id), cell)).collect();
    // The line of a cell is written before the next one is launched; a disturbed launch is measured again at once.
    let under_way = killer.launched.last().filter(|_| killed.is_some());
    let complete = killer.launched.iter().filter(|cell| Some(*cell) != under_way);
    let lost: Vec<_> = complete.filter(|cell| !cells.contains_key(*cell)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}, {ended:?}");
    let harmed = killer.blows.iter().filter(|blow| blow.party != Party::Runner);
    let sure: BTreeSet<_> = harmed.clone().filter(|blow| blow.is_sure()).map(|blow| &blow.cell).collect();
    let perhaps: BTreeSet<_> = harmed.map(|blow| &blow.cell).collect();
    for (name, cell) in &cells {
        let is_right = match cell.outcome {
            Outcome::Measured => !sure.contains(name),
            Outcome::Failed => perhaps.contains(name),
            Outcome::Disturbed => !sure.contains(name),
            Outcome::Skipped => false,
        };
        assert!(is_right, "{:?} {}: {:?}, {ended:?}", cell.outcome, cell.id, cell.reason);
    }
    if killed.is_some() {
        complete_it(place, &record);
    }
}

fn disturbed(cell: &record::Cell) -> bool {
    cell.outcome == Outcome::Disturbed
}

/// Resumes a run that was killed: nothing complete is measured again, and nothing is missing then.
fn complete_it(place: &Place, before: &Record) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["run", "--resume", "record.jsonl"]).args(AS_A_TEST).current_dir(place.path());
    let ended = Live::start(command).unwrap().end();
    let record = Record::read(&place.record()).unwrap().0;
    let code = if record.cells.iter().any(disturbed) { exit::DISTURBED } else { exit::DONE };
    assert_eq!(ended.code, Some(code), "{ended:?}");
    let wrong: Vec<_> =
        record.cells.iter().filter(|cell| cell.outcome != Outcome::Measured && !disturbed(cell)).collect();
    assert!(wrong.is_empty() && record.cells.len() == ids().len(), "{} cells, {wrong:?}", record.cells.len());
    for cell in before.cells.iter().filter(|cell| cell.outcome == Outcome::Measured) {
        assert!(keeps_launches(&record, cell), "{} was measured again", cell.id);
    }
}
