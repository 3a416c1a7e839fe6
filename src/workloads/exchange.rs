//! The session behind every workload of two parties that exchange messages: `round-trip` and `stream` differ only in
//! their [`Pattern`].

use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::session::{Sample, Session, Verified};

use crate::mechanism::{Point, Setup, Stage};
use crate::shapes::Transport;
use crate::workloads::pace::Pace;
use crate::workloads::payload::Lane;

/// What either end does for one operation.
pub(super) trait Pattern: Send + 'static {
    const NAME: &'static str;
    const SUMMARY: &'static str;
    /// Whether the operation is over at the far end, not at the near one.
    const ENDS_AT_FAR: bool;
    /// How often a payload crosses in one operation.
    const CROSSINGS: u64;
    /// The message sizes, and how prominent each is.
    const PAYLOAD_BYTES: &'static [Point<usize>];

    fn near<T: Transport, const CHECKED: bool>(end: &mut T, lane: &mut Lane) -> io::Result<()>;
    fn far<T: Transport, const CHECKED: bool>(end: &mut T, lane: &mut Lane) -> io::Result<()>;
}

/// A near end with its live peer.
pub(super) struct Exchange<T, P> {
    near: Side<T, P>,
    parties: Parties,
}

/// One end: its half of the channel and its buffers.
struct Side<T, P> {
    end: T,
    lane: Lane,
    _pattern: PhantomData<P>,
}

impl<T: Transport, P: Pattern> Exchange<T, P> {
    pub(super) fn open(
        stage: &Stage,
        clock: Clock,
        pair: fn(&Setup) -> io::Result<(T, T)>,
    ) -> io::Result<Box<dyn Session>> {
        let mut parties = Parties::new(clock, &stage.near_cpus)?;
        let (near, far) = pair(&stage.setup)?;
        let setup = stage.setup;
        let far = move || Side::<T, P>::new(far, &setup);
        let near = parties.start(setup.peer, stage.cpus_of_peer(0), near, far)?;
        Ok(Box::new(Exchange { near: Side::<T, P>::new(near, &setup)?, parties }))
    }

    /// Operations until `duration` is over or `most` are done, all parties inside from first to last.
    fn work_for<const CHECKED: bool>(&mut self, duration: Duration, most: u64) -> io::Result<Sample> {
        let near = &mut self.near;
        self.parties.run(Extent::Open, CHECKED, |clock, limit| {
            let start = clock.start();
            let mut done = 0;
            let mut pace = Pace::new(clock, start, duration);
            while done + 1 < most && !pace.is_over(clock) {
                let chunk = pace.chunk.min(most - 1 - done);
                near.repeat::<CHECKED>(chunk)?;
                done += chunk;
            }
            // The peer has seen `done` operations and waits for one more: its last. It reads the limit after that one.
            limit.store(done + 1, Ordering::Relaxed);
            near.repeat::<CHECKED>(1)?;
            Ok(Span { start, end: clock.end(), ends_at_far: P::ENDS_AT_FAR, operations: done + 1 })
        })
    }
}

impl<T: Transport, P: Pattern> Session for Exchange<T, P> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        let near = &mut self.near;
        let sample = self.parties.run(Extent::Count(iterations), false, |clock, _| {
            let start = clock.start();
            near.repeat::<false>(iterations)?;
            Ok(Span { start, end: clock.end(), ends_at_far: P::ENDS_AT_FAR, operations: iterations })
        })?;
        all_counted_alike::<T>(sample)
    }

    fn offers_each(&self) -> bool {
        !P::ENDS_AT_FAR
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
        all_counted_alike::<T>(sample)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.work_for::<false>(duration, u64::MAX).and_then(all_counted_alike::<T>)
    }

    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let sample = self.work_for::<true>(duration, iterations.max(1)).and_then(all_counted_alike::<T>)?;
        let bytes = if T::DELIVERS { sample.operations * P::CROSSINGS * self.near.lane.out.len() as u64 } else { 0 };
        Ok(Verified { operations: sample.operations, bytes })
    }

    fn notes(&self) -> Vec<String> {
        self.near.lane.notes()
    }
}

impl<T: Transport, P: Pattern> Side<T, P> {
    fn new(mut end: T, setup: &Setup) -> io::Result<Self> {
        end.settle()?;
        Ok(Side { end, lane: Lane::new(setup.payload_bytes, T::lends(setup))?, _pattern: PhantomData })
    }

    /// The measured loop of the near end.
    #[inline(always)]
    fn repeat<const CHECKED: bool>(&mut self, count: u64) -> io::Result<()> {
        for _ in 0..count {
            P::near::<T, CHECKED>(&mut self.end, &mut self.lane)?;
        }
        Ok(())
    }

    fn serve_until<const CHECKED: bool>(&mut self, limit: &AtomicU64) -> io::Result<u64> {
        let mut served = 0;
        // Relaxed: whoever moves the limit does so before its last message, whose arrival orders the two.
        while served < limit.load(Ordering::Relaxed) {
            P::far::<T, CHECKED>(&mut self.end, &mut self.lane)?;
            served += 1;
        }
        Ok(served)
    }
}

impl<T: Transport, P: Pattern> Far for Side<T, P> {
    fn serve(&mut self, limit: &AtomicU64, checked: bool) -> io::Result<u64> {
        if checked { self.serve_until::<true>(limit) } else { self.serve_until::<false>(limit) }
    }
}

/// Every party must have counted the same operations: else some were lost, or done twice. Where nothing is delivered
/// nothing keeps the parties in step.
fn all_counted_alike<T: Transport>(sample: Sample) -> io::Result<Sample> {
    if T::DELIVERS && sample.per_party.iter().any(|&count| count != sample.operations) {
        let why = format!("the parties counted differently: {:?} operations, the near end first", sample.per_party);
        return Err(Mismatch::error(why));
    }
    Ok(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::transport_tests::{FLIPS_A_BYTE, Faulty, REPEATS_A_MESSAGE, SETUP};
    use crate::workloads::RoundTrip;

    fn session<T: Transport>() -> Box<dyn Session> {
        let stage = Stage { setup: SETUP, near_cpus: Vec::new(), far_cpus: Vec::new() };
        Exchange::<T, RoundTrip>::open(&stage, Clock::vdso(), T::pair).unwrap()
    }

    fn mismatch<R: std::fmt::Debug>(result: io::Result<R>) -> String {
        let error = result.unwrap_err();
        assert!(error.get_ref().is_some_and(|inner| inner.is::<Mismatch>()), "{error}");
        error.to_string()
    }

    /// The peer of a failed session waits for ever; a worker would end with it, a test leaves it alone.
    fn leave(session: Box<dyn Session>) {
        std::mem::forget(session);
    }

    #[test]
    fn verification_fails_on_a_changed_byte() {
        let mut session = session::<Faulty<FLIPS_A_BYTE>>();
        let error = mismatch(session.verify(10, Duration::from_secs(5)));
        assert!(error.contains("byte 32 of 64"), "{error}");
        leave(session);
    }

    #[test]
    fn a_timed_batch_fails_on_a_repeated_message() {
        let mut session = session::<Faulty<REPEATS_A_MESSAGE>>();
        let error = mismatch(session.batch(10));
        assert!(error.contains("message 4 was expected") && error.contains("message 3 arrived"), "{error}");
        leave(session);
    }
}
