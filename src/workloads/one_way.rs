//! What happens in one party until another notices, one way: `wake`, `hand-off`.
//!
//! For each operation the near end says that it is about to wait; the far one lets the idle time pass (it polls its clock: what
//! goes to sleep is the waiter, and its CPU where that is another one), writes down the time, and does what the near end waits
//! for; the near end reads the clock when it has it. The two readings come from two CPUs: how far their clocks may be apart is
//! bounded at the start, by exchanges over a cache line (`compare_clocks`).

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::placement::Placement;
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::pace::Pace;
use crate::mechanism::Stage;

/// Exchanges that the comparison of the clocks takes at most; the tightest of them counts.
const COMPARISONS: u64 = 2000;
/// And how long: many times what all take, but on a CPU that somebody else keeps busy, where each is two of his slices.
const COMPARED_AT_MOST: Duration = Duration::from_millis(100);
/// What the near end writes for a turn when there are no more exchanges.
const COMPARED: u64 = u64::MAX;

/// How long an order of checked operations lasts: one alone may take a second where parties that poll share a CPU, and the next
/// a microsecond.
const VERIFIED_AT_ONCE: Duration = Duration::from_millis(10);

/// The near end's share of one operation.
pub(super) trait Awaits: 'static {
    /// Announces that it is about to wait ([`Desk::announce`]), waits, and returns how long that took from what the far end wrote
    /// down, in nanoseconds.
    fn await_once(&mut self, desk: &Desk, number: u64) -> io::Result<f64>;
}

/// The far end's share.
pub(super) trait Gives: 'static {
    /// Lets the idle time pass after the announcement and writes down the time ([`Desk::idle_after`]), and does what is waited for.
    fn give_once(&mut self, desk: &Desk, number: u64) -> io::Result<()>;
}

/// What each party has to tell the other beside the mechanism.
#[derive(Clone)]
pub(super) struct Desk {
    board: Shared<Board>,
    clock: Clock,
    idle_ticks: u64,
    apart: bool,
}

#[repr(C)]
struct Board {
    near: Line,
    far: Line,
}

#[repr(C, align(128))]
struct Line {
    /// Near: the number of the wait that it is about to begin. Far: that of the one it is ready for; at first, exchanges answered.
    turn: AtomicU64,
    /// Far: when it began to do what is waited for, in ticks; 0 before the first time.
    ticks: AtomicU64,
}

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Board {}

impl Desk {
    /// Near: it is about to wait, or whatever else this number means to both.
    #[inline(always)]
    pub(super) fn announce(&self, number: u64) {
        // Release: pairs with the Acquire in `await_turn`.
        self.board.near.turn.store(number, Ordering::Release);
    }

    /// Far: waits for the announcement of this number, then lets the idle time pass and writes down the time.
    pub(super) fn idle_after(&self, number: u64) {
        self.await_announced(number);
        let begin = self.clock.start();
        while self.clock.start() - begin < self.idle_ticks {
            relax(self.apart);
        }
        self.board.far.ticks.store(self.clock.start(), Ordering::Release);
    }

    /// Far: waits for the announcement of this number.
    pub(super) fn await_announced(&self, number: u64) {
        await_turn(&self.board.near, number, self.apart);
    }

    /// Far: the near end may announce the wait of this number.
    pub(super) fn is_ready(&self, number: u64) {
        // Release: pairs with the Acquire in `await_turn`.
        self.board.far.turn.store(number, Ordering::Release);
    }

    /// Near: waits for `is_ready` of this number.
    pub(super) fn await_ready(&self, number: u64) {
        await_turn(&self.board.far, number, self.apart);
    }

    /// Near: the clock, read when it has what it waited for.
    #[inline(always)]
    pub(super) fn now(&self) -> u64 {
        self.clock.end()
    }

