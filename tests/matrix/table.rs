//! Which combinations there are, and what each must end with.
//!
//! What leaves the front end alive strikes one cell of every shape in one run; each combination is then looked at by itself.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use ipcmark::commands::exit;
use ipcmark::mechanism::Shape;
use ipcmark::mechanisms;
use ipcmark_harness::record::{Outcome, Record};
use libtest_mimic::{Completion, Failed, Trial};

use crate::common::{AS_A_TEST, Ended, assert_sentence, is_long_form};
use crate::deeds;
use crate::live_run::Place;
use crate::strike::{CellName, Fault, Party, Plan, Striker};
use crate::watched::{Hand, Launch, Phase, children, watch};

/// One cell of each shape, with two peers where there can be, and objects with names where there are.
pub(crate) const SHAPES: [(&str, &str); 19] = [
    ("transport", "round-trip/process/same-cpu/block/posix-mq/64B"),
    ("fan-in", "fan-in/process/same-cpu/block/fifo/64B-2peers"),
    ("fan-out", "fan-out/process/same-cpu/block/sysv-mq/64B-2peers"),
    ("rendezvous", "connect/process/same-cpu/block/unix-stream-path/1B"),
    ("wakeup", "wake/process/same-cpu/block/sysv-sem/0B-after-0"),
    ("lock", "contended/process/unpinned/own/sysv-sem-mutex/0B-2parties-capture"),
    ("rw-lock", "read-mix/process/unpinned/own/pthread-rwlock/256B-2parties-reads50.0pct-hold0"),
    ("counter", "count/process/unpinned/own/fetch-add-counter/0B-2parties"),
    ("permits", "permits/process/unpinned/own/sysv-permits/0B-2parties-1permit-hold1us-out0"),
    ("barrier", "barrier/process/unpinned/own/pthread-barrier/0B-2parties"),
    ("dinner", "philosophers/thread/unpinned/own/dining-ordered/0B-2parties-hold1us-out1us"),
    ("once", "read-once/thread/same-cpu/own/once-lock/0B-1party"),
    ("priority", "priority/process/same-cpu/own/pthread-mutex-pi/0B-hold100us"),
    ("call", "call/thread/same-cpu/own/getppid/0B"),
    ("policy", "timer-wake-beside-hog/thread/same-cpu/own/sched-other/0B-after-100us"),
    ("busy", "workers/process/unpinned/own/cpu-bound/0B-2parties"),
    ("region", "first-touch/thread/same-cpu/own/shared-sysv/0B-mem16MiB"),
    ("operation", "spawn/process/same-cpu/own/fork/0B-mem1MiB"),
    ("token-ring", "switch/process/same-cpu/block/sem-ring/0B-3parties"),
];
/// Those that nothing happens to.
const OTHERS: [&str; 2] =
    ["round-trip/process/same-cpu/block/pipe/64B", "stream/process/same-cpu/block/unix-stream/64B"];

const PHASES: [(&str, Phase); 8] = [
    ("worker-start", Phase::Start),
    ("open", Phase::Open),
    ("gate", Phase::Gate),
    ("verify", Phase::Verify),
    ("window", Phase::Window),
    ("batch", Phase::Batch),
    ("each", Phase::Each),
    ("close", Phase::Close),
];
const FAULTS: [(&str, Fault); 6] = [
    ("kill", Fault::Kill),
    ("stop", Fault::Stop),
    ("abort", Fault::Abort),
    ("panic", Fault::Panic),
    ("exit", Fault::Exit),
    ("slow", Fault::Slow),
];
const PARTIES: [(&str, Party); 4] = [
    ("runner", Party::Runner),
    ("worker", Party::Worker),
    ("first-peer", Party::FirstPeer),
    ("last-peer", Party::LastPeer),
];
/// How long a worker may take beyond its work: many times what any of them takes on a busy machine.
const TIMEOUT_S: &str = "5";

/// The parts of an id by which a launch is known.
pub(crate) fn cell_name(id: &str) -> CellName {
    let parts: Vec<&str> = id.split('/').collect();
    (parts[0].to_owned(), parts[4].to_owned())
}

/// The program under test measures `ids` in `place`, once each.
pub(crate) fn run(place: &Place, ids: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["run", "--out", "record.jsonl", "--launches", "1", "--cell-timeout", TIMEOUT_S])
        .args(AS_A_TEST)
        .args(ids);
    command.current_dir(place.path());
    command
}

/// What came of a run.
struct Outcomes {
    /// What each strike said.
    struck: BTreeMap<CellName, nix::Result<()>>,
    /// Of every cell the outcome and its reason.
    cells: BTreeMap<CellName, (Outcome, String)>,
}

/// A run that several trials look at; an error is that of each.
type Shared = Arc<OnceLock<Result<Outcomes, String>>>;

/// What is there to be struck: phases and numbers of peers of each cell, seen in a run that nothing happens to.
#[derive(Default)]
struct Survey {
    phases: BTreeSet<(CellName, Phase)>,
    peers: BTreeMap<CellName, usize>,
}

