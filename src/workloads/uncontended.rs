//! `uncontended`: a lock taken and released, or a counter raised, by the only party that wants it; `uncontended-read` and `uncontended-write`: data
//! read, or written, by the only party that wants them.
//!
//! With one party the worker is a process that never had a second thread; with two, another thread (or process) is alive and
//! sleeps. The two differ: glibc leaves out the atomic instructions of a lock while a process has had one thread only.

use std::hint::black_box;
use std::io;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::placement::Placement;
use ipcmark_harness::session::{Sample, Session, Verified};

use super::pace::{Pace, until};
use crate::mechanism::{Axes, Point, Rank, Setup, Stage, Support, Waiting, Workload};
use crate::shapes::{Counter, Lock, RwLock};

pub(super) const fn workload<L: Lock>() -> Workload {
    let open: Open = |stage, clock| open(stage, clock, L::handles, L::settle, |lock| lock.with(|| ()));
    let summary = "taken and released by the only party that wants it";
    alone("uncontended", summary, Rank::Headline, L::supports, open)
}

/// Of a counter.
pub(super) const fn add<C: Counter>() -> Workload {
    let open: Open = |stage, clock| open(stage, clock, C::handles, |_| Ok(()), C::add);
    alone("uncontended", "raised by the only party that raises it", Rank::Headline, C::supports, open)
}

pub(super) const fn read<L: RwLock>() -> Workload {
    let open: Open = |stage, clock| {
        let read = |lock: &mut L| {
            black_box(lock.read(|words| words.first())?);
            Ok(())
        };
        open(stage, clock, L::handles, L::settle, read)
    };
    let summary = "a word of the data read by the only party that wants it";
    alone("uncontended-read", summary, Rank::Common, L::supports, open)
}

pub(super) const fn write<L: RwLock>() -> Workload {
    let open: Open = |stage, clock| {
        let write = |lock: &mut L| lock.write(|words| words.change(|| ()));
        open(stage, clock, L::handles, L::settle, write)
    };
    let summary = "all words of the data written by the only party that wants them";
    alone("uncontended-write", summary, Rank::Common, L::supports, open)
}

type Open = fn(&Stage, Clock) -> io::Result<Box<dyn Session>>;

const fn alone(
    name: &'static str,
    summary: &'static str,
    rank: Rank,
    supports: fn(&Setup) -> Support,
    open: Open,
) -> Workload {
    Workload {
        name,
        summary,
        waitings: &[Waiting::Own],
        times_each: false,
        windows_of: None,
        carries_payload: false,
        rank,
        axes: Axes {
            payload_bytes: super::NO_PAYLOAD,
            parties: &[Point(1, Rank::Common), Point(2, Rank::Headline)],
            placements: &[Placement::SameCpu],
            alike: true,
            ..Axes::PAIR
        },
        supports,
        open,
    }
}

struct Alone<L, F> {
    handle: L,
    /// What is done over and over.
    once: F,
    parties: Parties,
}

/// A party that is alive and wants nothing.
struct Asleep;

impl Far for Asleep {
    fn serve(&mut self, _: &AtomicU64, _: bool) -> io::Result<u64> {
        Ok(0)
    }
}

fn open<L: Send + 'static>(
    stage: &Stage,
    clock: Clock,
    handles: fn(&Setup) -> io::Result<Vec<L>>,
    settle: fn(&mut L) -> io::Result<()>,
    once: impl Fn(&mut L) -> io::Result<()> + 'static,
) -> io::Result<Box<dyn Session>> {
    let mut parties = Parties::new(clock, &stage.near_cpus)?;
    let mut handles = handles(&stage.setup)?;
    for place in 1..stage.setup.parties {
        let _ = handles.pop();
        handles = parties.start(stage.setup.peer, stage.cpus_of_peer(place - 1), handles, || Ok(Asleep))?;
    }
    let mut handle = handles.pop().ok_or_else(|| io::Error::other("a lock came without a handle"))?;
    settle(&mut handle)?;
    Ok(Box::new(Alone { handle, once, parties }))
}

impl<L, F: Fn(&mut L) -> io::Result<()>> Alone<L, F> {
    /// The measured loop.
    #[inline(always)]
    fn repeat(handle: &mut L, once: &F, count: u64) -> io::Result<()> {
        for _ in 0..count {
            once(handle)?;
        }
        Ok(())
    }
}

impl<L, F: Fn(&mut L) -> io::Result<()>> Session for Alone<L, F> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        let Alone { handle, once, parties } = self;
        parties.run(Extent::Count(iterations), false, |clock, _| {
            let start = clock.start();
            Self::repeat(handle, once, iterations)?;
            Ok(Span { start, end: clock.end(), ends_at_far: false, operations: iterations })
        })
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        let Alone { handle, once, parties } = self;
        parties.run(Extent::Open, false, |clock, _| {
            let start = clock.start();
            let mut pace = Pace::new(clock, start, duration);
            let mut operations = 0;
            loop {
                Self::repeat(handle, once, pace.chunk)?;
                operations += pace.chunk;
                if pace.is_over(clock) {
                    return Ok(Span { start, end: clock.end(), ends_at_far: false, operations });
                }
            }
        })
    }

    /// That it can be taken again after each release: what it keeps out is seen where others want it too.
    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let operations = until(iterations, duration, |left| Ok(self.batch(left.min(1000))?.operations))?;
        Ok(Verified { operations, bytes: 0 })
    }
}
