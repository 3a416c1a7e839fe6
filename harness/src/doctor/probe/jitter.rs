//! The jitter probe: a CPU that does nothing but read its clock, and what happens between two readings.
//!
//! The idea is that of hiccups (G. Tene's jHiccup, E. Rigtorp's hiccups): whatever stops this loop, an interrupt, another task, the
//! hypervisor, stops a party that is being measured just so.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use super::Probes;
use crate::clock::Clock;
use crate::histogram::Histogram;
use crate::parties::pin;

/// Spins on `cpu` for `duration`. Every gap counts, what recording it takes included: nothing goes unseen.
pub(super) fn spin(clock: &Clock, cpu: usize, duration: Duration) -> io::Result<Value> {
    pin(&[cpu])?;
    let mut gaps = Histogram::new();
    let mut backwards = 0_u64;
    let length = clock.ticks(duration);
    let first = clock.start();
    let mut last = first;
    while last.saturating_sub(first) < length {
        let now = clock.start();
        backwards += u64::from(now < last);
        gaps.record(clock.ns_between(last, now) as u64);
        last = now;
    }
    let spun_ns = clock.ns_between(first, last);
    Ok(json!({
        "jitter_p50_ns": gaps.quantile(0.5),
        "jitter_p99_ns": gaps.quantile(0.99),
        "jitter_p999_ns": gaps.quantile(0.999),
        "jitter_max_ns": gaps.max(),
        "jitter_spun_s": spun_ns / 1e9,
        "jitter_mean_gap_ns": spun_ns / gaps.len().max(1) as f64,
        "jitter_backwards_count": backwards,
        "jitter_histogram": gaps.to_base64(),
    }))
}

/// What the platform alone adds to an operation.
#[derive(Clone, Debug)]
pub struct Floor {
    gaps: Histogram,
    mean_gap_ns: f64,
}

/// Fewer gaps than these beyond a quantile say nothing of it: the rule that quantiles of cells follow too.
const LEAST_BEYOND: f64 = 10.0;

impl Floor {
    /// From the probes of a record; none where they were not taken or cannot be read.
    #[must_use]
    pub fn of(probes: &Probes) -> Option<Self> {
        let gaps = Histogram::from_base64(probes.get("jitter_histogram")?.as_str()?).ok()?;
        let mean_gap_ns = probes.get("jitter_mean_gap_ns")?.as_f64().filter(|&ns| ns > 0.0)?;
        Some(Self { gaps, mean_gap_ns })
    }

    /// What a quantile `q` of operations that take `operation_ns` holds of the platform's gaps, in nanoseconds, beyond the usual gap,
    /// which is the reading itself: an operation spans as many gaps as fit into it, so a share 1 − q of operations meets the longest
    /// (1 − q) · gap / operation of all gaps. None: the probe was too short to tell.
    #[must_use]
    pub fn at(&self, q: f64, operation_ns: f64) -> Option<f64> {
        let share = (1.0 - q) * (self.mean_gap_ns / operation_ns).min(1.0);
        let supported = share * self.gaps.len() as f64 >= LEAST_BEYOND;
        supported.then(|| self.gaps.quantile(1.0 - share).saturating_sub(self.gaps.quantile(0.5)) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor() -> Floor {
        let mut gaps = Histogram::new();
        gaps.record_n(25, 999_900);
        gaps.record_n(50_000, 100);
        Floor { gaps, mean_gap_ns: 25.0 }
    }

    #[test]
    fn a_longer_operation_meets_more_gaps() {
        // One gap in 10,000 is long: one operation of 1 µs in 250 meets one, one of 100 ns in 2,500.
        assert_eq!(floor().at(0.99, 1_000.0), Some(0.0));
        assert!(floor().at(0.999, 1_000.0).unwrap() > 49_000.0);
        assert_eq!(floor().at(0.999, 100.0), Some(0.0));
    }

    #[test]
    fn a_probe_too_short_for_a_quantile_says_so() {
        assert_eq!(floor().at(0.9999, 10_000.0), None);
    }

    #[test]
    fn what_a_probe_writes_is_a_floor() {
        let clock = Clock::vdso();
        let cpu = crate::placement::Topology::of_this_machine().allowed()[0];
        let probes = super::super::members(spin(&clock, cpu, Duration::from_millis(5)).unwrap()).unwrap();
        assert!(probes["jitter_spun_s"].as_f64().unwrap() >= 0.004, "{probes:?}");
        assert_eq!(probes["jitter_backwards_count"], json!(0));
        assert!(Floor::of(&probes).unwrap().at(0.5, 50.0).is_some());
        assert!(Floor::of(&Probes::new()).is_none());
    }
}
