//! The one abstraction: static data, one function pointer at the waist, one object-safe trait behind it.
//!
//! A mechanism implements its **shapes** ([`crate::shapes`]) and nothing else. Each shape turns any type that has it into a
//! static table of all workloads of that shape, so mechanisms × workloads is a product that the compiler fills in.

use std::fmt;
use std::io;
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::Placement;
use ipcmark_harness::session::Session;
use serde::{Deserialize, Serialize};

use crate::capability::Capabilities;

/// Everything the suite knows about one mechanism.
#[derive(Debug)]
pub struct Mechanism {
    /// Its id, a noun as its man page writes it; never reused for another thing.
    pub name: &'static str,
    /// One line for lists, the README and reports.
    pub summary: &'static str,
    /// What it is grouped with.
    pub family: Family,
    /// Between what it works.
    pub reach: Reach,
    /// Man pages, papers, crates.
    pub references: &'static [&'static str],
    /// Whether this kernel has it at all.
    pub support: fn() -> Support,
    /// How prominent it is: a headline is the one of its kind that people name first.
    pub rank: Rank,
    /// What it can do.
    pub shapes: &'static [Shape],
}

impl Mechanism {
    /// What can be done with it.
    pub fn workloads(&self) -> impl Iterator<Item = &'static Workload> + use<> {
        self.shapes.iter().flat_map(|shape| shape.workloads)
    }

    /// What its shapes promise, each clause a test.
    pub fn contract(&self) -> impl Iterator<Item = &'static Clause> + use<> {
        self.shapes.iter().flat_map(|shape| shape.contract)
    }

    /// Whether both ends can find each other by a name, while they live: what [`crate::shapes::Rendezvous`] is about.
    pub fn meets_by_name(&self) -> bool {
        self.workloads().any(|workload| workload.name == "connect")
    }

    /// Finds out what it can do, by trying it.
    pub fn observe(&self) -> io::Result<Capabilities> {
        self.shapes
            .iter()
            .find_map(|shape| shape.observe)
            .map_or_else(|| Ok(Capabilities::default()), |observe| observe())
    }
}

/// What a mechanism can do: what is measured of it, and what it promises.
#[derive(Debug)]
pub struct Shape {
    /// Each monomorphic in the mechanism's type.
    pub workloads: &'static [Workload],
    /// Each a test.
    pub contract: &'static [Clause],
    /// Finds out what it can do, by trying it; none: the shape only adds to another.
    pub observe: Option<fn() -> io::Result<Capabilities>>,
}

/// What a mechanism is grouped with.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Nothing: what the harness itself costs.
    Floor,
    /// Pipes and FIFOs.
    Pipe,
    /// Unix, TCP and UDP sockets.
    Socket,
    /// Message queues of the kernel.
    Queue,
    /// Memory mapped by both parties.
    SharedMemory,
    /// One party reaching into what belongs to the other: memory, descriptors.
    ReachOver,
    /// Nothing but the message that there is news.
    Notification,
    /// Channels of a library, in the memory of one process.
    Channel,
    /// Locks whose waiters sleep, at least after a while.
    Mutex,
    /// Locks whose waiters poll.
    Spinlock,
    /// Locks that several readers hold at once, and what else readers and writers share data by.
    ReaderWriter,
    /// Counts that several parties raise.
    Counter,
    /// What else keeps parties in step: permits, barriers, philosophers.
    Coordination,
    /// A task stopping and another one running in its place, by the kernel.
    Switch,
    /// The same without the kernel: coroutines and futures.
    Coroutine,
    /// How tasks are born and reaped.
    Spawn,
    /// The way into the kernel and back.
    Syscall,
    /// What the scheduler makes of a wake-up, a time slice, a crowd.
    Scheduler,
    /// Page tables, faults, and the caches of both.
    Memory,
}

impl Family {
    /// As filters and records have it.
    pub fn name(self) -> &'static str {
        match self {
            Family::Floor => "floor",
            Family::Pipe => "pipe",
            Family::Socket => "socket",
            Family::Queue => "queue",
            Family::SharedMemory => "shared-memory",
            Family::ReachOver => "reach-over",
            Family::Notification => "notification",
            Family::Channel => "channel",
            Family::Mutex => "mutex",
            Family::Spinlock => "spinlock",
            Family::ReaderWriter => "reader-writer",
            Family::Counter => "counter",
            Family::Coordination => "coordination",
            Family::Switch => "switch",
            Family::Coroutine => "coroutine",
            Family::Spawn => "spawn",
            Family::Syscall => "syscall",
            Family::Scheduler => "scheduler",
            Family::Memory => "memory",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Between what a mechanism works.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Threads of one process only.
    Threads,
    /// Processes only.
    Processes,
    /// Either.
    Both,
    /// Either, and processes that share one address space: what is asked of all three is how they differ.
    Tasks,
}

impl Reach {
    /// The kinds of peer it allows, the one that matters more first.
    pub fn peers(self) -> &'static [PeerKind] {
        match self {
            Reach::Threads => &[PeerKind::Thread],
            Reach::Processes => &[PeerKind::Process],
            Reach::Both => &[PeerKind::Process, PeerKind::Thread],
            Reach::Tasks => &PeerKind::ALL,
        }
    }

