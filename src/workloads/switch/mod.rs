//! `switch`: a token goes round a ring of tasks on one CPU; one operation is one hop. `switch-touch` and `switch-touch-shared`:
//! whoever has it touches memory, its own or that of all.
//!
//! How one order goes: in a first lap, which is not timed, each task reads what the kernel has counted of its switches when
//! it has the token; then the near end times laps; then a last lap, in which each reads its counts again before it passes the
//! token for the last time. So the counts cover whole laps, the timed ones among them, and nothing but hops is timed.
//!
//! - The token is a count in shared memory beside the mechanism. Each task knows what it must find there, so a token that is
//!   lost, doubled or out of order fails the batch.
//! - Each hop is one switch: what the kernel counts of all tasks, voluntary and involuntary together, must be one a hop.
//! - Three tasks and more are under `SCHED_BATCH`, where a wake-up takes the CPU from nobody. Under `SCHED_OTHER` a woken task often
//!   displaces its waker, which then must be switched to once more only to go to sleep: 1.2 to 1.4 switches a hop. Two
//!   tasks do not, and are left under the policy that programs have: so two and three are not two points of one curve.
//! - After each batch the near end makes the same calls alone, which switch nothing, and touches as many buffers as there are
//!   tasks in turn: what that takes is the overhead. It is never subtracted from the estimate, which is gross; `net_ns` is a
//!   fact beside it.

mod memory;
mod start;
mod tally;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::machine::Root;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::placement::Placement;
use ipcmark_harness::room::room_for;
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::sys::memory::Shared;
use ipcmark_harness::sys::scheduling::{self, Policy};

use super::MOST_PARTIES;
use super::pace::Pace;
use crate::mechanism::{Axes, Point, Rank, Setup, Stage, Support, Waiting, Workload};
use crate::shapes::TokenRing;

use memory::Memory;
use start::can_start;
use tally::{Board, Meter, Switches, Tally};

pub(super) const fn workload<R: TokenRing>() -> Workload {
    Workload {
        name: "switch",
        summary: "one hop of a token round a ring of tasks on one CPU, each of which stops when it has passed it on",
        waitings: &[Waiting::Block],
        times_each: false,
        windows_of: None,
        carries_payload: false,
        rank: Rank::Headline,
        axes: Axes {
            payload_bytes: super::NO_PAYLOAD,
            parties: &[
                Point(2, Rank::Headline),
                Point(3, Rank::Rare),
                Point(4, Rank::Common),
                Point(6, Rank::Common),
                Point(7, Rank::Common),
                Point(8, Rank::Common),
                Point(16, Rank::Rare),
                Point(32, Rank::Common),
            ],
            placements: &[Placement::SameCpu],
            alike: true,
            ..Axes::PAIR
        },
        supports: supports::<R>,
        open: Ring::<R>::open::<false>,
    }
}

/// Each task touches memory of its own.
pub(super) const fn touch<R: TokenRing>() -> Workload {
    Workload {
        name: "switch-touch",
        summary: "as switch, and whoever has the token touches all of its own memory, a word of each line or page",
        axes: Axes {
            parties: &[Point(2, Rank::Headline), Point(8, Rank::Common)],
            memory_bytes: &[
                Point(0, Rank::Common),
                Point(4 << 10, Rank::Common),
                Point(16 << 10, Rank::Common),
                Point(64 << 10, Rank::Headline),
                Point(256 << 10, Rank::Common),
                Point(1 << 20, Rank::Common),
                Point(4 << 20, Rank::Common),
            ],
            stride_bytes: &[Point(64, Rank::Headline), Point(4096, Rank::Common)],
            ..workload::<R>().axes
        },
        ..workload::<R>()
    }
}

/// All tasks touch the same memory.
pub(super) const fn touch_shared<R: TokenRing>() -> Workload {
    Workload {
        name: "switch-touch-shared",
        summary: "as switch-touch, but all tasks touch the same memory",
        rank: Rank::Common,
        open: Ring::<R>::open::<true>,
        ..touch::<R>()
    }
}

fn supports<R: TokenRing>(setup: &Setup) -> Support {
    if setup.parties > MOST_PARTIES {
        return Support::Missing(format!("{} tasks are more than the {MOST_PARTIES} of a ring", setup.parties));
    }
    // As much again for the calls that are made alone.
    let bytes = 2 * setup.parties * setup.memory_bytes.unwrap_or(0);
    let room = || match bytes {
        0 => Support::Available,
        bytes => room_for(&Root::new("/"), bytes as u64).map_or_else(Support::Missing, |()| Support::Available),
    };
    R::supports(setup).and(room).and(|| can_start(setup))
}

