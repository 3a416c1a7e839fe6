//! One clock for all parties, which measures itself.
//!
//! The time-stamp counter is used where it can be trusted: CPUID calls it invariant, the kernel itself keeps time by it
//! (so the kernel has checked that it agrees between CPUs), and its rate, taken twice against `CLOCK_MONOTONIC_RAW`, is
//! the same. Anywhere else it is the vDSO's `CLOCK_MONOTONIC`, and the reason is recorded. The front end calibrates once
//! and hands the result to its workers; each batch is checked against `CLOCK_MONOTONIC_RAW` again (see `parties`).
//!
//! Both clocks run alike on every CPU, so that a receiver's end may be set against a sender's start.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::sys::tsc::Tsc;

/// Where ticks come from.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// `rdtsc`, fenced.
    Tsc,
    /// `clock_gettime(CLOCK_MONOTONIC)` through the vDSO; a tick is a nanosecond.
    Vdso,
}

/// A calibrated clock: small, `Copy`, handed to workers.
#[derive(Copy, Clone, Debug, Serialize, Deserialize)]
pub struct Clock {
    /// Where ticks come from.
    pub source: Source,
    /// Nanoseconds a tick.
    pub ns_per_tick: f64,
    /// What one reading costs, in nanoseconds: the median of batches.
    pub cost_ns: f64,
}

/// What calibration found, for the record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Calibration {
    /// The clock to use.
    pub clock: Clock,
    /// Why this source, in one sentence.
    pub why: String,
    /// The smallest step between two readings that differ, in nanoseconds.
    pub precision_ns: f64,
    /// By how much the two rate measurements differed, in parts per million; none for the vDSO clock.
    pub rate_spread_ppm: Option<f64>,
}

/// The two rates must agree this well; a virtual machine's pause between the two readings of a pair shows here.
const MAX_RATE_SPREAD_PPM: f64 = 200.0;
/// How long one rate measurement takes: two reads 50 ns apart over 20 ms are 2.5 ppm.
const RATE_SPAN: Duration = Duration::from_millis(20);
/// A noisy pair of readings is retaken this often.
const TRIES: usize = 5;

impl Clock {
    /// A reading that nothing later can overtake: the start of a measured span.
    #[inline(always)]
    pub fn start(&self) -> u64 {
        match self.source {
            Source::Tsc => Tsc::start(),
            Source::Vdso => vdso_ns(ClockId::CLOCK_MONOTONIC),
        }
    }

    /// A reading that waits for everything earlier: the end of a measured span.
    #[inline(always)]
    pub fn end(&self) -> u64 {
        match self.source {
            Source::Tsc => Tsc::end(),
            Source::Vdso => vdso_ns(ClockId::CLOCK_MONOTONIC),
        }
    }

    /// Ticks from `start` to `end` in nanoseconds; 0 where `end` is earlier.
    #[inline]
    pub fn ns_between(&self, start: u64, end: u64) -> f64 {
        end.saturating_sub(start) as f64 * self.ns_per_tick
    }

    /// `duration` in ticks, rounded down.
    pub fn ticks(&self, duration: Duration) -> u64 {
        (duration.as_nanos() as f64 / self.ns_per_tick) as u64
    }

    /// Chooses, calibrates and measures the clock; takes about 50 ms.
    pub fn calibrate() -> Calibration {
        let (clock, why, rate_spread_ppm) = match tsc_rate() {
            Ok((ns_per_tick, spread, why)) => {
                (Clock { source: Source::Tsc, ns_per_tick, cost_ns: 0.0 }, why, Some(spread))
            }
            Err(why) => (Clock::vdso(), why, None),
        };
        let clock = Clock { cost_ns: clock.measured_cost_ns(), ..clock };
        Calibration { clock, why, precision_ns: clock.measured_precision_ns(), rate_spread_ppm }
    }

    /// The vDSO clock, uncalibrated because it needs no calibration.
    pub fn vdso() -> Clock {
        Clock { source: Source::Vdso, ns_per_tick: 1.0, cost_ns: 0.0 }
    }

    fn measured_cost_ns(&self) -> f64 {
        const READS: u32 = 1000;
        let mut costs: Vec<f64> = (0..15)
            .map(|_| {
                let start = self.start();
                for _ in 1..READS {
                    std::hint::black_box(self.end());
                }
                self.ns_between(start, self.end()) / f64::from(READS)
            })
            .collect();
        costs.sort_by(f64::total_cmp);
        costs[costs.len() / 2]
    }