    /// How prominent this kind of peer is; none: it is not in reach. Where waiting is the mechanism's own, as for locks, threads
    /// matter more.
    pub fn rank(self, peer: PeerKind, waiting: Waiting) -> Option<usize> {
        let peers = self.peers();
        let place = peers.iter().position(|&kind| kind == peer)?;
        Some(match (self, waiting) {
            (Reach::Tasks, _) => 0,
            (_, Waiting::Own) => peers.len() - 1 - place,
            _ => place,
        })
    }
}

/// Whether something can run here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Support {
    /// It can.
    Available,
    /// It cannot, for this reason: which limit, which value, where it was read.
    Missing(String),
}

impl Support {
    /// The first of two that says no.
    pub fn and(self, other: impl FnOnce() -> Support) -> Support {
        if self == Support::Available { other() } else { self }
    }
}

/// Whatever was tried: it can if that has succeeded, and else the error is the reason.
impl<T> From<io::Result<T>> for Support {
    fn from(tried: io::Result<T>) -> Support {
        tried.map_or_else(|error| Support::Missing(error.to_string()), |_| Support::Available)
    }
}

/// How a party waits for the other.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Waiting {
    /// The kernel wakes it.
    Block,
    /// It polls, without giving up the CPU.
    Spin,
    /// It polls for a while, then blocks.
    Adaptive,
    /// As the mechanism does by itself, which leaves no choice: locks.
    Own,
}

impl Waiting {
    /// Every one.
    pub const ALL: [Waiting; 4] = [Waiting::Block, Waiting::Spin, Waiting::Adaptive, Waiting::Own];
}

impl Waiting {
    /// As it stands in a cell's id.
    pub fn name(self) -> &'static str {
        match self {
            Waiting::Block => "block",
            Waiting::Spin => "spin",
            Waiting::Adaptive => "adaptive",
            Waiting::Own => "own",
        }
    }
}

/// The parameters of one run of a workload.
///
/// A worker of another revision refuses a parameter that it does not know: it would measure another cell.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// What the peer is.
    pub peer: PeerKind,
    /// Which CPUs the parties are pinned to.
    pub placement: Placement,
    /// How they wait.
    pub waiting: Waiting,
    /// The size of a message, or of the shared data that is changed under a lock.
    pub payload_bytes: usize,
    /// How many take part.
    pub parties: usize,
    /// How long nothing happens before each operation, in nanoseconds; none: the workload has no such axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_ns: Option<u64>,
    /// Planned operations a second; none: the next begins when the last one is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<u64>,
    /// How long a lock is held, in nanoseconds of calibrated work; none: the workload has no such axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_ns: Option<u64>,
    /// How long a party works before it wants the lock again, in nanoseconds of calibrated work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside_ns: Option<u64>,
    /// How many of a thousand acquisitions only read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads_per_mille: Option<u64>,
    /// How many may be inside at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permits: Option<usize>,
    /// Memory that an operation is about, in bytes: what each task touches, what a parent has resident, what is chased through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<usize>,
    /// From one touched place of that memory to the next, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride_bytes: Option<usize>,
    /// How long a task works before it must leave the CPU, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantum_ns: Option<u64>,
}

impl Setup {
    /// Two parties, and no further axis.
    pub const fn new(peer: PeerKind, placement: Placement, waiting: Waiting, payload_bytes: usize) -> Setup {
        let (idle_ns, rate_per_s, hold_ns, outside_ns, reads_per_mille) = (None, None, None, None, None);
        let (permits, memory_bytes, stride_bytes, quantum_ns) = (None, None, None, None);
        Setup {
            peer,
            placement,
            waiting,
            payload_bytes,
            parties: 2,
            idle_ns,
            rate_per_s,
            hold_ns,
            outside_ns,
            reads_per_mille,
            permits,
            memory_bytes,
            stride_bytes,
            quantum_ns,
        }
    }
}

/// A setup on this machine's CPUs: all that [`Workload::open`] needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stage {
    /// The parameters.
    pub setup: Setup,
    /// Where the near end is pinned; empty: nowhere.
    pub near_cpus: Vec<usize>,
    /// Where each of its peers is pinned, in their order; empty: nowhere.
    pub far_cpus: Vec<usize>,
}