/// A live ring. The near end is the task of the first place.
struct Ring<R> {
    near: Task<R>,
    alone: Alone<R>,
    parties: Parties,
    clock: Clock,
    count: usize,
    tally: Tally,
    /// All touch the same memory.
    shared: bool,
    notes: Vec<String>,
}

/// One task.
struct Task<R> {
    ring: R,
    memory: Memory,
    board: Shared<Board>,
    place: usize,
    count: u64,
    /// What the token must be when it comes next.
    due: u64,
}

/// A ring of one, and what that one touches in turn.
struct Alone<R> {
    ring: R,
    memories: Vec<Memory>,
}

fn too_few() -> io::Error {
    io::Error::other("a token ring came with too few places")
}

/// Sees to it that who is woken displaces nobody, and says so. Where that is refused, the count tells what comes of it.
fn one_switch_a_hop() -> String {
    match scheduling::adopt(Policy::Batch) {
        Ok(()) => {
            "the tasks are under SCHED_BATCH: else who is woken displaces its waker, and a hop is more than one switch"
                .into()
        }
        Err(error) => {
            format!("the tasks are not under SCHED_BATCH, so that who is woken may displace its waker: {error}")
        }
    }
}

impl<R: TokenRing> Ring<R> {
    fn open<const SHARED: bool>(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let setup = stage.setup;
        let count = setup.parties;
        // Threads and processes inherit it.
        let notes = if count > 2 { vec![one_switch_a_hop()] } else { Vec::new() };
        let mut parties = Parties::new(clock, &stage.near_cpus)?;
        let board = Shared::<Board>::zeroed()?;
        let common = if SHARED { Some(Memory::shared(&setup)?) } else { None };
        let mut places = R::places(&setup)?;
        for place in (1..count).rev() {
            let ring = places.pop().ok_or_else(too_few)?;
            let (board, common) = (board.clone(), common.clone());
            let far = move || Task::new(ring, common, &setup, board, place);
            places = parties.start(setup.peer, stage.cpus_of_peer(place - 1), places, far)?;
        }
        let near = Task::new(places.pop().ok_or_else(too_few)?, common, &setup, board, 0)?;
        let alone = Alone::new::<SHARED>(&setup)?;
        Ok(Box::new(Ring { near, alone, parties, clock, count, tally: Tally::default(), shared: SHARED, notes }))
    }

    /// So many laps, or as many as `duration` has room for, and no more than `most`.
    fn order(&mut self, extent: Extent, checked: bool, duration: Duration, most: u64) -> io::Result<Sample> {
        let near = &mut self.near;
        let count = self.count as u64;
        let mut sample = self.parties.run(extent, checked, |clock, limit| {
            near.hop()?;
            let meter = Meter::start();
            let start = clock.start();
            let laps = match extent {
                Extent::Count(laps) => near.laps(laps).map(|()| laps)?,
                Extent::Open => near.laps_for(duration, most, clock, start)?,
            };
            let end = clock.end();
            meter.stop(&near.board, 0);
            // Relaxed: the token orders it; whoever has it next reads this.
            limit.store(laps, Ordering::Relaxed);
            near.hop()?;
            Ok(Span { start, end, ends_at_far: false, operations: laps * count })
        })?;
        let laps = sample.operations / count;
        let in_step = sample.per_party[1..].iter().all(|&served| served == laps);
        if !in_step {
            return Err(Mismatch::error(format!("the tasks counted different laps: {:?}", sample.per_party)));
        }
        sample.per_party.fill(laps);
        // The first and the last lap are not timed.
        sample.covered = (laps + 2) * count;
        if checked {
            self.check_memory()?;
        } else {
            self.tally.judge(Switches::of(&self.near.board, self.count, laps))?;
        }
        Ok(sample)
    }

    fn check_memory(&self) -> io::Result<()> {
        let memory = &self.near.memory;
        if !self.shared {
            return memory.check_own();
        }
        memory.check(self.near.board.token.0.load(Ordering::Relaxed))
    }
}

