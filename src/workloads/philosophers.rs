//! `philosophers`: parties at a round table think and eat; each meal takes the two forks beside a party.
//!
//! Each fork carries a word that whoever has it changes in two steps, a load and a store, so that two hands on one fork lose
//! an update: at the end the words must add up to two for each meal. How the parties' shares differ shows who starves.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::session::Session;
use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::contended::CROWD;
use super::crowd::{self, Check, Crowd, MOST_PARTIES, Part, Tempo, Watch, Work};
use crate::mechanism::{Axes, Point, Rank, Setup, Stage, Support, Waiting, Workload};
use crate::shapes::Dinner;

pub(super) const fn workload<D: Dinner>() -> Workload {
    Workload {
        name: "philosophers",
        summary: "parties at a round table eat with the forks at both sides; time by the meals of all, and how long each waited",
        waitings: &[Waiting::Own],
        times_each: true,
        windows_of: Some(crowd::window_of),
        carries_payload: false,
        rank: Rank::Headline,
        axes: Axes {
            payload_bytes: super::NO_PAYLOAD,
            parties: &[Point(5, Rank::Headline), Point(2, Rank::Common), Point(8, Rank::Rare), Point(16, Rank::Rare)],
            hold_ns: &[Point(1000, Rank::Headline), Point(0, Rank::Rare), Point(100_000, Rank::Rare)],
            outside_ns: &[Point(1000, Rank::Headline), Point(0, Rank::Common), Point(100_000, Rank::Rare)],
            ..CROWD
        },
        supports: supports::<D>,
        open: Eater::<D>::open,
    }
}

fn supports<D: Dinner>(setup: &Setup) -> Support {
    crowd::admits(setup).and(|| D::supports(setup))
}

/// What lies on the table: a word on each fork.
struct Table([Fork; MOST_PARTIES]);

#[repr(C, align(128))]
struct Fork(AtomicU64);

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Table {}

impl Fork {
    /// Only for who has the fork, whose taking and putting down order all of it.
    #[inline(always)]
    fn change(&self) {
        self.0.store(self.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

struct Eater<D> {
    seat: D,
    table: Shared<Table>,
    forks: [usize; 2],
    eating: Work,
    thinking: Work,
}

impl<D: Dinner> Eater<D> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let setup = stage.setup;
        let tempo = Tempo::take(&clock);
        let (eating, thinking) = (tempo.work(setup.hold_ns.unwrap_or(0)), tempo.work(setup.outside_ns.unwrap_or(0)));
        let table = Shared::<Table>::zeroed()?;
        let theirs = table.clone();
        let maker = move |(place, mut seat): (usize, D)| {
            let (table, forks) = (theirs.clone(), [place, (place + 1) % setup.parties]);
            move || {
                seat.settle()?;
                Ok(Eater { seat, table, forks, eating, thinking })
            }
        };
        let makers = D::seats(&setup)?.into_iter().enumerate().map(maker).collect();
        let check: Check = Box::new(move |meals, _| {
            let counted: u64 = table.0.iter().map(|fork| fork.0.swap(0, Ordering::Relaxed)).sum();
            if counted == 2 * meals { Ok(()) } else { Err(crowd::lost(counted, 2 * meals)) }
        });
        Crowd::open(stage, clock, makers, check)
    }
}

impl<D: Dinner> Part for Eater<D> {
    #[inline(always)]
    fn act<W: Watch>(&mut self, watch: &mut W) -> io::Result<()> {
        let Eater { seat, table, forks, eating, thinking } = self;
        watch.waits();
        seat.eat(|| {
            watch.got();
            eating.run();
            forks.iter().for_each(|&fork| table.0[fork].change());
        })?;
        watch.keep();
        thinking.run();
        Ok(())
    }

    /// The eater looks whether the words stay as it left them, and every so often gives up its CPU in the middle.
    fn act_checked(&mut self) -> io::Result<()> {
        let forks = self.forks.map(|fork| &self.table.0[fork]);
        let changed = self.seat.eat(|| {
            let before = forks.map(|fork| fork.0.load(Ordering::Relaxed));
            forks.iter().for_each(|fork| fork.change());
            if before[0] % 7 == 0 {
                std::thread::yield_now();
            }
            let after = forks.map(|fork| fork.0.load(Ordering::Relaxed));
            (0..2).any(|side| after[side] != before[side] + 1)
        })?;
        if changed { Err(Mismatch::error("a fork was used by two at once".into())) } else { Ok(()) }
    }
}