impl Stage {
    /// Where the peer of this number is pinned; empty: nowhere.
    pub fn cpus_of_peer(&self, peer: usize) -> &[usize] {
        self.far_cpus.get(peer..=peer).unwrap_or_default()
    }
}

/// One way to exercise a mechanism.
#[derive(Debug)]
pub struct Workload {
    /// What is measured: `round-trip`.
    pub name: &'static str,
    /// One line: what one operation is.
    pub summary: &'static str,
    /// The ways of waiting it can be run with.
    pub waitings: &'static [Waiting],
    /// Whether a single operation has a latency that can be timed.
    pub times_each: bool,
    /// The windows to measure instead of batches, where parties contend; none: batches.
    pub windows_of: Option<fn(&Setup) -> Duration>,
    /// Whether its operations move payload, so that bytes a second say something.
    pub carries_payload: bool,
    /// How prominent it is.
    pub rank: Rank,
    /// What it is swept over.
    pub axes: Axes,
    /// Whether this setup can run here, e.g. whether the message fits.
    pub supports: fn(&Setup) -> Support,
    /// Creates the mechanism and starts the peers; never inside the clock.
    pub open: fn(&Stage, Clock) -> io::Result<Box<dyn Session>>,
}

/// What a workload is swept over, beside peer, placement and way of waiting. An empty axis is one that it does not have.
#[derive(Copy, Clone, Debug)]
pub struct Axes {
    /// Message sizes.
    pub payload_bytes: &'static [Point<usize>],
    /// How many take part, the near end included.
    pub parties: &'static [Point<usize>],
    /// Idle time before each operation, in nanoseconds.
    pub idle_ns: &'static [Point<u64>],
    /// Planned operations a second.
    pub rate_per_s: &'static [Point<u64>],
    /// How long a lock is held, in nanoseconds.
    pub hold_ns: &'static [Point<u64>],
    /// How long a party works between two holds, in nanoseconds.
    pub outside_ns: &'static [Point<u64>],
    /// How many of a thousand acquisitions only read.
    pub reads_per_mille: &'static [Point<u64>],
    /// How many may be inside at once.
    pub permits: &'static [Point<usize>],
    /// Memory that an operation is about, in bytes.
    pub memory_bytes: &'static [Point<usize>],
    /// From one touched place of it to the next, in bytes.
    pub stride_bytes: &'static [Point<usize>],
    /// How long a task works before it must leave the CPU, in nanoseconds.
    pub quantum_ns: &'static [Point<u64>],
    /// Where the parties may be.
    pub placements: &'static [Placement],
    /// How prominent it is with all parties on one CPU.
    pub on_one_cpu: Rank,
    /// How prominent it is where parties poll.
    pub polling: Rank,
    /// Whether all parties do the same, so that ids count all of them, and not the peers of one.
    pub alike: bool,
}

impl Axes {
    /// Two parties, anywhere, and nothing else.
    pub const PAIR: Axes = Axes {
        payload_bytes: &[],
        parties: &[Point(2, Rank::Headline)],
        idle_ns: &[],
        rate_per_s: &[],
        hold_ns: &[],
        outside_ns: &[],
        reads_per_mille: &[],
        permits: &[],
        memory_bytes: &[],
        stride_bytes: &[],
        quantum_ns: &[],
        placements: &Placement::ALL,
        on_one_cpu: Rank::Headline,
        polling: Rank::Headline,
        alike: false,
    };
}

/// One value of an axis, and how prominent it is.
#[derive(Copy, Clone, Debug)]
pub struct Point<T>(pub T, pub Rank);

/// How prominent a mechanism, a workload or a value of an axis is. The ranks of all parts of a cell together decide which
/// profiles have it: `standard` has what is common in at most one respect, `full` all; `quick` names its cells.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// What people ask for first.
    Headline,
    /// What one would publish beside it.
    Common,
    /// The rest of the product.
    Rare,
}

/// One promise of a shape.
#[derive(Debug)]
pub struct Clause {
    /// A sentence: `messages_arrive_in_order`.
    pub name: &'static str,
    /// Tries it with both ends in this process.
    pub check: fn(&Setup) -> io::Result<Verdict>,
}

/// What trying a clause showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Kept,
    /// It is not kept, in this way.
    Broken(String),
    /// This mechanism does not promise it, for this reason.
    NotPromised(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setup_keys_carry_their_units() {
        let setup = Setup::new(PeerKind::Process, Placement::SameCache, Waiting::Block, 64);
        let json = serde_json::to_value(setup).unwrap();
        let expected = serde_json::json!({"peer": "process", "placement": "same-cache", "waiting": "block",
            "payload_bytes": 64, "parties": 2});
        assert_eq!(json, expected);
    }
}
