//! When a window is over, and when a planned operation is due.

use std::io;
use std::time::{Duration, Instant};

use ipcmark_harness::clock::Clock;

/// Looks at the clock often enough to stop in time and rarely enough not to be measured: at most some 64 times.
pub(super) struct Pace {
    deadline: u64,
    step: u64,
    last: u64,
    /// Operations until the next look.
    pub(super) chunk: u64,
}

impl Pace {
    pub(super) fn new(clock: &Clock, start: u64, duration: Duration) -> Pace {
        let ticks = clock.ticks(duration);
        Pace { deadline: start + ticks, step: ticks / 64, last: start, chunk: 1 }
    }

    pub(super) fn is_over(&mut self, clock: &Clock) -> bool {
        let now = clock.end();
        if now > self.last && now - self.last < self.step {
            self.chunk *= 2;
        }
        self.last = now;
        now >= self.deadline
    }

    /// Whether `duration` is over since the first question; to be asked before each operation, with how many are done.
    pub(super) fn over(duration: Duration) -> impl FnMut(&Clock, u64) -> bool {
        let mut pace: Option<Pace> = None;
        let mut look_at = 0;
        move |clock, done| {
            let pace = pace.get_or_insert_with(|| Pace::new(clock, clock.start(), duration));
            if done < look_at {
                return false;
            }
            let over = pace.is_over(clock);
            look_at = done + pace.chunk;
            over
        }
    }
}

/// Has `some` done over and over, until there are `most` operations or `duration` is over; at least once. `some` is told how
/// many are left, and returns how many it has done.
pub(super) fn until(most: u64, duration: Duration, mut some: impl FnMut(u64) -> io::Result<u64>) -> io::Result<u64> {
    let (begun, mut operations) = (Instant::now(), 0);
    while operations == 0 || (operations < most && begun.elapsed() < duration) {
        operations += some(most.saturating_sub(operations).max(1))?;
    }
    Ok(operations)
}

/// A party that shares its CPU with another sleeps until so long before the planned time, and polls from there on.
const POLLED: Duration = Duration::from_micros(5);

/// Polls the clock until it shows `ticks`. `apart`: nobody else needs this CPU; else it sleeps first.
pub(super) fn await_time(clock: &Clock, ticks: u64, apart: bool) {
    if !apart {
        let now = clock.start();
        let left_ns = if ticks > now { clock.ns_between(now, ticks) as u64 } else { 0 };
        if let Some(sleep) = Duration::from_nanos(left_ns).checked_sub(POLLED) {
            ipcmark_harness::sys::sleep(sleep);
        }
    }
    while clock.start() < ticks {
        std::hint::spin_loop();
    }
}
