//! `contended`: all parties want the lock, over and over; and `oversubscribed`, where a holder is now and then taken off its
//! CPU on purpose.
//!
//! A party holds the lock for some time of calibrated work, changes the shared data there is, and works for some time outside.
//! With no work in and out (`capture`), whoever releases the lock mostly takes it again before another has seen that it is
//! free: there, throughput shows unfairness.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::placement::Placement;
use ipcmark_harness::session::Session;
use ipcmark_harness::sys::memory::Shared;

use super::crowd::{self, Check, Crowd, PARTIES, Part, Tempo, Watch, Work};
use super::guarded::Guarded;
use crate::mechanism::{Axes, Point, Rank, Setup, Stage, Support, Waiting, Workload};
use crate::shapes::Lock;

pub(super) const fn contended<L: Lock>() -> Workload {
    Workload {
        name: "contended",
        summary: "all parties want it over and over; time by the acquisitions of all of them, and how long each waited",
        waitings: &[Waiting::Own],
        times_each: true,
        windows_of: Some(crowd::window_of),
        carries_payload: false,
        rank: Rank::Headline,
        axes: Axes {
            payload_bytes: &[Point(64, Rank::Headline), Point(0, Rank::Common)],
            parties: PARTIES,
            hold_ns: &[
                Point(0, Rank::Common),
                Point(100, Rank::Headline),
                Point(1000, Rank::Common),
                Point(10_000, Rank::Common),
                Point(100_000, Rank::Common),
            ],
            outside_ns: &[
                Point(0, Rank::Headline),
                Point(100, Rank::Common),
                Point(1000, Rank::Common),
                Point(10_000, Rank::Common),
                Point(100_000, Rank::Rare),
            ],
            ..CROWD
        },
        supports: supports::<L>,
        open: Holder::<L, false>::open,
    }
}

pub(super) const fn oversubscribed<L: Lock>() -> Workload {
    Workload {
        name: "oversubscribed",
        summary: "as contended, and every 64th holder sleeps for 50 us while it holds the lock",
        rank: Rank::Common,
        axes: Axes {
            payload_bytes: &[Point(64, Rank::Headline)],
            parties: &[
                Point(2, Rank::Common),
                Point(4, Rank::Headline),
                Point(8, Rank::Common),
                Point(16, Rank::Rare),
                Point(32, Rank::Rare),
                Point(64, Rank::Rare),
            ],
            hold_ns: &[Point(100, Rank::Headline), Point(10_000, Rank::Rare)],
            outside_ns: &[Point(0, Rank::Headline), Point(1000, Rank::Rare)],
            ..CROWD
        },
        open: Holder::<L, true>::open,
        ..contended::<L>()
    }
}

/// Parties that are all alike, on several CPUs.
pub(super) const CROWD: Axes = Axes {
    placements: &[
        Placement::SmtSibling,
        Placement::SameCache,
        Placement::CrossCache,
        Placement::CrossNode,
        Placement::Unpinned,
    ],
    alike: true,
    ..Axes::PAIR
};

fn supports<L: Lock>(setup: &Setup) -> Support {
    crowd::admits(setup).and(|| L::supports(setup))
}

/// How often a holder is taken off its CPU.
const EVERY: u64 = 64;
const ASLEEP: Duration = Duration::from_micros(50);

/// One party. `SLEEPS`: it is taken off its CPU while it holds the lock, now and then.
struct Holder<L, const SLEEPS: bool> {
    lock: L,
    data: Shared<Guarded>,
    lines: usize,
    hold: Work,
    outside: Work,
    turn: u64,
    /// Changed where there is no shared data.
    own: AtomicU64,
}

impl<L: Lock, const SLEEPS: bool> Holder<L, SLEEPS> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let setup = stage.setup;
        let tempo = Tempo::take(&clock);
        let (hold, outside) = (tempo.work(setup.hold_ns.unwrap_or(0)), tempo.work(setup.outside_ns.unwrap_or(0)));
        let (data, lines) = (Guarded::new()?, Guarded::lines_of(setup.payload_bytes));
        let theirs = data.clone();
        let maker = move |mut lock: L| {
            let data = theirs.clone();
            move || {
                lock.settle()?;
                Ok(Holder::<L, SLEEPS> { lock, data, lines, hold, outside, turn: 0, own: AtomicU64::new(0) })
            }
        };
        let makers = L::handles(&setup)?.into_iter().map(maker).collect();
        let check: Check = Box::new(move |operations, checked| data.agrees(operations, lines, checked));
        Crowd::open(stage, clock, makers, check)
    }
}

impl<L: Lock, const SLEEPS: bool> Part for Holder<L, SLEEPS> {
    #[inline(always)]
    fn act<W: Watch>(&mut self, watch: &mut W) -> io::Result<()> {
        let Holder { lock, data, lines, hold, outside, turn, own } = self;
        watch.waits();
        lock.with(|| {
            watch.got();
            if SLEEPS {
                *turn += 1;
                if *turn % EVERY == 0 {
                    std::thread::sleep(ASLEEP);
                }
            }
            hold.run();
            match *lines {
                0 => own.store(own.load(Ordering::Relaxed) + 1, Ordering::Relaxed),
                lines => data.change(lines),
            }
        })?;
        watch.keep();
        outside.run();
        Ok(())
    }

    fn act_checked(&mut self) -> io::Result<()> {
        let data = &self.data;
        self.lock.with(|| data.change_all())?
    }
}
