//! Every mechanism keeps its contract: one named test per mechanism, clause and way of waiting; and every cell's measuring
//! loop, checked byte for byte: one named test per mechanism, workload, kind of peer and way of waiting.
//!
//! Each clause runs in a worker of its own, this executable started again: a crash or a hang is that one test's failure,
//! and nothing a clause does to its process is seen by the next. No mechanism is named here: the list is what is tested.

mod common;

use std::time::Duration;

use ipcmark::cell::{Cell, Here, TRADE};
use ipcmark::mechanism::{Mechanism, Point, Rank, Setup, Stage, Support, Verdict, Waiting, Workload};
use ipcmark::mechanisms;
use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::Placement;
use ipcmark_harness::worker::{Trade, serve_if_asked};
use libtest_mimic::{Arguments, Completion, Conclusion, Failed, Trial};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A clause that takes longer hangs. Two ends that poll on one CPU take turns at the scheduler's tick: seconds, not this.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is verified of each cell, in each message size…
const OPERATIONS: u64 = 200;
/// … or so many where there are more parties than CPUs, unless the long form is asked for: parties that spin take turns at the
/// scheduler's tick then, and half of the time of all tests was theirs.
const CROWDED_OPERATIONS: u64 = 20;
/// … unless it moves more than this, many times what any channel holds: on a busy machine parties that poll hand each
/// 64 KiB over at the scheduler's tick.
const MOST_BYTES: u64 = 8 << 20;
/// The message size of clauses that do not choose their own: one cache line.
const CLAUSE_BYTES: usize = 64;

const SPINNING: [Waiting; 2] = [Waiting::Spin, Waiting::Adaptive];

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
    let mut trials = Vec::new();
    for mechanism in mechanisms::all() {
        trials.extend(clause_trials(mechanism, launcher, &here));
        trials.extend(verified_trials(mechanism, launcher, &here));
    }
    run(&arguments, trials).exit();
}

/// Two parties that spin want a CPU each; those of another test would only make them wait for the scheduler's tick. So these trials
/// go one after the other, and the rest side by side.
fn run(arguments: &Arguments, trials: Vec<Trial>) -> Conclusion {
    let spins = |trial: &Trial| SPINNING.iter().any(|waiting| trial.name().ends_with(&format!("/{}", waiting.name())));
    let (spinning, others): (Vec<Trial>, Vec<Trial>) = trials.into_iter().partition(spins);
    let side_by_side = libtest_mimic::run(arguments, others);
    let one_by_one = Arguments { test_threads: arguments.test_threads.or(Some(1)), ..arguments.clone() };
    let alone = libtest_mimic::run(&one_by_one, spinning);
    if side_by_side.has_failed() { side_by_side } else { alone }
}

/// What a worker of this test is asked.
#[derive(Serialize, Deserialize)]
struct Question {
    mechanism: String,
    clause: String,
    setup: Setup,
}

/// A verdict on its way through the channel.
#[derive(Serialize, Deserialize)]
enum Answer {
    Kept,
    Broken(String),
    NotPromised(String),
}

/// In the worker: tries the clause that the question names; any other question is the suite's own.
fn answer(question: &Value) -> Result<Value, Failure> {
    let Ok(asked) = serde_json::from_value::<Question>(question.clone()) else { return (TRADE.answer)(question) };
    let unknown = || Failure::new(FailureKind::Worker, format!("no clause {}/{}", asked.mechanism, asked.clause));
    let mechanism = mechanisms::find(&asked.mechanism).ok_or_else(unknown)?;
    let clause = mechanism.contract().find(|clause| clause.name == asked.clause).ok_or_else(unknown)?;
    Ok(json!(match (clause.check)(&asked.setup)? {
        Verdict::Kept => Answer::Kept,
        Verdict::Broken(how) => Answer::Broken(how),
        Verdict::NotPromised(why) => Answer::NotPromised(why.into()),
    }))
}

fn setup(peer: PeerKind, waiting: Waiting, payload_bytes: usize) -> Setup {
    Setup::new(peer, Placement::Unpinned, waiting, payload_bytes)
}

/// Every way of waiting that any workload of the mechanism has.
fn waitings(mechanism: &Mechanism) -> impl Iterator<Item = Waiting> {
    Waiting::ALL.into_iter().filter(|waiting| mechanism.workloads().any(|workload| workload.waitings.contains(waiting)))
}

/// `<mechanism>/<clause>/<waiting>`.
fn clause_trials(mechanism: &'static Mechanism, launcher: Launcher, here: &Here) -> Vec<Trial> {
    let mut trials = Vec::new();
    for clause in mechanism.contract() {
        for waiting in waitings(mechanism) {
            let setup = setup(PeerKind::Thread, waiting, CLAUSE_BYTES);
            let missing =
                mechanism.workloads().next().and_then(|workload| stage(here, mechanism, workload, setup).err());
            let name = format!("{}/{}/{}", mechanism.name, clause.name, waiting.name());
            let question = Question { mechanism: mechanism.name.into(), clause: clause.name.into(), setup };
            trials.push(Trial::ignorable_test(name, move || match missing {
                Some(reason) => Ok(Completion::ignored_with(format!("skipped: {reason}"))),
                None => keeps(&launcher, &question),
            }));
        }
    }
    trials
}

/// A clause that is not promised is no failure, and no pass either: it shows as ignored, with the reason.
fn keeps(launcher: &Launcher, question: &Question) -> Result<Completion, Failed> {
    let answer = launcher.ask(&json!(question))?;
    match serde_json::from_value(answer)? {
        Answer::Kept => Ok(Completion::Completed),
        Answer::NotPromised(why) => Ok(Completion::ignored_with(format!("not promised: {why}"))),
        Answer::Broken(how) => Err(how.into()),
    }
}

