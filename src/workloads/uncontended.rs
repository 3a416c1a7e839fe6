//! `uncontended`: a lock taken and released by the only party that wants it.
//!
//! With one party the worker is a process that never had a second thread; with two, another thread (or process) is alive and
//! sleeps. The two differ: glibc leaves out the atomic instructions of a lock while a process has had one thread only.

use std::io;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::placement::Placement;
use ipcmark_harness::session::{Sample, Session, Verified};

use super::pace::Pace;
use crate::mechanism::{Axes, Point, Rank, Stage, Waiting, Workload};
use crate::shapes::Lock;

pub(super) const fn workload<L: Lock>() -> Workload {
    Workload {
        name: "uncontended",
        summary: "taken and released by the only party that wants it",
        waitings: &[Waiting::Own],
        times_each: false,
        windows_of: None,
        carries_payload: false,
        rank: Rank::Headline,
        axes: Axes {
            payload_bytes: super::NO_PAYLOAD,
            parties: &[Point(1, Rank::Common), Point(2, Rank::Headline)],
            placements: &[Placement::SameCpu],
            alike: true,
            ..Axes::PAIR
        },
        supports: L::supports,
        open: Alone::<L>::open,
    }
}

struct Alone<L> {
    lock: L,
    parties: Parties,
}

/// A party that is alive and wants nothing.
struct Asleep;

impl Far for Asleep {
    fn serve(&mut self, _: &AtomicU64, _: bool) -> io::Result<u64> {
        Ok(0)
    }
}

impl<L: Lock> Alone<L> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let mut parties = Parties::new(clock, &stage.near_cpus)?;
        let mut handles = L::handles(&stage.setup)?;
        for place in 1..stage.setup.parties {
            let _ = handles.pop();
            handles = parties.start(stage.setup.peer, stage.cpus_of_peer(place - 1), handles, || Ok(Asleep))?;
        }
        let mut lock = handles.pop().ok_or_else(|| io::Error::other("a lock came without a handle"))?;
        lock.settle()?;
        Ok(Box::new(Alone { lock, parties }))
    }
}

/// The measured loop.
#[inline(always)]
fn repeat<L: Lock>(lock: &mut L, count: u64) -> io::Result<()> {
    for _ in 0..count {
        lock.with(|| ())?;
    }
    Ok(())
}

impl<L: Lock> Session for Alone<L> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        let lock = &mut self.lock;
        self.parties.run(Extent::Count(iterations), false, |clock, _| {
            let start = clock.start();
            repeat(lock, iterations)?;
            Ok(Span { start, end: clock.end(), ends_at_far: false, operations: iterations })
        })
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        let lock = &mut self.lock;
        self.parties.run(Extent::Open, false, |clock, _| {
            let start = clock.start();
            let mut pace = Pace::new(clock, start, duration);
            let mut operations = 0;
            loop {
                repeat(lock, pace.chunk)?;
                operations += pace.chunk;
                if pace.is_over(clock) {
                    return Ok(Span { start, end: clock.end(), ends_at_far: false, operations });
                }
            }
        })
    }

    /// That it can be taken again after each release: what it keeps out is seen where others want it too.
    fn verify(&mut self, iterations: u64, _: Duration) -> io::Result<Verified> {
        let operations = self.batch(iterations.max(1))?.operations;
        Ok(Verified { operations, bytes: 0 })
    }
}
