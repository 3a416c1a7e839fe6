//! The parties of a cell: the near end (the worker's main thread) and its peers: forked processes, threads, or processes in
//! the worker's address space.
//!
//! How a peer lives:
//! 1. It is started with the near end's resources dropped and its own built *in* it, pinned, pre-faulted.
//! 2. It waits at the gate, serves orders, and reports what it spent.
//! 3. It never returns into the caller: a peer that is a process leaves by `_exit`, panics are caught.
//! 4. Its unexpected end, whatever the cause, ends the worker with the reason; the front end reads it.

use std::io;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid};
use serde::{Deserialize, Serialize};

use crate::clock::{self, Clock};
use crate::control::{Failure, FailureKind, FailureText};
use crate::gate::{Gate, MAX_PEERS, Order, Report};
use crate::session::Sample;
use crate::sys::memory::Shared;
use crate::sys::{clone_vm, process, signals};
use crate::usage::{self, Usage};
use crate::worker;

/// What a peer is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerKind {
    /// A forked process: its own address space.
    Process,
    /// A thread of the worker.
    Thread,
    /// A process in the worker's address space: `clone` with `CLONE_VM`.
    CloneVm,
}

impl PeerKind {
    /// Every one.
    pub const ALL: [PeerKind; 3] = [PeerKind::Process, PeerKind::Thread, PeerKind::CloneVm];
}

/// The work of a peer.
pub trait Far {
    /// Works until `limit` operations have been served, and returns how many were. `limit` may move while it works.
    /// `checked`: compare every byte.
    fn serve(&mut self, limit: &AtomicU64, checked: bool) -> io::Result<u64>;
}

/// What the near end measured of itself.
#[derive(Copy, Clone, Debug)]
pub struct Span {
    /// The reading before its first operation.
    pub start: u64,
    /// The reading after its last one.
    pub end: u64,
    /// Whether the work is over only when the last peer says so: then the latest end counts.
    pub ends_at_far: bool,
    /// Operations done.
    pub operations: u64,
}

/// How long a near end may work.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Exactly so many operations.
    Count(u64),
    /// Until the near end moves the limit.
    Open,
}

/// The near end and its peers.
pub struct Parties {
    gate: Shared<Gate>,
    peers: Vec<Peer>,
    clock: Clock,
    near_cpus: Vec<usize>,
}

enum Peer {
    Process(Pid),
    /// The peer, or the thread that awaits the end of one that is a process in this address space.
    Thread(Option<std::thread::JoinHandle<()>>),
}

/// The gate of the live parties, for the signal handler; null: none.
static GATE: AtomicPtr<Gate> = AtomicPtr::new(std::ptr::null_mut());

/// The code a failed peer process leaves with; its reason is in its seat at the gate.
const PEER_FAILED: i32 = 81;

impl Parties {
    /// Nobody yet: pins the calling thread, the near end, to `cpus` (empty: wherever the scheduler likes).
    pub fn new(clock: Clock, cpus: &[usize]) -> io::Result<Parties> {
        pin(cpus)?;
        let gate = Shared::<Gate>::zeroed()?;
        GATE.store(std::ptr::from_ref::<Gate>(&gate).cast_mut(), Ordering::Release);
        signals::watch_children(peer_died)?;
        Ok(Parties { gate, peers: Vec::new(), clock, near_cpus: cpus.to_vec() })
    }

    /// Starts a peer on `cpus`. `near` is what only the near end may hold: a forked peer drops its copy, and the near
    /// end gets it back. `far` builds the peer's work inside the peer, where its memory belongs.
    pub fn start<N, F, M>(&mut self, kind: PeerKind, cpus: &[usize], near: N, far: M) -> io::Result<N>
    where
        F: Far + 'static,
        M: FnOnce() -> io::Result<F> + Send + 'static,
    {
        // From here on one code for all: what differs is called once a batch.
        let mut near = Some(near);
        self.start_any(kind, cpus, &mut || drop(near.take()), Box::new(move || Ok(Box::new(far()?))))?;
        near.ok_or_else(|| io::Error::other("the near end was dropped where it belongs"))
    }

