//! `paced`: messages one way at planned times, whatever became of the ones before (an open loop); latency from the **planned**
//! time to the receiver having the message.
//!
//! A sender that is held up is late with what comes next, and that counts: a closed loop would stop asking while the channel is
//! slow, and so leave out the worst (Tene, "coordinated omission"). The latency from the actual sending, which has that fault,
//! is kept beside it in the facts.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::placement::Placement;
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::pace::await_time;
use super::payload::Lane;
use crate::mechanism::{Axes, Point, Rank, Setup, Stage, Workload};
use crate::shapes::{Pairing, Transport};

pub(super) const fn workload<T: Pairing>() -> Workload {
    Workload {
        name: "paced",
        summary: "messages one way at planned times; latency from the planned sending to the message received",
        waitings: T::End::WAITINGS,
        times_each: true,
        windows_of: None,
        carries_payload: true,
        rank: Rank::Common,
        axes: Axes { payload_bytes: &[Point(64, Rank::Headline)], rate_per_s: RATES_PER_S, ..Axes::PAIR },
        supports: T::supports,
        open: |stage, clock| Pacing::<T::End>::open(stage, clock, T::pair),
    }
}

/// From where every mechanism sleeps in between to where most cannot follow.
const RATES_PER_S: &[Point<u64>] = &[
    Point(1000, Rank::Common),
    Point(10_000, Rank::Headline),
    Point(100_000, Rank::Headline),
    Point(1_000_000, Rank::Common),
];

/// Messages of one order; longer batches are several.
const MOST: usize = 1 << 14;

struct Pacing<T> {
    end: T,
    lane: Lane,
    parties: Parties,
    apart: bool,
    book: Book,
}

/// When messages are due, were sent and came.
struct Book {
    clock: Clock,
    interval_ns: f64,
    sent_at: Vec<u64>,
    arrivals: Shared<Arrivals>,
}

/// When the receiver had each message, in ticks.
struct Arrivals([AtomicU64; MOST]);

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Arrivals {}

struct Receiver<T> {
    end: T,
    lane: Lane,
    arrivals: Shared<Arrivals>,
    clock: Clock,
}

impl<T: Transport> Pacing<T> {
    fn open(stage: &Stage, clock: Clock, pair: fn(&Setup) -> io::Result<(T, T)>) -> io::Result<Box<dyn Session>> {
        let setup = stage.setup;
        let mut parties = Parties::new(clock, &stage.near_cpus)?;
        let arrivals = Shared::<Arrivals>::zeroed()?;
        let (near, mut far) = pair(&setup)?;
        let theirs = arrivals.clone();
        let far = move || {
            far.settle()?;
            Ok(Receiver { end: far, lane: Lane::new(setup.payload_bytes, 0)?, arrivals: theirs, clock })
        };
        let mut end = parties.start(setup.peer, stage.cpus_of_peer(0), near, far)?;
        end.settle()?;
        let rate = setup.rate_per_s.filter(|&rate| rate > 0).ok_or_else(|| io::Error::other("a rate must be set"))?;
        Ok(Box::new(Pacing {
            end,
            lane: Lane::new(setup.payload_bytes, T::lends(&setup))?,
            parties,
            apart: setup.placement != Placement::SameCpu,
            book: Book { clock, interval_ns: 1e9 / rate as f64, sent_at: vec![0; MOST], arrivals },
        }))
    }

    /// So many messages, at most [`MOST`]; then each one's latency, from its planned and from its actual sending.
    fn order<const CHECKED: bool>(&mut self, count: usize, seen: &mut dyn FnMut(f64, f64)) -> io::Result<Sample> {
        let due = self.book.due();
        let (end, lane, sent_at, apart) = (&mut self.end, &mut self.lane, &mut self.book.sent_at, self.apart);
        let mut start = 0;
        let mut sample = self.parties.run(Extent::Count(count as u64), CHECKED, |clock, _| {
            start = clock.start();
            for (message, sent_at) in sent_at.iter_mut().enumerate().take(count) {
                await_time(clock, start + due(message), apart);
                *sent_at = clock.start();
                lane.prepare::<CHECKED>();
                lane.next += 1;
                end.send(&lane.out)?;
            }
            Ok(Span { start, end: clock.end(), ends_at_far: true, operations: count as u64 })
        })?;
        self.book.enter(&mut sample, start, seen);
        Ok(sample)
    }

    /// As many orders as `count` messages take.
    fn orders<const CHECKED: bool>(&mut self, count: u64, seen: &mut dyn FnMut(f64, f64)) -> io::Result<Sample> {
        let next = |left: u64| left.min(MOST as u64) as usize;
        let mut total = self.order::<CHECKED>(next(count.max(1)), seen)?;
        while total.operations < count {
            total.add(self.order::<CHECKED>(next(count - total.operations), seen)?);
        }
        Ok(total)
    }
}

impl Book {
    /// How long after the start a message of this number in its order is due, in ticks.
    fn due(&self) -> impl Fn(usize) -> u64 + use<> {
        let ticks_per_message = self.clock.ticks(Duration::from_secs(1)) as f64 * self.interval_ns / 1e9;
        move |message| (ticks_per_message * (message + 1) as f64) as u64
    }