/// `verified/<mechanism>/<workload>/<peer>/<waiting>`.
fn verified_trials(mechanism: &'static Mechanism, launcher: Launcher, here: &Here) -> Vec<Trial> {
    let mut trials = Vec::new();
    for workload in mechanism.workloads() {
        for &peer in mechanism.reach.peers() {
            for &waiting in workload.waitings {
                let stages: Result<Vec<_>, String> = setups(workload, peer, waiting)
                    .into_iter()
                    .map(|setup| stage(here, mechanism, workload, setup))
                    .collect();
                let peer = ipcmark::cell::peer_name(peer);
                let name = format!("verified/{}/{}/{peer}/{}", mechanism.name, workload.name, waiting.name());
                trials.push(Trial::ignorable_test(name, move || match stages {
                    Err(reason) => Ok(Completion::ignored_with(format!("skipped: {reason}"))),
                    Ok(stages) => {
                        stages.iter().try_for_each(|(cell, stage)| verify(&launcher, cell, stage))?;
                        Ok(Completion::Completed)
                    }
                }));
            }
        }
    }
    trials
}

/// What a workload is verified at: every number of parties that it takes here, in the sizes of [`sizes`]; of the other axes one
/// value.
fn setups(workload: &Workload, peer: PeerKind, waiting: Waiting) -> Vec<Setup> {
    let headline = |axis: &[Point<u64>]| axis.iter().find(|point| point.1 == Rank::Headline).map(|point| point.0);
    let base = Setup {
        idle_ns: workload.axes.idle_ns.iter().map(|point| point.0).find(|&ns| ns > 0),
        rate_per_s: headline(workload.axes.rate_per_s),
        hold_ns: headline(workload.axes.hold_ns),
        outside_ns: headline(workload.axes.outside_ns),
        reads_per_mille: headline(workload.axes.reads_per_mille),
        permits: workload.axes.permits.iter().find(|point| point.1 == Rank::Headline).map(|point| point.0),
        memory_bytes: foremost(workload.axes.memory_bytes),
        stride_bytes: foremost(workload.axes.stride_bytes),
        quantum_ns: foremost(workload.axes.quantum_ns),
        placement: workload.axes.placements.last().copied().unwrap_or(Placement::Unpinned),
        ..setup(peer, waiting, CLAUSE_BYTES)
    };
    let all: Vec<usize> = workload.axes.parties.iter().map(|point| point.0).collect();
    let taken = |&&parties: &&usize| (workload.supports)(&Setup { parties, ..base }) == Support::Available;
    let some = all.iter().filter(taken).copied().collect::<Vec<_>>();
    let parties = if some.is_empty() { all } else { some };
    parties
        .into_iter()
        .filter(|&parties| parties == 2 || waiting != Waiting::Spin)
        .flat_map(|parties| {
            let base = Setup { parties, ..base };
            sizes(workload, base).into_iter().map(move |payload_bytes| Setup { payload_bytes, ..base })
        })
        .collect()
}

/// The most prominent value of an axis, and of several the first.
fn foremost<T: Copy>(axis: &[Point<T>]) -> Option<T> {
    axis.iter().min_by_key(|point| point.1).map(|point| point.0)
}

/// The smallest size of the workload, one cache line where it has that, and the largest that is taken.
fn sizes(workload: &Workload, base: Setup) -> Vec<usize> {
    let all: Vec<usize> = workload.axes.payload_bytes.iter().map(|point| point.0).collect();
    let admitted =
        |&&bytes: &&usize| (workload.supports)(&Setup { payload_bytes: bytes, ..base }) == Support::Available;
    let smallest = all.iter().min().copied().unwrap_or(0);
    let largest = all.iter().filter(admitted).max().copied().unwrap_or(smallest);
    let mut sizes = vec![smallest, if all.contains(&CLAUSE_BYTES) { CLAUSE_BYTES } else { smallest }, largest];
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn stage(
    here: &Here,
    mechanism: &'static Mechanism,
    workload: &'static Workload,
    setup: Setup,
) -> Result<(Cell, Stage), String> {
    let cell = Cell { mechanism, workload, setup };
    here.stage(&cell).map(|stage| (cell, stage))
}

fn operations(setup: &Setup) -> u64 {
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
    let is_crowded = setup.parties > cpus && !common::is_long_form();
    let wanted = if is_crowded { CROWDED_OPERATIONS } else { OPERATIONS };
    wanted.min(MOST_BYTES / setup.payload_bytes.max(1) as u64)
}

/// All operations are done, and as many bytes compared as they carry.
fn verify(launcher: &Launcher, cell: &Cell, stage: &Stage) -> Result<(), Failed> {
    let named = |failure: Failure| Failed::from(format!("{cell}: {failure}"));
    let mut worker = launcher.open(&cell.spec(stage), 0).map_err(named)?;
    let operations = operations(&cell.setup);
    let verified = worker.verify(operations, PATIENCE).map_err(named)?;
    // However many are asked for, no longer than they may take: else it hangs.
    worker.verify(u64::MAX >> 1, Duration::from_millis(1)).map_err(named)?;
    worker.quit().map_err(named)?;
    let carried = cell.bytes_per_operation().map_or(0, |bytes| bytes as u64 * operations);
    if verified.operations != operations || verified.bytes < carried {
        return Err(format!("{cell}: {verified:?}, expected {operations} operations and {carried} bytes").into());
    }
    Ok(())
}