    /// `drop_near` is called in a forked peer only.
    fn start_any(
        &mut self,
        kind: PeerKind,
        cpus: &[usize],
        drop_near: &mut dyn FnMut(),
        far: MakeFar,
    ) -> io::Result<()> {
        let place = self.peers.len();
        if place >= MAX_PEERS {
            return Err(io::Error::other(format!("at most {MAX_PEERS} peers can be started")));
        }
        let post = Post { gate: self.gate.clone(), place, clock: self.clock, cpus: cpus.to_vec() };
        match kind {
            PeerKind::Process => {
                let pid = fork_peer(post, drop_near, far)?;
                self.peers.push(Peer::Process(pid));
                signals::watch(place, pid);
            }
            PeerKind::Thread => self.peers.push(Peer::Thread(Some(spawn_peer(post, far)?))),
            PeerKind::CloneVm => self.peers.push(Peer::Thread(Some(clone_peer(post, far)?))),
        }
        Ok(())
    }

    /// One order from post to report: `near` does the near end's share, between two readings of the clock of its own.
    ///
    /// Usage covers the span and some 100 ns around it; migrations also the way to the gate and back. Fails when the
    /// clock contradicts `CLOCK_MONOTONIC_RAW`.
    pub fn run(
        &mut self,
        extent: Extent,
        checked: bool,
        near: impl FnOnce(&Clock, &AtomicU64) -> io::Result<Span>,
    ) -> io::Result<Sample> {
        let mut near = Some(near);
        self.run_one_order(extent, checked, &mut |clock, limit| match near.take() {
            Some(near) => near(clock, limit),
            None => Err(io::Error::other("an order was worked off twice")),
        })
    }

    fn run_one_order(
        &mut self,
        extent: Extent,
        checked: bool,
        near: &mut dyn FnMut(&Clock, &AtomicU64) -> io::Result<Span>,
    ) -> io::Result<Sample> {
        let limit = if let Extent::Count(count) = extent { count } else { u64::MAX };
        let peers = self.peers.len() as u32;
        let migrations_before = usage::migrations();
        self.gate.post(if checked { Order::Check } else { Order::Serve }, limit, peers);
        let (before, raw) = (Usage::of_this_thread(), clock::raw_ns());
        let span = near(&self.clock, self.gate.limit())?;
        let after = Usage::of_this_thread();
        self.gate.wait_done(peers);
        let outer_ns = (clock::raw_ns() - raw) as f64;
        let migrations = migrations_before.zip(usage::migrations()).map(|(a, b)| b - a);
        still_pinned(&self.near_cpus)?;
        self.sample(span, Usage { migrations, ..after.since(&before) }, outer_ns)
    }

    fn sample(&self, span: Span, near: Usage, outer_ns: f64) -> io::Result<Sample> {
        let reports: Vec<Report> = (0..self.peers.len()).map(|place| self.gate.report(place)).collect();
        let far_ends = reports.iter().map(|report| report.end_ticks).filter(|_| span.ends_at_far);
        let elapsed_ns = self.clock.ns_between(span.start, far_ends.fold(span.end, u64::max));
        // One-sided: being off the CPU between the two clocks' readings can only lengthen the outer span.
        if elapsed_ns > outer_ns * 1.001 + 1000.0 {
            let why = format!(
                "the clock ({:?}) saw {elapsed_ns:.0} ns inside {outer_ns:.0} ns of CLOCK_MONOTONIC_RAW",
                self.clock.source
            );
            return Err(io::Error::other(why));
        }
        let far = Usage::sum(reports.iter().map(|report| &report.usage));
        let per_party = std::iter::once(span.operations).chain(reports.iter().map(|r| r.served)).collect();
        let operations = span.operations;
        let (shares, facts) = Default::default();
        Ok(Sample {
            operations,
            elapsed_ns,
            near,
            far,
            per_party,
            covered: operations,
            wall_ns: outer_ns,
            shares,
            facts,
        })
    }
}