    /// Makes the latencies of an order that began at `start` those of its sample, and shows them: each from its planned and
    /// from its actual sending.
    fn enter(&self, sample: &mut Sample, start: u64, seen: &mut dyn FnMut(f64, f64)) {
        let (due, span_ns) = (self.due(), sample.elapsed_ns);
        sample.elapsed_ns = 0.0;
        for (message, &sent_at) in self.sent_at.iter().enumerate().take(sample.operations as usize) {
            let arrival = self.arrivals.0[message].load(Ordering::Relaxed);
            // The two clocks may be some nanoseconds apart: a message that came before it was sent took none.
            let since = |then: u64| if arrival > then { self.clock.ns_between(then, arrival) } else { 0.0 };
            let from_planned_ns = since(start + due(message));
            sample.elapsed_ns += from_planned_ns;
            seen(from_planned_ns, since(sent_at));
        }
        sample.facts.insert("offered_per_s".into(), 1e9 / self.interval_ns);
        sample.facts.insert("delivered_per_s".into(), sample.operations as f64 * 1e9 / span_ns);
    }
}

impl<T: Transport> Session for Pacing<T> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        self.orders::<false>(iterations, &mut |_, _| {})
    }

    fn offers_each(&self) -> bool {
        true
    }

    fn each(&mut self, iterations: u64, latencies: &mut Histogram) -> io::Result<Sample> {
        let mut from_sending = Histogram::new();
        let mut sample = self.orders::<false>(iterations, &mut |planned_ns, sent_ns| {
            latencies.record(planned_ns as u64);
            from_sending.record(sent_ns as u64);
        })?;
        for (name, quantile) in [("from_sending_p50_ns", 0.5), ("from_sending_p99_ns", 0.99)] {
            sample.facts.insert(name.into(), from_sending.quantile(quantile) as f64);
        }
        Ok(sample)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.orders::<false>((duration.as_nanos() as f64 / self.book.interval_ns) as u64, &mut |_, _| {})
    }

    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let fitting = (duration.as_nanos() as f64 / self.book.interval_ns) as u64;
        let sample = self.orders::<true>(iterations.min(fitting), &mut |_, _| {})?;
        Ok(Verified { operations: sample.operations, bytes: sample.operations * self.lane.out.len() as u64 })
    }

    fn notes(&self) -> Vec<String> {
        self.lane.notes()
    }
}

impl<T: Transport> Receiver<T> {
    fn receive<const CHECKED: bool>(&mut self, count: u64) -> io::Result<u64> {
        for arrival in self.arrivals.0.iter().take(count as usize) {
            if CHECKED {
                self.lane.back.fill(0x5A);
            }
            self.end.recv(&mut self.lane.back)?;
            // Relaxed: read after this party has said that it is done.
            arrival.store(self.clock.end(), Ordering::Relaxed);
            self.lane.confirm::<CHECKED>()?;
        }
        Ok(count)
    }
}

impl<T: Transport> Far for Receiver<T> {
    fn serve(&mut self, limit: &AtomicU64, checked: bool) -> io::Result<u64> {
        let count = limit.load(Ordering::Relaxed);
        if checked { self.receive::<true>(count) } else { self.receive::<false>(count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::transport_tests::{Faulty, REPEATS_A_MESSAGE, SETUP};

    #[test]
    fn messages_beyond_one_order_are_all_sent_and_have_a_latency() {
        let setup = Setup { rate_per_s: Some(1_000_000), ..SETUP };
        let stage = Stage { setup, near_cpus: Vec::new(), far_cpus: Vec::new() };
        let mut session = Pacing::<Faulty<0>>::open(&stage, Clock::vdso(), Transport::pair).unwrap();
        let mut latencies = Histogram::new();
        let count = MOST as u64 + 10;
        let sample = session.each(count, &mut latencies).unwrap();
        assert_eq!((sample.operations, &sample.per_party[..], latencies.len()), (count, &[count, count][..], count));
        assert!(sample.facts["offered_per_s"] == 1e6 && sample.facts.contains_key("from_sending_p99_ns"), "{sample:?}");
        let verified = session.verify(100, Duration::from_secs(5)).unwrap();
        assert_eq!((verified.operations, verified.bytes), (100, 6400));
    }

    /// The failure of a receiver in a thread ends the worker, so it is asked itself here.
    #[test]
    fn a_repeated_message_fails_a_timed_batch() {
        let (receiving, mut sending) = <Faulty<REPEATS_A_MESSAGE> as Transport>::pair(&SETUP).unwrap();
        let mut lane = Lane::new(SETUP.payload_bytes, 0).unwrap();
        for number in 0..20 {
            lane.prepare_as::<false>(number);
            sending.send(&lane.out).unwrap();
        }
        let arrivals = Shared::zeroed().unwrap();
        let lane = Lane::new(SETUP.payload_bytes, 0).unwrap();
        let mut receiver = Receiver { end: receiving, lane, arrivals, clock: Clock::vdso() };
        let error = receiver.serve(&AtomicU64::new(20), false).unwrap_err().to_string();
        assert!(error.contains("was expected"), "{error}");
    }
}
