//! Machine units: what the steps cost here that every mechanism is made of. Ratios to them travel between machines; nanoseconds
//! do not.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use nix::unistd::getppid;
use serde_json::{Map, Value, json};

use super::Place;
use crate::clock::Clock;
use crate::estimate::median;
use crate::parties::pin;
use crate::sys::futex;

/// One batch: long against a clock reading, and several to a scheduler's tick.
const BATCH: Duration = Duration::from_micros(200);

/// Every unit, measured for `duration` each: a number, or `{"missing": reason}`.
pub(super) fn measure(clock: &Clock, place: &Place, duration: Duration) -> io::Result<Value> {
    pin(&[place.cpu])?;
    let mut units = Map::new();
    let mut put = |name: &str, found: io::Result<f64>| {
        let value = found.map_or_else(|error| json!({"missing": error.to_string()}), Value::from);
        units.insert(name.to_owned(), value);
    };
    let two = |waits| {
        let other = place.other.clone().map_err(io::Error::other)?;
        round_trip_with(clock, duration, other, waits)
    };
    put("unit_atomic_rmw_ns", atomic_rmw(clock, duration));
    put("unit_syscall_ns", system_call(clock, duration));
    put("unit_cache_line_round_trip_ns", two(Waits::Polling));
    // A hop is half a round trip.
    put("unit_switch_same_cpu_ns", round_trip_with(clock, duration, place.cpu, Waits::Asleep).map(|ns| ns / 2.0));
    put("unit_wake_other_cpu_ns", two(Waits::Asleep).map(|ns| ns / 2.0));
    Ok(Value::Object(units))
}

/// The median time of one operation over batches that together take about `duration`; at least three.
pub(super) fn median_of_batches(
    clock: &Clock,
    duration: Duration,
    mut batch: impl FnMut(u64) -> io::Result<()>,
) -> io::Result<f64> {
    let mut timed = |iterations: u64| {
        let start = clock.start();
        batch(iterations)?;
        Ok::<f64, io::Error>(clock.ns_between(start, clock.end()))
    };
    let mut iterations = 1;
    // Also the warm-up.
    while timed(iterations)? < BATCH.as_nanos() as f64 && iterations < 1 << 32 {
        iterations *= 2;
    }
    let (mut batches, mut spent) = (Vec::new(), 0.0);
    while batches.len() < 3 || spent < duration.as_nanos() as f64 {
        let ns = timed(iterations)?;
        spent += ns;
        batches.push(ns / iterations as f64);
    }
    median(&batches).ok_or_else(|| io::Error::other("no batch was timed"))
}

/// A fetch_add on a line that this CPU owns.
fn atomic_rmw(clock: &Clock, duration: Duration) -> io::Result<f64> {
    let word = AtomicU64::new(0);
    median_of_batches(clock, duration, |iterations| {
        for _ in 0..iterations {
            // Relaxed: nobody else sees it.
            std::hint::black_box(&word).fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    })
}

/// getppid(2), which does next to nothing and is not answered without the kernel.
fn system_call(clock: &Clock, duration: Duration) -> io::Result<f64> {
    median_of_batches(clock, duration, |iterations| {
        for _ in 0..iterations {
            std::hint::black_box(getppid());
        }
        Ok(())
    })
}

/// A word with its line to itself, and with the one that processors fetch beside it.
#[repr(align(128))]
struct Line(AtomicU32);

/// How both ends wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    Polling,
    Asleep,
}

/// Two counts, each with one writer. The far one follows the near one; `OVER` ends it.
struct Pair {
    near: Line,
    far: Line,
}

const OVER: u32 = u32::MAX;

impl Pair {
    fn next(&self) -> u32 {
        // Relaxed: the near end is its only writer.
        (self.near.0.load(Ordering::Relaxed) + 1) % OVER
    }

    #[inline]
    fn round_trip(&self, waits: Waits) {
        let next = self.next();
        // Release: pairs with the Acquire in `polled` and `wait_until`.
        self.near.0.store(next, Ordering::Release);
        match waits {
            Waits::Polling => _ = polled(&self.far.0, |value| value == next),
            Waits::Asleep => {
                futex::wake(&self.near.0, 1);
                futex::wait_until(&self.far.0, |value| value == next);
            }
        }
    }

    /// Until told that it is over.
    fn follow(&self, waits: Waits) {
        let mut last = 0;
        loop {
            let next = match waits {
                Waits::Polling => polled(&self.near.0, |value| value != last),
                Waits::Asleep => futex::wait_until(&self.near.0, |value| value != last),
            };
            if next == OVER {
                return;
            }
            // Release: pairs with the Acquire at the near end.
            self.far.0.store(next, Ordering::Release);
            if waits == Waits::Asleep {
                futex::wake(&self.far.0, 1);
            }
            last = next;
        }
    }
}

fn polled(word: &AtomicU32, awaited: impl Fn(u32) -> bool) -> u32 {
    loop {
        // Acquire: pairs with the Release of the other end.
        let value = word.load(Ordering::Acquire);
        if awaited(value) {
            return value;
        }
        std::hint::spin_loop();
    }
}

/// A round trip between this thread, where it is, and one on `cpu`.
fn round_trip_with(clock: &Clock, duration: Duration, cpu: usize, waits: Waits) -> io::Result<f64> {
    let pair = Arc::new(Pair { near: Line(AtomicU32::new(0)), far: Line(AtomicU32::new(0)) });
    let far = Arc::clone(&pair);
    let (pinned, is_pinned) = std::sync::mpsc::channel();
    let follower = std::thread::Builder::new().spawn(move || {
        let done = pin(&[cpu]);
        let ready = done.is_ok();
        let _ = pinned.send(done);
        if ready {
            far.follow(waits);
        }
    })?;
    is_pinned.recv().map_err(io::Error::other)??;
    let found = median_of_batches(clock, duration, |iterations| {
        (0..iterations).for_each(|_| pair.round_trip(waits));
        Ok(())
    });
    // Release: pairs with the Acquire of the follower, whichever way it waits.
    pair.near.0.store(OVER, Ordering::Release);
    futex::wake(&pair.near.0, 1);
    follower.join().map_err(|_| io::Error::other("the other party panicked"))?;
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_a_number_or_says_why_not() {
        let allowed = crate::placement::Topology::of_this_machine().allowed();
        let place = Place { cpu: allowed[0], other: Err("one CPU is allowed".to_owned()) };
        // In a thread of its own: it is pinned.
        let units = std::thread::spawn(move || measure(&Clock::vdso(), &place, Duration::from_millis(1)).unwrap());
        let units = units.join().unwrap();
        for name in ["unit_atomic_rmw_ns", "unit_syscall_ns", "unit_switch_same_cpu_ns"] {
            assert!(units[name].as_f64().is_some_and(|ns| ns > 0.0), "{units}");
        }
        assert_eq!(units["unit_wake_other_cpu_ns"]["missing"], "one CPU is allowed");
    }
}