impl Drop for Parties {
    fn drop(&mut self) {
        for place in 0..self.peers.len() {
            signals::unwatch(place);
        }
        self.gate.post(Order::Quit, 0, 0);
        for (place, peer) in self.peers.iter_mut().enumerate() {
            match peer {
                // One that cannot even leave may have spoilt what it served: whoever asked hears of it.
                Peer::Process(pid) => match signals::reap(*pid) {
                    None | Some(0) => {}
                    Some(status) => peer_died(place, status),
                },
                Peer::Thread(handle) => drop(handle.take().map(std::thread::JoinHandle::join)),
            }
        }
        GATE.store(std::ptr::null_mut(), Ordering::Release);
    }
}

/// Where a peer stands.
struct Post {
    gate: Shared<Gate>,
    place: usize,
    clock: Clock,
    cpus: Vec<usize>,
}

/// Builds a peer's work inside the peer.
type MakeFar = Box<dyn FnOnce() -> io::Result<Box<dyn Far>> + Send>;

fn fork_peer(post: Post, drop_near: &mut dyn FnMut(), far: MakeFar) -> io::Result<Pid> {
    let worker = getpid();
    let mut far = Some(far);
    process::fork(|| {
        let died = process::die_with(worker, Signal::SIGKILL);
        worker::leave_channel_to_parent();
        let Some(far) = far.take() else { return PEER_FAILED };
        drop_near();
        match died.map_err(Failure::from).and_then(|()| post.attend(far)) {
            Ok(()) => 0,
            Err(failure) => {
                post.gate.leave_words(post.place, failure.kind, &failure.reason);
                PEER_FAILED
            }
        }
    })
}

fn spawn_peer(post: Post, far: MakeFar) -> io::Result<std::thread::JoinHandle<()>> {
    let spawned = std::thread::Builder::new().name(format!("peer-{}", post.place)).spawn(move || {
        if let Err(failure) = post.attend(far) {
            // The near end may be blocked on this thread: nobody else can end the worker.
            worker::fail(left_with(failure.kind, failure.reason.as_bytes()));
        }
    });
    spawned.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => {
            io::Error::other(format!("clone of a thread: {error}{}", process::limit_on_processes()))
        }
        _ => error,
    })
}

/// Starts the peer from a thread of its own, which lends it its thread-local storage and sleeps until it has ended. What the
/// peer closes of the worker's descriptors stays open in the worker, until that ends.
fn clone_peer(post: Post, far: MakeFar) -> io::Result<std::thread::JoinHandle<()>> {
    let worker = getpid();
    std::thread::Builder::new().name(format!("peer-{}", post.place)).spawn(move || {
        let peer = || {
            let died = process::die_with(worker, Signal::SIGKILL);
            worker::leave_channel_to_memory_mate();
            died.map_err(Failure::from).and_then(|()| post.attend(far))
        };
        let left = match clone_vm::run(peer) {
            Ok(Ok(Ok(()))) => return,
            Ok(Ok(Err(failure))) => left_with(failure.kind, failure.reason.as_bytes()),
            Ok(Err(clone_vm::Ended(status))) => left_by(status),
            Err(error) => left_with(FailureKind::Mechanism, error.to_string().as_bytes()),
        };
        worker::fail(left);
    })
}

impl Post {
    /// Serves orders until told to leave; a panic becomes a failure.
    fn attend(&self, far: MakeFar) -> Result<(), Failure> {
        let attend = std::panic::AssertUnwindSafe(|| {
            pin(&self.cpus)?;
            self.serve_orders(&mut *far()?)
        });
        match std::panic::catch_unwind(attend) {
            Ok(result) => result.map_err(Failure::from),
            Err(_) => Err(Failure::new(FailureKind::Peer, format!("it panicked: {}", worker::last_panic()))),
        }
    }

