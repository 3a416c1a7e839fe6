//! `hand-off`: from the release of a lock to its only waiter having it, one way.
//!
//! The far end holds the lock; the near one announces that it is about to wait; the far end keeps the lock for the idle time, in
//! which the waiter may go to sleep, writes down the time, and releases. It takes the lock again only when the near end is out.

use std::io;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::session::Session;

use super::one_way::{Awaits, Desk, Gives, OneWay};
use crate::mechanism::{Axes, Point, Rank, Stage, Waiting, Workload};
use crate::shapes::Lock;

pub(super) const fn workload<L: Lock>() -> Workload {
    Workload {
        name: "hand-off",
        summary: "from the release, after it was held for some time, to the only waiter having it, one way",
        waitings: &[Waiting::Own],
        times_each: true,
        windows_of: None,
        carries_payload: false,
        rank: Rank::Headline,
        axes: Axes { payload_bytes: super::NO_PAYLOAD, idle_ns: IDLE_NS, ..Axes::PAIR },
        supports: L::supports,
        open: open::<L>,
    }
}

/// From where every waiter still polls to where each that ever sleeps does.
const IDLE_NS: &[Point<u64>] = &[
    Point(0, Rank::Common),
    Point(10_000, Rank::Common),
    Point(100_000, Rank::Headline),
    Point(1_000_000, Rank::Common),
];

struct Waiter<L> {
    lock: L,
    /// What the holder wrote down the last time.
    given_at: u64,
}

struct Holder<L>(L);

fn open<L: Lock>(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
    let mut handles = L::handles(&stage.setup)?;
    let (Some(mut far), Some(near)) = (handles.pop(), handles.pop()) else {
        return Err(io::Error::other("a lock came without a handle for each of two parties"));
    };
    let far = move || {
        far.settle()?;
        Ok(Holder(far))
    };
    OneWay::open(stage, clock, (near, far), |mut lock: L| {
        lock.settle()?;
        Ok(Waiter { lock, given_at: 0 })
    })
}

/// Announced: the waiter of this turn is about to wait.
fn waits(turn: u64) -> u64 {
    2 * turn - 1
}

/// Announced: it has had the lock.
fn is_out(turn: u64) -> u64 {
    2 * turn
}

impl<L: Lock> Awaits for Waiter<L> {
    fn await_once(&mut self, desk: &Desk, turn: u64) -> io::Result<f64> {
        desk.await_ready(turn);
        desk.announce(waits(turn));
        let (now, given_at) = self.lock.with(|| (desk.now(), desk.given_at()))?;
        desk.announce(is_out(turn));
        if given_at == self.given_at {
            return Err(Mismatch::error("the waiter had the lock before it was released".into()));
        }
        self.given_at = given_at;
        Ok(desk.ns_between(given_at, now))
    }
}

impl<L: Lock> Gives for Holder<L> {
    fn give_once(&mut self, desk: &Desk, turn: u64) -> io::Result<()> {
        self.0.with(|| {
            desk.is_ready(turn);
            desk.idle_after(waits(turn));
        })?;
        desk.await_announced(is_out(turn));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ipcmark_harness::histogram::Histogram;

    use super::*;
    use crate::contract::lock_tests::{Faulty, OPEN};
    use crate::contract::transport_tests::SETUP;
    use crate::mechanism::Setup;

    fn session<L: Lock>() -> Box<dyn Session> {
        let setup = Setup { idle_ns: Some(100_000), ..SETUP };
        open::<L>(&Stage { setup, near_cpus: Vec::new(), far_cpus: Vec::new() }, Clock::vdso()).unwrap()
    }

    #[test]
    fn every_release_lets_the_waiter_in_once_and_has_a_latency() {
        let mut session = session::<Faulty<0>>();
        let mut latencies = Histogram::new();
        let sample = session.each(50, &mut latencies).unwrap();
        assert_eq!((sample.operations, &sample.per_party[..], latencies.len()), (50, &[50, 50][..], 50));
        // The time for which it is held is part of a turn and not of the latency.
        assert!(sample.wall_ns > 50.0 * 100_000.0 && sample.facts.contains_key("clock_offset_bound_ns"), "{sample:?}");
        assert!(session.window(Duration::from_millis(2)).unwrap().operations > 0);
        assert_eq!(session.verify(20, Duration::from_secs(5)).unwrap().operations, 20);
    }

    #[test]
    fn a_lock_that_is_no_lock_fails_a_timed_batch() {
        let mut session = session::<Faulty<OPEN>>();
        let error = session.batch(20).unwrap_err().to_string();
        assert!(error.contains("before it was released"), "{error}");
        std::mem::forget(session);
    }
}