    fn measured_precision_ns(&self) -> f64 {
        let step = |_| {
            let start = self.start();
            std::iter::repeat_with(|| self.end()).find(|&now| now > start).map_or(0, |now| now - start)
        };
        (0..1000).map(step).min().unwrap_or(0) as f64 * self.ns_per_tick
    }
}

/// `clock_gettime(CLOCK_MONOTONIC_RAW)` in nanoseconds: the clock that no time daemon slews.
#[inline]
pub fn raw_ns() -> u64 {
    vdso_ns(ClockId::CLOCK_MONOTONIC_RAW)
}

/// `clock_gettime(CLOCK_THREAD_CPUTIME_ID)`: CPU time of the calling thread, in nanoseconds.
#[inline]
pub fn thread_cpu_ns() -> u64 {
    vdso_ns(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

#[inline]
fn vdso_ns(clock: ClockId) -> u64 {
    // These clocks exist on every kernel that Rust's standard library supports; a failure reads as zero.
    clock_gettime(clock).map_or(0, |t| t.tv_sec() as u64 * 1_000_000_000 + t.tv_nsec() as u64)
}

/// Nanoseconds a tick, the spread of the two measurements in ppm, and why the counter can be trusted; or why it cannot.
fn tsc_rate() -> Result<(f64, f64, String), String> {
    if !Tsc::AVAILABLE {
        return Err("vDSO clock: this architecture has no time-stamp counter".into());
    }
    if !Tsc::is_invariant() {
        return Err("vDSO clock: CPUID does not report an invariant TSC".into());
    }
    const CLOCKSOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    match std::fs::read_to_string(CLOCKSOURCE) {
        Ok(source) if source.trim() == "tsc" => {}
        Ok(source) => return Err(format!("vDSO clock: the kernel keeps time by {}, not by the TSC", source.trim())),
        Err(error) => return Err(format!("vDSO clock: {CLOCKSOURCE}: {error}")),
    }
    for _ in 0..TRIES {
        let (first, second) = (rate_once(), rate_once());
        let spread = (first - second).abs() / first * 1e6;
        if spread <= MAX_RATE_SPREAD_PPM {
            let why = "TSC: invariant, the kernel's own clock source, rate confirmed against CLOCK_MONOTONIC_RAW";
            return Ok(((first + second) / 2.0, spread, why.into()));
        }
    }
    Err(format!("vDSO clock: {TRIES} pairs of TSC rate measurements differed by more than {MAX_RATE_SPREAD_PPM} ppm"))
}

/// One measurement of nanoseconds a tick over `RATE_SPAN`.
fn rate_once() -> f64 {
    let (ticks, ns) = both_clocks();
    let start = Instant::now();
    while start.elapsed() < RATE_SPAN {
        std::hint::spin_loop();
    }
    let (later_ticks, later_ns) = both_clocks();
    (later_ns - ns) as f64 / (later_ticks - ticks) as f64
}

/// The closest of several pairs of readings: one taken while this thread was off the CPU would bend the rate.
fn both_clocks() -> (u64, u64) {
    let pair = |_| {
        let before = Tsc::start();
        let ns = raw_ns();
        let after = Tsc::end();
        (after - before, before + (after - before) / 2, ns)
    };
    let (_, ticks, ns) = (0..32).map(pair).min().unwrap_or_default();
    (ticks, ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calibrated_clock_agrees_with_the_monotonic_clock_within_one_percent() {
        let clock = Clock::calibrate().clock;
        let (start, wall) = (clock.start(), Instant::now());
        std::thread::sleep(Duration::from_millis(20));
        let (elapsed, outer) = (clock.ns_between(start, clock.end()), wall.elapsed().as_nanos() as f64);
        assert!(elapsed <= outer * 1.01, "{elapsed} ns inside {outer} ns");
        assert!(elapsed >= 19.8e6, "{elapsed} ns for a sleep of 20 ms");
    }

    #[test]
    fn the_reason_for_the_source_is_given() {
        let calibration = Clock::calibrate();
        let named = if calibration.clock.source == Source::Tsc { "TSC" } else { "vDSO" };
        assert!(calibration.why.starts_with(named), "{}", calibration.why);
        assert!(calibration.precision_ns > 0.0);
    }

    #[test]
    fn an_end_before_its_start_is_no_time() {
        assert_eq!(Clock::vdso().ns_between(5, 3), 0.0);
    }
}