impl<R: TokenRing> Task<R> {
    fn new(mut ring: R, common: Option<Memory>, setup: &Setup, board: Shared<Board>, place: usize) -> io::Result<Self> {
        ring.settle()?;
        let memory = common.map_or_else(|| Memory::private(setup), Ok)?;
        memory.fault_in()?;
        let count = setup.parties as u64;
        // The near end has the token at first; it is taken for the first time by the next one.
        let due = (place as u64 + count - 1) % count;
        Ok(Task { ring, memory, board, place, count, due })
    }

    /// The measured loop.
    #[inline]
    fn laps(&mut self, laps: u64) -> io::Result<()> {
        for _ in 0..laps {
            self.hop()?;
        }
        Ok(())
    }

    fn laps_for(&mut self, duration: Duration, most: u64, clock: &Clock, start: u64) -> io::Result<u64> {
        let mut pace = Pace::new(clock, start, duration);
        let mut done = 0;
        while done < most && (done == 0 || !pace.is_over(clock)) {
            let chunk = pace.chunk.min(most - done);
            self.laps(chunk)?;
            done += chunk;
        }
        Ok(done)
    }

    /// Passes the token and has it again.
    #[inline]
    fn hop(&mut self) -> io::Result<()> {
        self.ring.pass()?;
        self.take()
    }

    #[inline]
    fn take(&mut self) -> io::Result<()> {
        self.ring.take()?;
        let token = &self.board.token.0;
        // Relaxed: it is the mechanism that must order it.
        let found = token.load(Ordering::Relaxed);
        if found != self.due {
            return Err(self.out_of_order(found));
        }
        token.store(found + 1, Ordering::Relaxed);
        self.due += self.count;
        self.memory.touch();
        Ok(())
    }

    #[cold]
    fn out_of_order(&self, found: u64) -> io::Error {
        let Task { place, due, .. } = self;
        Mismatch::error(format!("the token came to place {place} after {found} hops, not {due}"))
    }
}

impl<R: TokenRing> Far for Task<R> {
    /// Serves laps.
    fn serve(&mut self, limit: &AtomicU64, _checked: bool) -> io::Result<u64> {
        self.take()?;
        let meter = Meter::start();
        let mut served = 0;
        loop {
            self.hop()?;
            // Relaxed: whoever moves the limit does so before it passes the token, which orders the two.
            if served >= limit.load(Ordering::Relaxed) {
                break;
            }
            served += 1;
        }
        meter.stop(&self.board, self.place);
        self.ring.pass()?;
        Ok(served)
    }
}

/// Until all others sleep at the gate: else they would run meanwhile.
const SETTLING: Duration = Duration::from_micros(50);
/// One hop alone for so many of a batch.
const ONE_IN: u64 = 4;

impl<R: TokenRing> Alone<R> {
    fn new<const SHARED: bool>(setup: &Setup) -> io::Result<Alone<R>> {
        let mut ring = R::places(&Setup { parties: 1, ..*setup })?.pop().ok_or_else(too_few)?;
        ring.settle()?;
        let memories = if SHARED { 1 } else { setup.parties };
        let memories = (0..memories).map(|_| Memory::private(setup)).collect::<io::Result<_>>()?;
        Ok(Alone { ring, memories })
    }

    /// Nanoseconds a hop, of about so many.
    fn measure(&mut self, hops: u64, clock: &Clock) -> io::Result<f64> {
        ipcmark_harness::sys::sleep(SETTLING);
        let turns = hops.div_ceil(self.memories.len() as u64);
        self.turns(1)?;
        let start = clock.start();
        self.turns(turns)?;
        Ok(clock.ns_between(start, clock.end()) / (turns * self.memories.len() as u64) as f64)
    }

    #[inline]
    fn turns(&mut self, turns: u64) -> io::Result<()> {
        for _ in 0..turns {
            for memory in &mut self.memories {
                self.ring.alone()?;
                memory.touch();
            }
        }
        Ok(())
    }
}

impl<R: TokenRing> Session for Ring<R> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        let laps = iterations.div_ceil(self.count as u64).max(1);
        let mut sample = self.order(Extent::Count(laps), false, Duration::MAX, laps)?;
        let overhead_ns = self.alone.measure(sample.operations.div_ceil(ONE_IN), &self.clock)?;
        self.tally.add(sample.ns_per_op(), overhead_ns);
        sample.facts = self.tally.facts();
        Ok(sample)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.order(Extent::Open, false, duration, u64::MAX)
    }

    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let most = iterations.div_ceil(self.count as u64).max(1);
        let sample = self.order(Extent::Open, true, duration, most)?;
        Ok(Verified { operations: sample.operations.min(iterations), bytes: 0 })
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}