    /// Near: what the far end wrote down.
    #[inline(always)]
    pub(super) fn given_at(&self) -> u64 {
        // Acquire: what was waited for orders this in any case; it costs nothing.
        self.board.far.ticks.load(Ordering::Acquire)
    }

    /// Near: nanoseconds from what the far end wrote down.
    pub(super) fn ns_between(&self, given_at: u64, now: u64) -> f64 {
        // Within the bound of the clocks' offset the difference may be negative.
        signed_ns(&self.clock, given_at, now).max(0.0)
    }
}

/// Waits until the turn is this one, or a later one: a broken mechanism lets a party run ahead.
fn await_turn(line: &Line, number: u64, apart: bool) {
    // Acquire: pairs with the Release of who writes it.
    while line.turn.load(Ordering::Acquire) < number {
        relax(apart);
    }
}

/// Between two looks at the other party's line: on one CPU it must run before there is news.
fn relax(apart: bool) {
    if apart { std::hint::spin_loop() } else { std::thread::yield_now() }
}

/// From `earlier` to `later`, in nanoseconds; negative where they are not in that order.
fn signed_ns(clock: &Clock, earlier: u64, later: u64) -> f64 {
    if later >= earlier { clock.ns_between(earlier, later) } else { -clock.ns_between(later, earlier) }
}

/// A live pair.
pub(super) struct OneWay<N> {
    near: N,
    desk: Desk,
    parties: Parties,
    /// Waits so far.
    waits: u64,
    /// What the comparison of the clocks showed.
    facts: BTreeMap<String, f64>,
}

struct Giver<F> {
    far: F,
    desk: Desk,
    given: u64,
    compared: bool,
}

