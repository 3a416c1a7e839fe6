//! One fault, at one party, in one phase, of each of some cells in a run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::deeds;
use crate::watched::{Hand, Launch, Phase, children};

/// What befalls a party.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Kill,
    Stop,
    Abort,
    Panic,
    Exit,
    Slow,
}

/// Whom.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Party {
    Runner,
    Worker,
    FirstPeer,
    /// Where there are several.
    LastPeer,
}

/// A fault at a party in a phase.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Plan {
    pub(crate) phase: Phase,
    pub(crate) fault: Fault,
    pub(crate) party: Party,
}

/// A workload and a mechanism.
pub(crate) type CellName = (String, String);

/// Into the middle of the work: batches last two milliseconds and more.
const INTO_THE_WORK: Duration = Duration::from_millis(1);
/// For how long the front end is stopped, which nobody but this test would wake again.
const STOPPED: Duration = Duration::from_millis(300);
/// Ten times as slow: in each turn a party is stopped for nine parts and runs for one.
const TURN: Duration = Duration::from_millis(1);
const SLOWER: u32 = 10;
/// A front end is slow for so long; anybody else until the launch is over.
const SLOW: Duration = Duration::from_millis(500);

impl Party {
    /// Its process, if there is such a party.
    pub(crate) fn process(self, runner: i32, worker: i32) -> Option<i32> {
        let peers = || children(worker);
        match self {
            Party::Runner => Some(runner),
            Party::Worker => Some(worker),
            Party::FirstPeer => peers().first().copied(),
            Party::LastPeer => Some(peers()).filter(|peers| peers.len() > 1).and_then(|peers| peers.last().copied()),
        }
    }

    fn is_peer(self) -> bool {
        matches!(self, Party::FirstPeer | Party::LastPeer)
    }
}

/// Strikes every launch of some cells as planned.
pub(crate) struct Striker {
    plan: Plan,
    targets: BTreeSet<CellName>,
    runner: i32,
    /// Which cells have been struck, and what that said.
    pub(crate) struck: BTreeMap<CellName, nix::Result<()>>,
    next: Option<Next>,
}

/// What is to be done when.
#[derive(Clone)]
enum Next {
    Strike(Instant, Launch),
    /// A process that is stopped runs again.
    Wake(Instant, i32),
    /// It runs for a moment, or is stopped for nine, and so on.
    Slow {
        at: Instant,
        process: i32,
        worker: i32,
        until: Instant,
        runs: bool,
    },
}

impl Striker {
    pub(crate) fn new(plan: Plan, targets: impl IntoIterator<Item = CellName>) -> Striker {
        Striker { plan, targets: targets.into_iter().collect(), runner: 0, struck: BTreeMap::new(), next: None }
    }

    fn is_target(&self, launch: &Launch) -> bool {
        self.targets.contains(&launch.cell) && !self.struck.contains_key(&launch.cell)
    }

    fn strike(&mut self, launch: &Launch) {
        self.next = None;
        let Some(process) = self.plan.party.process(self.runner, launch.worker) else {
            self.struck.insert(launch.cell.clone(), Err(Errno::ESRCH));
            return;
        };
        let signal = match self.plan.fault {
            Fault::Kill => Signal::SIGKILL,
            Fault::Abort => Signal::SIGABRT,
            Fault::Exit => deeds::LEAVE,
            Fault::Panic => deeds::PANIC,
            Fault::Stop | Fault::Slow => Signal::SIGSTOP,
        };
        self.struck.insert(launch.cell.clone(), send(process, signal));
        let (now, worker) = (Instant::now(), launch.worker);
        self.next = match (self.plan.fault, self.plan.party) {
            (Fault::Stop, Party::Runner) => Some(Next::Wake(now + STOPPED, process)),
            (Fault::Slow, party) => {
                let until = now + if party == Party::Runner { SLOW } else { Duration::from_secs(60) };
                Some(Next::Slow { at: now + TURN * (SLOWER - 1), process, worker, until, runs: false })
            }
            _ => None,
        };
    }
}

fn send(process: i32, signal: Signal) -> nix::Result<()> {
    kill(Pid::from_raw(process), signal)
}

impl Hand for Striker {
    fn started(&mut self, runner: i32) {
        self.runner = runner;
    }

    fn before(&mut self, launch: &Launch, next: Phase) {
        let Plan { phase, fault, party } = self.plan;
        let is_now = match phase {
            // The order stays, and is followed in what comes next.
            _ if fault == Fault::Panic => next == phase,
            Phase::Start => next == Phase::Open,
            Phase::Gate => launch.doing == Phase::Open,
            // Later a peer may have left in good order.
            Phase::Close => party.is_peer() && next == phase,
            _ => false,
        };
        if is_now && self.is_target(launch) {
            self.strike(launch);
        }
    }

    fn taken(&mut self, launch: &Launch) {
        let is_now = launch.doing == self.plan.phase && self.plan.phase != Phase::Open;
        if is_now && self.is_target(launch) && self.plan.fault != Fault::Panic {
            match self.plan.phase {
                Phase::Close => self.strike(launch),
                _ => self.next = Some(Next::Strike(Instant::now() + INTO_THE_WORK, launch.clone())),
            }
        }
    }

    fn answering(&mut self, launch: &Launch) {
        // All objects and peers are there.
        let is_open = self.plan.phase == Phase::Open && launch.doing == Phase::Open;
        let is_late = matches!(self.next, Some(Next::Strike(..)));
        if (is_open || is_late) && self.is_target(launch) && self.plan.fault != Fault::Panic {
            self.strike(launch);
        }
    }

    fn due(&self) -> Option<Instant> {
        match self.next.as_ref()? {
            Next::Strike(at, _) | Next::Wake(at, _) | Next::Slow { at, .. } => Some(*at),
        }
    }

    fn act(&mut self, _: i32, now: Option<&Launch>) {
        match self.next.take() {
            Some(Next::Strike(_, launch)) => self.strike(&launch),
            Some(Next::Wake(_, process)) => _ = send(process, Signal::SIGCONT),
            Some(Next::Slow { process, worker, until, runs, .. }) => {
                let is_over = Instant::now() > until || now.is_some_and(|now| now.worker != worker);
                let stop = runs && !is_over;
                let sent = send(process, if stop { Signal::SIGSTOP } else { Signal::SIGCONT });
                let at = Instant::now() + if stop { TURN * (SLOWER - 1) } else { TURN };
                if sent.is_ok() && !is_over {
                    self.next = Some(Next::Slow { at, process, worker, until, runs: !stop });
                }
            }
            None => {}
        }
    }
}