    fn serve_orders(&self, far: &mut dyn Far) -> io::Result<()> {
        let mut seen = 0;
        loop {
            let (number, order) = self.gate.await_order(seen);
            if order == Order::Quit {
                return Ok(());
            }
            seen = number;
            let report = self.serve(far, order == Order::Check)?;
            self.gate.say_done(self.place, report);
        }
    }

    fn serve(&self, far: &mut dyn Far, checked: bool) -> io::Result<Report> {
        let migrations_before = usage::migrations();
        let before = Usage::of_this_thread();
        self.gate.say_ready();
        // Waking the near end is not part of the work, and on another CPU it costs 15 µs: CPU time starts after it.
        let before = Usage { cpu_ns: clock::thread_cpu_ns(), ..before };
        let served = far.serve(self.gate.limit(), checked)?;
        let end_ticks = self.clock.end();
        let after = Usage::of_this_thread();
        let migrations = migrations_before.zip(usage::migrations()).map(|(a, b)| b - a);
        still_pinned(&self.cpus)?;
        Ok(Report { served, end_ticks, usage: Usage { migrations, ..after.since(&before) } })
    }
}

/// `sched_setaffinity(0, cpus)`: the calling thread runs there and nowhere else. Empty: no change.
pub fn pin(cpus: &[usize]) -> io::Result<()> {
    if cpus.is_empty() {
        return Ok(());
    }
    sched_setaffinity(Pid::from_raw(0), &set_of(cpus)?).map_err(|errno| {
        io::Error::new(io::Error::from(errno).kind(), format!("sched_setaffinity to CPUs {cpus:?}: {errno}"))
    })
}

fn set_of(cpus: &[usize]) -> nix::Result<CpuSet> {
    let mut set = CpuSet::new();
    cpus.iter().try_for_each(|&cpu| set.set(cpu)).map(|()| set)
}

/// Whether [`pin`] still holds: a CPU that is taken offline, or from the process's cpuset, moves who is pinned to it to the
/// others, and nobody is told.
fn still_pinned(cpus: &[usize]) -> io::Result<()> {
    if cpus.is_empty() {
        return Ok(());
    }
    let now = sched_getaffinity(Pid::from_raw(0))?;
    if now == set_of(cpus)? {
        return Ok(());
    }
    let allowed: Vec<usize> = (0..CpuSet::count()).filter(|&cpu| now.is_set(cpu) == Ok(true)).collect();
    Err(io::Error::other(format!(
        "a party was pinned to CPUs {cpus:?}, and the system has moved it to {allowed:?}: was a CPU taken offline, or from \
         this cpuset?"
    )))
}

/// A peer process has ended that should not have. Runs in a signal handler: no allocation, no locks.
fn peer_died(place: usize, status: i32) {
    let mut buffer = Gate::words_buffer();
    let gate = GATE.load(Ordering::Acquire);
    #[allow(unsafe_code)]
    // SAFETY: `Parties` sets the pointer to a gate it owns and clears it before dropping that; peers are watched only
    // in between.
    let words = unsafe { gate.as_ref() }.and_then(|gate| gate.last_words(place, &mut buffer));
    worker::fail(words.map_or_else(|| left_by(status), |(kind, words)| left_with(kind, words)));
}

/// What is said of a peer that has said why it left.
fn left_with(kind: FailureKind, words: &[u8]) -> FailureText {
    FailureText::new(kind, format_args!("the peer failed: "), words)
}

/// And of one that has not.
fn left_by(status: i32) -> FailureText {
    if libc::WIFSIGNALED(status) {
        let signal = libc::WTERMSIG(status);
        return FailureText::new(FailureKind::Peer, format_args!("the peer was killed by signal {signal}"), b"");
    }
    let code = libc::WEXITSTATUS(status);
    FailureText::new(FailureKind::Peer, format_args!("the peer left early with exit code {code}"), b"")
}