impl<N: Awaits> OneWay<N> {
    /// `settle` makes the near end's share in its place, `far` the far one's in its.
    pub(super) fn open<R, F: Gives>(
        stage: &Stage,
        clock: Clock,
        (near, far): (R, impl FnOnce() -> io::Result<F> + Send + 'static),
        settle: impl FnOnce(R) -> io::Result<N>,
    ) -> io::Result<Box<dyn Session>> {
        let setup = stage.setup;
        let mut parties = Parties::new(clock, &stage.near_cpus)?;
        let desk = Desk {
            board: Shared::zeroed()?,
            clock,
            idle_ticks: clock.ticks(Duration::from_nanos(setup.idle_ns.unwrap_or(0))),
            apart: !matches!(setup.placement, Placement::SameCpu | Placement::Unpinned),
        };
        let theirs = desk.clone();
        let far = move || Ok(Giver { far: far()?, desk: theirs, given: 0, compared: false });
        let near = settle(parties.start(setup.peer, stage.cpus_of_peer(0), near, far)?)?;
        let facts = compare_clocks(&mut parties, &desk)?;
        Ok(Box::new(OneWay { near, desk, parties, waits: 0, facts }))
    }

    /// Waits so often, and enters each latency in nanoseconds.
    fn wait(
        &mut self,
        extent: Extent,
        mut latencies: Option<&mut Histogram>,
        duration: Duration,
    ) -> io::Result<Sample> {
        let (near, desk, waits) = (&mut self.near, &self.desk, &mut self.waits);
        let mut sum_ns = 0.0;
        let mut sample = self.parties.run(extent, false, |clock, limit| {
            let start = clock.start();
            let mut over = Pace::over(duration);
            let mut done = 0;
            loop {
                let last = match extent {
                    Extent::Count(count) => done + 1 >= count,
                    Extent::Open => over(clock, done),
                };
                if last && extent == Extent::Open {
                    // The far end has served `done` waits, and reads the limit after the next one: its last.
                    limit.store(done + 1, Ordering::Relaxed);
                }
                *waits += 1;
                let latency_ns = near.await_once(desk, *waits)?;
                sum_ns += latency_ns;
                if let Some(latencies) = &mut latencies {
                    latencies.record(latency_ns as u64);
                }
                done += 1;
                if last {
                    break;
                }
            }
            Ok(Span { start, end: clock.end(), ends_at_far: false, operations: done })
        })?;
        // The latencies, without what lies between them.
        sample.elapsed_ns = sum_ns;
        sample.facts.clone_from(&self.facts);
        Ok(sample)
    }
}

/// Bounds how much the far clock may show more or less than the near one, in nanoseconds.
fn compare_clocks(parties: &mut Parties, desk: &Desk) -> io::Result<BTreeMap<String, f64>> {
    let (board, apart) = (&desk.board, desk.apart);
    let (mut low, mut high) = (f64::MIN, f64::MAX);
    parties.run(Extent::Count(0), false, |clock, _| {
        let first = clock.start();
        let last = first + clock.ticks(COMPARED_AT_MOST);
        for turn in 1..=COMPARISONS {
            let asked = clock.start();
            // Release and Acquire: the far reading lies between the two near ones.
            board.near.turn.store(turn, Ordering::Release);
            await_turn(&board.far, turn, apart);
            let answered = clock.end();
            let theirs = board.far.ticks.load(Ordering::Relaxed);
            high = high.min(signed_ns(clock, asked, theirs));
            low = low.max(signed_ns(clock, answered, theirs));
            if answered > last {
                break;
            }
        }
        board.near.turn.store(COMPARED, Ordering::Relaxed);
        Ok(Span { start: first, end: clock.end(), ends_at_far: false, operations: 0 })
    })?;
    // The far end has seen the end of it, and looks again after the next order only.
    board.near.turn.store(0, Ordering::Relaxed);
    board.far.turn.store(0, Ordering::Relaxed);
    board.far.ticks.store(0, Ordering::Relaxed);
    Ok(BTreeMap::from([("clock_offset_bound_ns".to_owned(), low.abs().max(high.abs()))]))
}

impl<N: Awaits> Session for OneWay<N> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        self.wait(Extent::Count(iterations.max(1)), None, Duration::MAX)
    }

    fn offers_each(&self) -> bool {
        true
    }

    fn each(&mut self, iterations: u64, latencies: &mut Histogram) -> io::Result<Sample> {
        self.wait(Extent::Count(iterations.max(1)), Some(latencies), Duration::MAX)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.wait(Extent::Open, None, duration)
    }

    /// Each wait ends once, as both parties count; transports check their messages, too.
    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let (mut operations, mut left) = (0, duration);
        while operations < iterations && (operations == 0 || !left.is_zero()) {
            let sample = self.wait(Extent::Open, None, VERIFIED_AT_ONCE.min(left))?;
            operations += sample.operations;
            left = left.saturating_sub(Duration::from_nanos(sample.wall_ns as u64));
        }
        Ok(Verified { operations: operations.min(iterations), bytes: 0 })
    }
}

impl<F: Gives> Giver<F> {
    fn compare_clocks(&mut self) {
        let Board { near, far } = &*self.desk.board;
        let mut answered = 0;
        loop {
            // Acquire: pairs with the Release of the near end.
            match near.turn.load(Ordering::Acquire) {
                COMPARED => break,
                turn if turn == answered => relax(self.desk.apart),
                turn => {
                    far.ticks.store(self.desk.clock.start(), Ordering::Relaxed);
                    // Release: pairs with the Acquire of the near end.
                    far.turn.store(turn, Ordering::Release);
                    answered = turn;
                }
            }
        }
        self.compared = true;
    }
}

impl<F: Gives> Far for Giver<F> {
    fn serve(&mut self, limit: &AtomicU64, _: bool) -> io::Result<u64> {
        if !self.compared {
            self.compare_clocks();
            return Ok(0);
        }
        let mut served = 0;
        // Relaxed: whoever moves the limit does so before its last wait, whose announcement orders the two.
        while served < limit.load(Ordering::Relaxed) {
            self.given += 1;
            self.far.give_once(&self.desk, self.given)?;
            served += 1;
        }
        Ok(served)
    }
}
