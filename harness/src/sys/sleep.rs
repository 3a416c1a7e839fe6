//! clock_nanosleep(2) that a sandbox may refuse: `std::thread::sleep` panics then.

use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::ppoll;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};

/// Sleeps for `duration` on `CLOCK_MONOTONIC`, signals notwithstanding; by ppoll(2) where clock_nanosleep(2) is refused, and by
/// sched_yield(2) where both are.
pub fn sleep(duration: Duration) {
    if by_clock(duration).is_ok() {
        return;
    }
    let start = Instant::now();
    while let Some(left) = duration.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
        if !matches!(ppoll(&mut [], Some(TimeSpec::from_duration(left)), None), Ok(_) | Err(Errno::EINTR)) {
            std::thread::yield_now();
        }
    }
}

fn by_clock(duration: Duration) -> nix::Result<()> {
    let (now, seconds) = (clock_gettime(ClockId::CLOCK_MONOTONIC)?, i64::try_from(duration.as_secs()));
    let nanoseconds = now.tv_nsec() + i64::from(duration.subsec_nanos());
    let seconds = now.tv_sec().saturating_add(seconds.unwrap_or(i64::MAX)).saturating_add(nanoseconds / 1_000_000_000);
    let end = TimeSpec::new(seconds, nanoseconds % 1_000_000_000);
    loop {
        match clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &end) {
            Err(Errno::EINTR) => {}
            slept => return slept.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sleeps_at_least_so_long() {
        for duration in [Duration::ZERO, Duration::from_millis(2)] {
            let start = Instant::now();
            sleep(duration);
            assert!(start.elapsed() >= duration);
        }
    }
}
