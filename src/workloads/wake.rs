//! `wake`: from a notification to the woken party's next instruction, one way, after a time in which nothing happened.
//!
//! For each operation the waiter says that it is about to wait; the notifier lets the idle time pass (it polls its clock: what
//! goes to sleep is the waiter, and its CPU where that is another one), writes down the time, and notifies; the waiter reads
//! the clock when it runs again. The two readings come from two CPUs: how far their clocks may be apart is bounded at the
//! start, by exchanges over a cache line (`compare_clocks`).

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

use super::adapters::Message;
use super::pace::Pace;
use crate::mechanism::{Axes, Point, Rank, Setup, Stage, Workload};
use crate::shapes::{Pairing, Role, Wakeup};

pub(super) const fn workload<W: Wakeup>(payload_bytes: &'static [Point<usize>], rank: Rank) -> Workload {
    Workload {
        name: "wake",
        summary: "after some idle time, from a notification (or the sending of a message) to the waiter running, one way",
        waitings: W::WAITINGS,
        times_each: true,
        windows_of: None,
        carries_payload: false,
        rank,
        axes: Axes { payload_bytes, idle_ns: IDLE_NS, ..Axes::PAIR },
        supports: W::supports,
        open: |stage, clock| Waking::open(stage, clock, W::pair),
    }
}

/// The same with a message for a notification.
pub(super) const fn by_message<T: Pairing>() -> Workload {
    Workload {
        supports: T::supports,
        open: |stage, clock| Waking::open(stage, clock, Message::<T::End>::pair_of::<T>),
        ..workload::<Message<T::End>>(&[Point(64, Rank::Headline)], Rank::Common)
    }
}

/// None, and four decades: from a busy partner to one that a timer wakes a hundred times a second.
const IDLE_NS: &[Point<u64>] = &[
    Point(0, Rank::Common),
    Point(10_000, Rank::Common),
    Point(100_000, Rank::Headline),
    Point(1_000_000, Rank::Common),
    Point(10_000_000, Rank::Common),
];

/// Exchanges that the comparison of the clocks takes; the tightest of them counts.
const COMPARISONS: u64 = 2000;

struct Waking<W> {
    end: W,
    board: Shared<Board>,
    parties: Parties,
    apart: bool,
    /// Waits so far.
    waits: u64,
    /// What the comparison of the clocks showed.
    facts: BTreeMap<String, f64>,
}

/// What the parties tell each other beside the mechanism.
#[repr(C)]
struct Board {
    waiter: Line,
    notifier: Line,
}

#[repr(C, align(128))]
struct Line {
    /// Waiter: the number of the wait that it is about to begin. Notifier: exchanges answered.
    turn: AtomicU64,
    /// Notifier: when it began to notify, in ticks.
    ticks: AtomicU64,
}

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Board {}

struct Notifier<W> {
    end: W,
    board: Shared<Board>,
    clock: Clock,
    idle_ticks: u64,
    apart: bool,
    notified: u64,
    compared: bool,
}

impl<W: Wakeup> Waking<W> {
    fn open(stage: &Stage, clock: Clock, pair: fn(&Setup) -> io::Result<(W, W)>) -> io::Result<Box<dyn Session>> {
        let setup = stage.setup;
        let mut parties = Parties::new(clock, &stage.near_cpus)?;
        let board = Shared::<Board>::zeroed()?;
        let (near, mut far) = pair(&setup)?;
        let theirs = board.clone();
        let apart = !matches!(setup.placement, Placement::SameCpu | Placement::Unpinned);
        let far = move || {
            far.settle()?;
            let idle_ticks = clock.ticks(Duration::from_nanos(setup.idle_ns.unwrap_or(0)));
            Ok(Notifier { end: far, board: theirs, clock, idle_ticks, apart, notified: 0, compared: false })
        };
        let mut end = parties.start(setup.peer, stage.cpus_of_peer(0), near, far)?;
        end.settle()?;
        let mut waking = Waking { end, board, parties, apart, waits: 0, facts: BTreeMap::new() };
        waking.compare_clocks()?;
        Ok(Box::new(waking))
    }

    /// Bounds how much the far clock may show more or less than the near one, in nanoseconds.
    fn compare_clocks(&mut self) -> io::Result<()> {
        let (board, apart) = (&self.board, self.apart);
        let (mut low, mut high) = (f64::MIN, f64::MAX);
        self.parties.run(Extent::Count(0), false, |clock, _| {
            let first = clock.start();
            for turn in 1..=COMPARISONS {
                let asked = clock.start();
                // Release and Acquire: the far reading lies between the two near ones.
                board.waiter.turn.store(turn, Ordering::Release);
                while board.notifier.turn.load(Ordering::Acquire) != turn {
                    relax(apart);
                }
                let answered = clock.end();
                let theirs = board.notifier.ticks.load(Ordering::Relaxed);
                high = high.min(signed_ns(clock, asked, theirs));
                low = low.max(signed_ns(clock, answered, theirs));
            }
            board.waiter.turn.store(0, Ordering::Relaxed);
            Ok(Span { start: first, end: clock.end(), ends_at_far: false, operations: 0 })
        })?;
        self.facts = BTreeMap::from([("clock_offset_bound_ns".to_owned(), low.abs().max(high.abs()))]);
        Ok(())
    }

