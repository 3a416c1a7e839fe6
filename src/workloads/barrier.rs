//! `barrier`: all parties arrive and go on, round after round; one operation is one round. The near end takes part.
//!
//! Each party writes the round that it is in on a line of its own before it arrives. After every 64th round of the timed loop,
//! and after each one that is checked, it looks whether all others have come that far: seldom enough not to be measured, and
//! a barrier that lets somebody pass early does so over and over.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::contended::CROWD;
use super::crowd;
use super::pace::Pace;
use crate::mechanism::{Axes, Point, Rank, Setup, Stage, Support, Waiting, Workload};
use crate::shapes::Barrier;

pub(super) const fn workload<B: Barrier>() -> Workload {
    Workload {
        name: "barrier",
        summary: "all parties have arrived and gone on; one operation is one round of all of them",
        waitings: &[Waiting::Own],
        times_each: true,
        windows_of: None,
        carries_payload: false,
        rank: Rank::Headline,
        axes: Axes {
            payload_bytes: super::NO_PAYLOAD,
            parties: &[Point(2, Rank::Headline), Point(4, Rank::Common), Point(8, Rank::Common)],
            ..CROWD
        },
        supports: supports::<B>,
        open: Meeting::<B>::open,
    }
}

fn supports<B: Barrier>(setup: &Setup) -> Support {
    crowd::admits(setup).and(|| B::supports(setup))
}

/// Rounds between two looks at the others.
const EVERY: u64 = 64;

/// The round each party is in.
struct Phases([Phase; crowd::MOST_PARTIES]);

#[repr(C, align(128))]
struct Phase(AtomicU64);

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Phases {}

struct Meeting<B> {
    near: Member<B>,
    parties: Parties,
}

/// One party.
struct Member<B> {
    barrier: B,
    phases: Shared<Phases>,
    place: usize,
    count: usize,
    round: u64,
}

impl<B: Barrier> Meeting<B> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let Setup { parties: count, peer, .. } = stage.setup;
        let mut parties = Parties::new(clock, &stage.near_cpus)?;
        let phases = Shared::<Phases>::zeroed()?;
        let mut handles = B::handles(&stage.setup)?;
        for place in 1..count {
            let mut barrier = handles.pop().ok_or_else(too_few)?;
            let phases = phases.clone();
            let far = move || {
                barrier.settle()?;
                Ok(Member { barrier, phases, place, count, round: 0 })
            };
            handles = parties.start(peer, stage.cpus_of_peer(place - 1), handles, far)?;
        }
        let mut barrier = handles.pop().ok_or_else(too_few)?;
        barrier.settle()?;
        Ok(Box::new(Meeting { near: Member { barrier, phases, place: 0, count, round: 0 }, parties }))
    }

    /// Rounds until `duration` is over or `most` are done.
    fn work_for<const CHECKED: bool>(&mut self, duration: Duration, most: u64) -> io::Result<Sample> {
        let near = &mut self.near;
        let sample = self.parties.run(Extent::Open, CHECKED, |clock, limit| {
            let start = clock.start();
            let mut done = 0;
            let mut pace = Pace::new(clock, start, duration);
            while done + 1 < most && !pace.is_over(clock) {
                let chunk = pace.chunk.min(most - 1 - done);
                near.repeat::<CHECKED>(chunk)?;
                done += chunk;
            }
            // The others may have arrived for one round more, which ends when we arrive: they read the limit after it.
            limit.store(done + 1, Ordering::Relaxed);
            near.repeat::<CHECKED>(1)?;
            Ok(Span { start, end: clock.end(), ends_at_far: false, operations: done + 1 })
        })?;
        in_step(sample)
    }
}

fn too_few() -> io::Error {
    io::Error::other("a barrier came with too few handles")
}

/// Every party must have counted the same rounds.
fn in_step(sample: Sample) -> io::Result<Sample> {
    if sample.per_party.iter().all(|&count| count == sample.operations) {
        return Ok(sample);
    }
    Err(Mismatch::error(format!("the parties counted different rounds: {:?}, the near end first", sample.per_party)))
}

impl<B: Barrier> Member<B> {
    /// The measured loop.
    #[inline(always)]
    fn repeat<const CHECKED: bool>(&mut self, rounds: u64) -> io::Result<()> {
        for _ in 0..rounds {
            self.pass::<CHECKED>()?;
        }
        Ok(())
    }

    #[inline(always)]
    fn pass<const CHECKED: bool>(&mut self) -> io::Result<()> {
        self.round += 1;
        if CHECKED && self.round % self.count as u64 == self.place as u64 {
            // In turn somebody comes late.
            std::thread::yield_now();
        }
        // Relaxed: it is the barrier that must order it before what the others do next.
        self.phases.0[self.place].0.store(self.round, Ordering::Relaxed);
        self.barrier.arrive()?;
        if CHECKED || self.round.is_multiple_of(EVERY) { self.look() } else { Ok(()) }
    }

    fn look(&self) -> io::Result<()> {
        let round = self.round;
        let phases = self.phases.0[..self.count].iter().map(|phase| phase.0.load(Ordering::Relaxed));
        // Who went on may have come back already, and no more than once.
        match phases.enumerate().find(|(_, phase)| !(round..=round + 1).contains(phase)) {
            None => Ok(()),
            Some((place, phase)) => {
                Err(Mismatch::error(format!("round {round} was passed while party {place} was in round {phase}")))
            }
        }
    }
}

impl<B: Barrier> Far for Member<B> {
    fn serve(&mut self, limit: &AtomicU64, checked: bool) -> io::Result<u64> {
        let mut served = 0;
        // Relaxed: whoever moves the limit does so before it arrives for the last round, which orders the two.
        while served < limit.load(Ordering::Relaxed) {
            if checked { self.pass::<true>() } else { self.pass::<false>() }?;
            served += 1;
        }
        Ok(served)
    }
}

impl<B: Barrier> Session for Meeting<B> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        let near = &mut self.near;
        let sample = self.parties.run(Extent::Count(iterations), false, |clock, _| {
            let start = clock.start();
            near.repeat::<false>(iterations)?;
            Ok(Span { start, end: clock.end(), ends_at_far: false, operations: iterations })
        })?;
        in_step(sample)
    }

    fn offers_each(&self) -> bool {
        true
    }

    fn each(&mut self, iterations: u64, latencies: &mut Histogram) -> io::Result<Sample> {
        let near = &mut self.near;
        let sample = self.parties.run(Extent::Count(iterations), false, |clock, _| {
            let first = clock.start();
            for _ in 0..iterations {
                let start = clock.start();
                near.repeat::<false>(1)?;
                latencies.record(clock.ns_between(start, clock.end()) as u64);
            }
            Ok(Span { start: first, end: clock.end(), ends_at_far: false, operations: iterations })
        })?;
        in_step(sample)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.work_for::<false>(duration, u64::MAX)
    }

    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let sample = self.work_for::<true>(duration, iterations.max(1))?;
        Ok(Verified { operations: sample.operations, bytes: 0 })
    }
}
