//! `wake`: from a notification to the woken party's next instruction, one way, after a time in which nothing happened.

use std::io;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::session::Session;

use super::adapters::Message;
use super::one_way::{Awaits, Desk, Gives, OneWay};
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
        axes: Axes { payload_bytes, idle_ns: IDLE_NS, polling: Rank::Common, ..Axes::PAIR },
        supports: W::supports,
        open: |stage, clock| open(stage, clock, W::pair),
    }
}

/// The same with a message for a notification.
pub(super) const fn by_message<T: Pairing>() -> Workload {
    Workload {
        supports: T::supports,
        open: |stage, clock| open(stage, clock, Message::<T::End>::pair_of::<T>),
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

struct Waiter<W>(W);

struct Notifier<W>(W);

fn open<W: Wakeup>(
    stage: &Stage,
    clock: Clock,
    pair: fn(&Setup) -> io::Result<(W, W)>,
) -> io::Result<Box<dyn Session>> {
    let (near, mut far) = pair(&stage.setup)?;
    let far = move || {
        far.settle()?;
        Ok(Notifier(far))
    };
    OneWay::open(stage, clock, (near, far), |mut near: W| {
        near.settle()?;
        Ok(Waiter(near))
    })
}

impl<W: Wakeup> Awaits for Waiter<W> {
    fn await_once(&mut self, desk: &Desk, number: u64) -> io::Result<f64> {
        if !W::LASTS {
            self.0.arm(Role::Waiter)?;
        }
        desk.announce(number);
        self.0.wait()?;
        let now = desk.now();
        Ok(desk.ns_between(desk.given_at(), now))
    }
}

impl<W: Wakeup> Gives for Notifier<W> {
    fn give_once(&mut self, desk: &Desk, number: u64) -> io::Result<()> {
        if !W::LASTS {
            self.0.arm(Role::Notifier)?;
        }
        desk.idle_after(number);
        self.0.notify()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ipcmark_harness::histogram::Histogram;

    use super::*;
    use crate::contract::transport_tests::{Faulty, REPEATS_A_MESSAGE, SETUP};

    fn session<W: Wakeup>() -> Box<dyn Session> {
        let setup = Setup { idle_ns: Some(1000), ..SETUP };
        open(&Stage { setup, near_cpus: Vec::new(), far_cpus: Vec::new() }, Clock::vdso(), W::pair).unwrap()
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