    /// Waits so often, and enters each latency in nanoseconds.
    fn wait(
        &mut self,
        extent: Extent,
        mut latencies: Option<&mut Histogram>,
        duration: Duration,
    ) -> io::Result<Sample> {
        let (end, board, waits) = (&mut self.end, &self.board, &mut self.waits);
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
                    // The notifier has served `done` waits, and reads the limit after the next one: its last.
                    limit.store(done + 1, Ordering::Relaxed);
                }
                *waits += 1;
                let latency_ns = wait_once(end, board, clock, *waits)?;
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

fn wait_once<W: Wakeup>(end: &mut W, board: &Board, clock: &Clock, number: u64) -> io::Result<f64> {
    if !W::LASTS {
        end.arm(Role::Waiter)?;
    }
    // Release: pairs with the Acquire in `Notifier::notify_once`.
    board.waiter.turn.store(number, Ordering::Release);
    end.wait()?;
    let now = clock.end();
    // Acquire: the notification orders this in any case; it costs nothing.
    let notified_at = board.notifier.ticks.load(Ordering::Acquire);
    // Within the bound of the clocks' offset the difference may be negative.
    Ok(signed_ns(clock, notified_at, now).max(0.0))
}

/// Between two looks at the other party's line: on one CPU it must run before there is news.
fn relax(apart: bool) {
    if apart { std::hint::spin_loop() } else { std::thread::yield_now() }
}

/// From `earlier` to `later`, in nanoseconds; negative where they are not in that order.
fn signed_ns(clock: &Clock, earlier: u64, later: u64) -> f64 {
    if later >= earlier { clock.ns_between(earlier, later) } else { -clock.ns_between(later, earlier) }
}

impl<W: Wakeup> Session for Waking<W> {
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

    /// Each notification ends one wait, as both parties count; transports check their messages, too.
    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let each_ns = self.wait(Extent::Count(1), None, Duration::MAX)?.wall_ns;
        let fitting = (duration.as_nanos() as f64 / each_ns) as u64;
        let sample = self.wait(Extent::Count(iterations.min(fitting).max(1)), None, Duration::MAX)?;
        Ok(Verified { operations: sample.operations, bytes: 0 })
    }
}

impl<W: Wakeup> Notifier<W> {
    fn notify_once(&mut self) -> io::Result<()> {
        if !W::LASTS {
            self.end.arm(Role::Notifier)?;
        }
        self.notified += 1;
        // Acquire: pairs with the Release in `wait_once`.
        while self.board.waiter.turn.load(Ordering::Acquire) != self.notified {
            relax(self.apart);
        }
        let begin = self.clock.start();
        while self.clock.start() - begin < self.idle_ticks {
            relax(self.apart);
        }
        self.board.notifier.ticks.store(self.clock.start(), Ordering::Release);
        self.end.notify()
    }

    fn compare_clocks(&mut self) {
        for turn in 1..=COMPARISONS {
            while self.board.waiter.turn.load(Ordering::Acquire) != turn {
                relax(self.apart);
            }
            self.board.notifier.ticks.store(self.clock.start(), Ordering::Relaxed);
            self.board.notifier.turn.store(turn, Ordering::Release);
        }
        self.compared = true;
    }
}

impl<W: Wakeup> Far for Notifier<W> {
    fn serve(&mut self, limit: &AtomicU64, _: bool) -> io::Result<u64> {
        if !self.compared {
            self.compare_clocks();
            return Ok(0);
        }
        let mut served = 0;
        // Relaxed: whoever moves the limit does so before its last wait, whose announcement orders the two.
        while served < limit.load(Ordering::Relaxed) {
            self.notify_once()?;
            served += 1;
        }
        Ok(served)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::transport_tests::{Faulty, REPEATS_A_MESSAGE, SETUP};

    fn session<W: Wakeup>() -> Box<dyn Session> {
        let setup = Setup { idle_ns: Some(1000), ..SETUP };
        Waking::<W>::open(&Stage { setup, near_cpus: Vec::new(), far_cpus: Vec::new() }, Clock::vdso(), W::pair)
            .unwrap()
    }

    #[test]
    fn every_notification_ends_one_wait_and_has_a_latency() {
        let mut session = session::<Message<Faulty<0>>>();
        let mut latencies = Histogram::new();
        let sample = session.each(50, &mut latencies).unwrap();
        assert_eq!((sample.operations, &sample.per_party[..], latencies.len()), (50, &[50, 50][..], 50));
        // The idle time is part of a turn and not of the latency.
        assert!(sample.wall_ns > 50.0 * 1000.0 && sample.facts.contains_key("clock_offset_bound_ns"), "{sample:?}");
        assert!(session.window(Duration::from_millis(2)).unwrap().operations > 0);
        assert_eq!(session.verify(20, Duration::from_secs(5)).unwrap().operations, 20);
    }

    #[test]
    fn a_repeated_message_fails_a_timed_batch() {
        let mut session = session::<Message<Faulty<REPEATS_A_MESSAGE>>>();
        let error = session.batch(20).unwrap_err().to_string();
        assert!(error.contains("was expected"), "{error}");
        std::mem::forget(session);
    }
}
