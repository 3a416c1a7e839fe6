//! The one abstraction: static data, one function pointer at the waist, one object-safe trait behind it.
//!
//! A mechanism implements its **shape** and nothing else. [`crate::workloads::transport`] turns any [`Transport`] into the
//! static table of all workloads of that shape, so mechanisms × workloads is a product that the compiler fills in.

use std::fmt;
use std::io;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::Placement;
use ipcmark_harness::session::Session;
use serde::{Deserialize, Serialize};

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
    /// What can be done with it.
    pub workloads: &'static [Workload],
    /// What its shape promises, each clause a test.
    pub contract: &'static [Clause],
}

/// What a mechanism is grouped with.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Family::Floor => "floor",
            Family::Pipe => "pipe",
            Family::Socket => "socket",
            Family::Queue => "queue",
            Family::SharedMemory => "shared-memory",
        })
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
}

impl Reach {
    /// The kinds of peer it allows, the one that matters more first.
    pub fn peers(self) -> &'static [PeerKind] {
        match self {
            Reach::Threads => &[PeerKind::Thread],
            Reach::Processes => &[PeerKind::Process],
            Reach::Both => &[PeerKind::Process, PeerKind::Thread],
        }
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
}

impl Waiting {
    /// As it stands in a cell's id.
    pub fn name(self) -> &'static str {
        match self {
            Waiting::Block => "block",
            Waiting::Spin => "spin",
            Waiting::Adaptive => "adaptive",
        }
    }
}

/// The parameters of one run of a workload.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Setup {
    /// What the peer is.
    pub peer: PeerKind,
    /// Which CPUs the parties are pinned to.
    pub placement: Placement,
    /// How they wait.
    pub waiting: Waiting,
    /// The size of a message.
    pub payload_bytes: usize,
    /// How many take part, the near end included.
    pub parties: usize,
}

/// A setup on this machine's CPUs: all that [`Workload::open`] needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stage {
    /// The parameters.
    pub setup: Setup,
    /// Where the near end is pinned; empty: nowhere.
    pub near_cpus: Vec<usize>,
    /// Where its peers are pinned; empty: nowhere.
    pub far_cpus: Vec<usize>,
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
    /// The message sizes that headlines are made of.
    pub headline_bytes: &'static [usize],
    /// Whether this setup can run here, e.g. whether the message fits.
    pub supports: fn(&Setup) -> Support,
    /// Creates the mechanism and starts the peers; never inside the clock.
    pub open: fn(&Stage, Clock) -> io::Result<Box<dyn Session>>,
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

/// A two-way channel of messages between two parties.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them (`src/contract.rs`):
///
/// - **messages_arrive_whole_and_unchanged**, from one byte to the largest size `supports` admits;
/// - **messages_arrive_in_order**, none lost, none twice;
/// - **both_directions_carry_messages**, at the same time;
/// - **a_full_channel_holds_the_sender_back**: `send` waits for room instead of losing or failing;
/// - **boundaries_are_kept**: one `recv` never returns bytes of two messages (where `BOUNDARIES`);
/// - **recv_after_the_other_end_is_gone_reports_end**: `UnexpectedEof`, not a hang (where `REPORTS_END`);
/// - **nothing_is_left_by_name**: whatever names were used are gone once both ends exist;
/// - **sizes_it_does_not_take_are_refused_with_the_limit**: `supports` says no beforehand, with the kernel's figure.
///
/// `drop` releases what this process holds and must leave what is shared untouched: it runs in forked copies too.
pub trait Transport: Sized + Send + 'static {
    /// Whether one `recv` returns exactly one message.
    const BOUNDARIES: bool;
    /// Whether what is sent arrives. Only `null` says no.
    const DELIVERS: bool = true;
    /// Whether `recv` notices that the other end is gone.
    const REPORTS_END: bool = true;
    /// The ways of waiting it has.
    const WAITINGS: &'static [Waiting] = &[Waiting::Block, Waiting::Spin];

    /// Whether this setup can run here; by default every one can.
    fn supports(setup: &Setup) -> Support {
        let _ = setup;
        Support::Available
    }

    /// Both ends, connected. Either may be moved to a forked process or a thread.
    fn pair(setup: &Setup) -> io::Result<(Self, Self)>;

    /// Called once, in the party that will use this end, before anything is timed: for what belongs there and not where
    /// the pair was made, like page tables.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Sends one message of the setup's size (or smaller), waiting for room as the setup says.
    fn send(&mut self, message: &[u8]) -> io::Result<()>;

    /// Fills `message` with the next message, waiting as the setup says. `UnexpectedEof` once the other end is gone.
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()>;

    /// Tells the other end that no more will come, where dropping alone does not.
    fn hang_up(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setup_keys_carry_their_units() {
        let setup = Setup {
            peer: PeerKind::Process,
            placement: Placement::SameCache,
            waiting: Waiting::Block,
            payload_bytes: 64,
            parties: 2,
        };
        let json = serde_json::to_value(setup).unwrap();
        let expected = serde_json::json!({"peer": "process", "placement": "same-cache", "waiting": "block",
            "payload_bytes": 64, "parties": 2});
        assert_eq!(json, expected);
    }
}