impl Hand for Survey {
    fn taken(&mut self, launch: &Launch) {
        let phases = [Phase::Start, Phase::Gate, launch.doing];
        self.phases.extend(phases.map(|phase| (launch.cell.clone(), phase)));
    }

    fn answering(&mut self, launch: &Launch) {
        self.peers.entry(launch.cell.clone()).or_insert_with(|| children(launch.worker).len());
    }
}

impl Survey {
    fn offers(&self, cell: &CellName, plan: Plan) -> bool {
        let Plan { phase, fault, party } = plan;
        let peers = self.peers.get(cell).copied().unwrap_or_default();
        let has_party = match party {
            Party::Runner | Party::Worker => true,
            Party::FirstPeer => peers > 0 && phase != Phase::Start,
            Party::LastPeer => peers > 1 && phase != Phase::Start,
        };
        let can_panic = party == Party::Worker && !matches!(phase, Phase::Start | Phase::Gate);
        has_party && (fault != Fault::Panic || can_panic) && self.phases.contains(&(cell.clone(), phase))
    }
}

/// What tells a shape from others, which have no names: its contract, or its workloads where it adds nothing else.
fn key(shape: &Shape) -> Vec<&'static str> {
    match shape.contract {
        [] => shape.workloads.iter().map(|workload| workload.name).collect(),
        contract => contract.iter().map(|clause| clause.name).collect(),
    }
}

/// Every shape that a mechanism of the list has is struck here, in a cell of a workload that it brings.
fn every_shape_has_a_row() -> Result<(), Failed> {
    let struck = |(_, id)| {
        let (workload, mechanism) = cell_name(id);
        let mut shapes = mechanisms::find(&mechanism)?.shapes.iter();
        shapes.find(|shape| shape.workloads.iter().any(|brought| brought.name == workload)).map(key)
    };
    let struck: BTreeSet<_> = SHAPES.into_iter().filter_map(struck).collect();
    let all = mechanisms::all().flat_map(|mechanism| mechanism.shapes.iter().map(|shape| (mechanism.name, shape)));
    let missing: Vec<_> = all.filter(|(_, shape)| !struck.contains(&key(shape))).map(|(name, _)| name).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("no row in SHAPES for a shape of {missing:?}").into()) }
}

/// A trial for each combination that there is, `shape/phase/fault/party`.
pub(crate) fn trials() -> Vec<Trial> {
    let place = Place::new();
    let mut survey = Survey::default();
    let ended = watch(run(&place, &SHAPES.map(|(_, id)| id)), &mut survey).ended;
    assert!(matches!(ended.code, Some(exit::DONE | exit::DISTURBED)), "a run that nothing happens to: {ended:?}");
    let mut runs: BTreeMap<(Plan, Option<&str>), Shared> = BTreeMap::new();
    let mut trials = vec![Trial::test("every-shape-has-a-row", every_shape_has_a_row)];
    for (index, (shape, id)) in SHAPES.into_iter().enumerate() {
        let cell = cell_name(id);
        let plans = plans().into_iter().filter(|(_, plan)| is_tried(*plan, index));
        for (name, plan) in plans.filter(|(_, plan)| survey.offers(&cell, *plan)) {
            let alone = ends_the_run(plan).then_some(id);
            let shared = Arc::clone(runs.entry((plan, alone)).or_default());
            let cell = cell.clone();
            let trial = move || judge(&cell, plan, shared.get_or_init(|| outcomes(plan, alone)));
            trials.push(Trial::ignorable_test(format!("{shape}/{name}"), trial));
        }
    }
    trials
}

/// Every fault at every party in every phase, with its name.
fn plans() -> Vec<(String, Plan)> {
    let mut plans = Vec::new();
    for (phase_name, phase) in PHASES {
        for (fault_name, fault) in FAULTS {
            for (party_name, party) in PARTIES {
                plans.push((format!("{phase_name}/{fault_name}/{party_name}"), Plan { phase, fault, party }));
            }
        }
    }
    plans
}

/// A front end that aborts or exits is gone as one that is killed is: outside the long form each does so in one phase of a shape, not
/// in all of them.
fn is_tried(plan: Plan, shape: usize) -> bool {
    let is_like_a_kill = ends_the_run(plan) && plan.fault != Fault::Kill;
    let phase = PHASES.iter().position(|(_, phase)| *phase == plan.phase);
    !is_like_a_kill || phase == Some(shape % PHASES.len()) || is_long_form()
}

fn ends_the_run(plan: Plan) -> bool {
    plan.party == Party::Runner && matches!(plan.fault, Fault::Kill | Fault::Abort | Fault::Exit)
}

/// A run with this fault in the cells of all shapes, or in one; or what is wrong with the run as a whole.
fn outcomes(plan: Plan, alone: Option<&str>) -> Result<Outcomes, String> {
    let found = std::panic::catch_unwind(AssertUnwindSafe(|| run_and_check(plan, alone)));
    found.map_err(|panic| words(&*panic))
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_else(|| "no words".into())
}

