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
        let handles = L::handles(&setup)?;
        let kept = handles.first().and_then(L::kept);
        let makers = handles.into_iter().map(maker).collect();
        let check: Check = Box::new(move |operations, checked| {
            let _ = &kept;
            data.agrees(operations, lines, checked)
        });
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
                if turn.is_multiple_of(EVERY) {
                    ipcmark_harness::sys::sleep(ASLEEP);
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

#[cfg(test)]
mod tests {
    use ipcmark_harness::control::Mismatch;
    use ipcmark_harness::histogram::Histogram;

    use super::*;
    use crate::contract::lock_tests::{Faulty, OPEN};
    use crate::contract::transport_tests::SETUP;

    fn holder<L: Lock>(data: &Shared<Guarded>, mut handles: Vec<L>) -> Holder<L, false> {
        let none = Tempo::take(&Clock::vdso()).work(0);
        let (lock, data, own) = (handles.remove(0), data.clone(), AtomicU64::new(0));
        Holder { lock, data, lines: 1, hold: none, outside: none, turn: 0, own }
    }

    fn stage() -> Stage {
        let setup = Setup { parties: 2, hold_ns: Some(100), outside_ns: Some(0), ..SETUP };
        Stage { setup, near_cpus: Vec::new(), far_cpus: Vec::new() }
    }

    #[test]
    fn shares_are_what_each_party_did_in_the_window_and_everyone_has_waits() {
        let mut session = Holder::<Faulty<0>, false>::open(&stage(), Clock::vdso()).unwrap();
        let sample = session.window(Duration::from_millis(5)).unwrap();
        assert_eq!((sample.shares.len(), sample.per_party.len()), (2, 2));
        assert_eq!(sample.shares.iter().sum::<u64>(), sample.operations);
        assert!(sample.covered >= sample.operations && sample.elapsed_ns >= 5e6, "{sample:?}");
        let mut waits = Histogram::new();
        let sample = session.each(1000, &mut waits).unwrap();
        assert_eq!(waits.len(), sample.covered);
        assert!(sample.facts["longest_wait_ns"] >= waits.quantile(0.5) as f64 * 0.98, "{sample:?}");
        assert_eq!(session.verify(300, Duration::from_secs(5)).unwrap().operations, 300);
    }

    /// The failure of a party in a thread ends the worker, so it is asked itself here.
    #[test]
    fn a_lock_that_lets_everybody_in_is_found_out_by_a_checked_party() {
        let data = Guarded::new().unwrap();
        let torn = std::thread::scope(|scope| {
            let work = || {
                let mut holder = holder(&data, Faulty::<OPEN>::handles(&SETUP).unwrap());
                (0..1_000_000).find_map(|_| holder.act_checked().err())
            };
            let (a, b) = (scope.spawn(work), scope.spawn(work));
            a.join().unwrap().or(b.join().unwrap())
        });
        let error = torn.expect("two holders at once are seen");
        assert!(error.get_ref().is_some_and(|inner| inner.is::<Mismatch>()), "{error}");
    }

    #[test]
    fn a_lost_update_fails_a_timed_order() {
        let data = Guarded::new().unwrap();
        let mut holder = holder(&data, Faulty::<0>::handles(&SETUP).unwrap());
        for _ in 0..10 {
            holder.act(&mut crate::workloads::crowd::Unwatched).unwrap();
        }
        assert!(data.agrees(10, 1, false).is_ok());
        let error = data.agrees(10, 1, false).unwrap_err().to_string();
        assert!(error.contains("0 changes were counted, 10 were made"), "{error}");
    }
}