fn run_and_check(plan: Plan, alone: Option<&str>) -> Outcomes {
    let place = Place::new();
    let targets = alone.map_or_else(|| SHAPES.map(|(_, id)| id).to_vec(), |id| vec![id]);
    let ids = [&targets[..], &OTHERS].concat();
    let mut striker = Striker::new(plan, targets.iter().map(|id| cell_name(id)));
    let watched = watch(run(&place, &ids), &mut striker);
    watched.assert_nothing_left(&place);
    let ended = watched.ended;
    let struck = striker.struck;
    // A front end that is killed may be writing: only then may the last line be cut off.
    let record = if alone.is_some() { Record::read(&place.record()).unwrap().0 } else { place.read() };
    let outcome = |cell: &ipcmark_harness::record::Cell| {
        (cell_name(&cell.id), (cell.outcome, cell.reason.clone().unwrap_or_default()))
    };
    let cells: BTreeMap<_, _> = record.cells.iter().map(outcome).collect();
    let unharmed = cells.iter().filter(|(cell, _)| !struck.contains_key(*cell));
    let wrong: Vec<_> =
        unharmed.filter(|(_, (outcome, _))| !matches!(outcome, Outcome::Measured | Outcome::Disturbed)).collect();
    assert!(wrong.is_empty(), "cells that nothing happened to: {wrong:?}, {ended:?}");
    // Tests are other work on this machine.
    let has = |wanted: Outcome| cells.values().any(|(outcome, _)| *outcome == wanted);
    let disturbed = has(Outcome::Disturbed).then_some(exit::DISTURBED);
    check_end(plan, &ended, has(Outcome::Failed).then_some(exit::FAILURE).or(disturbed));
    assert!(alone.is_some() || cells.len() == ids.len(), "{} of {} cells: {ended:?}", cells.len(), ids.len());
    Outcomes { struck, cells }
}

/// `failed`: the exit code that failed cells ask for.
fn check_end(plan: Plan, ended: &Ended, failed: Option<i32>) {
    let runner = plan.party == Party::Runner;
    match plan.fault {
        Fault::Kill if runner => assert_eq!(ended.signal, Some(9), "{ended:?}"),
        Fault::Abort if runner => assert_eq!(ended.signal, Some(6), "{ended:?}"),
        Fault::Exit if runner => assert_eq!(ended.code, Some(deeds::CODE), "{ended:?}"),
        // The sentence has the panics' own words, which are no panic of the front end.
        Fault::Panic => assert_eq!(ended.code, Some(failed.unwrap_or(exit::DONE)), "{ended:?}"),
        _ => match failed {
            Some(exit::DISTURBED) => assert_sentence(ended, exit::DISTURBED, &["disturbed by other work"]),
            Some(code) => assert_sentence(ended, code, &["cells failed"]),
            None => assert_eq!(ended.code, Some(exit::DONE), "{ended:?}"),
        },
    }
}

fn judge(cell: &CellName, plan: Plan, outcomes: &Result<Outcomes, String>) -> Result<Completion, Failed> {
    let Outcomes { struck, cells } = outcomes.as_ref()?;
    let found = cells.get(cell);
    match struck.get(cell) {
        Some(Ok(())) => {}
        Some(Err(errno)) => return Err(format!("nobody was struck: {errno}").into()),
        // Only where operations take long enough on a machine as busy as this one is they are timed one by one.
        None if plan.phase == Phase::Each => {
            return Ok(Completion::ignored_with("this time no operation was timed by itself"));
        }
        None if found.is_some_and(|(outcome, _)| *outcome == Outcome::Disturbed) => {
            return Ok(Completion::ignored_with("this time other work ended the cell before"));
        }
        None => return Err("the phase did not come".into()),
    }
    if ends_the_run(plan) {
        return match found {
            None => Ok(Completion::Completed),
            Some(found) => Err(format!("a cell that was never complete is in the record: {found:?}").into()),
        };
    }
    let (outcome, reason) = found.ok_or("the cell is missing")?;
    let expected = reason_for(plan);
    // Whoever stops and goes on in every sample is slow, too.
    let paused = plan.fault == Fault::Slow && reason.contains("samples in a row were discarded");
    let is_right = match outcome {
        Outcome::Measured | Outcome::Disturbed => plan.fault == Fault::Slow || plan.party == Party::Runner,
        Outcome::Failed => {
            paused || (plan.fault == Fault::Slow || plan.party != Party::Runner) && reason.contains(expected)
        }
        _ => false,
    };
    if is_right {
        Ok(Completion::Completed)
    } else {
        Err(format!("{outcome:?}, {reason}; expected: {expected}").into())
    }
}

/// What a failed cell must say.
fn reason_for(plan: Plan) -> &'static str {
    match (plan.fault, plan.party) {
        (Fault::Kill, Party::Worker) => "the worker was killed by signal 9",
        (Fault::Abort, Party::Worker) => "the worker was killed by signal 6",
        (Fault::Exit, Party::Worker) => "the worker left with exit code 3",
        (Fault::Panic, _) => "told to panic",
        (Fault::Kill, _) => "the peer was killed by signal 9",
        (Fault::Abort, _) => "the peer was killed by signal 6",
        (Fault::Exit, _) => "the peer left early with exit code 3",
        (Fault::Stop | Fault::Slow, _) => "no answer within",
    }
}
