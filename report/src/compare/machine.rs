//! Whether the machine itself was slower: the steps that mechanisms are made of (`unit_*_ns` and `null_round_trip_ns` among a
//! record's probes) and cells of the mechanism `null`, all of which no mechanism's code changes.
//!
//! They are probes of one moment, and some of them are noisy: on a virtual machine of two CPUs a cache line's round trip took 5 times as
//! long in some of ten quiet runs. So the median of their ratios counts, and only where they agree.

use ipcmark_harness::estimate::median;
use ipcmark_harness::student;
use serde::Serialize;

use crate::load::Source;

const PROBES: [&str; 6] = [
    "unit_atomic_rmw_ns",
    "unit_syscall_ns",
    "unit_cache_line_round_trip_ns",
    "unit_switch_same_cpu_ns",
    "unit_wake_other_cpu_ns",
    "null_round_trip_ns",
];
/// Fewer steps tell nothing of the machine.
const FEWEST: usize = 3;
/// No median of a handful of probes is known better, in logarithms.
const FINEST: f64 = 0.01;
/// Steps that agree within this half-width, in logarithms, tell how much the machine moved even where that is not for certain
/// different from nothing.
const TELLING: f64 = 0.04;
/// The deviation of a normal distribution over its median absolute deviation, and that of a median over that of a mean.
const MAD_TO_DEVIATION: f64 = 1.4826;
const MEDIAN_TO_MEAN: f64 = 1.2533;

/// How many times as long the machine's own steps took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// The median of the steps' ratios.
    pub value: f64,
    /// Its interval at 95 %, by how far they agree.
    pub interval: [f64; 2],
    /// How many steps.
    pub steps: usize,
    /// Whether the interval excludes 1: the machine was another.
    pub moved: bool,
}

impl Machine {
    /// From the probes of the records of both sides, and the ratios of cells of `null`. None where too few are known.
    pub(super) fn between(base: &[&Source], other: &[&Source], null: &[f64]) -> Option<Machine> {
        let probe = |name: &&str| Some(mean_log(other, name)? - mean_log(base, name)?);
        let mut logs: Vec<f64> = PROBES.iter().filter_map(probe).collect();
        logs.extend(median(null));
        Machine::of(&logs)
    }

    fn of(logs: &[f64]) -> Option<Machine> {
        let middle = median(logs).filter(|_| logs.len() >= FEWEST)?;
        let apart: Vec<f64> = logs.iter().map(|log| (log - middle).abs()).collect();
        let deviation = (MEDIAN_TO_MEAN * MAD_TO_DEVIATION * median(&apart)? / (logs.len() as f64).sqrt()).max(FINEST);
        let half_width = deviation * student::quantile_975(logs.len() as f64 - 1.0);
        let interval = [(middle - half_width).exp(), (middle + half_width).exp()];
        Some(Machine { value: middle.exp(), interval, steps: logs.len(), moved: middle.abs() > half_width })
    }

    /// How much of a common shift, in logarithms, is the machine's: no more than there is, and nothing where it went the other way,
    /// or where its steps are too far apart to tell; with the half-width of that.
    pub(super) fn explains(&self, shift: f64) -> (f64, f64) {
        let own = self.value.ln();
        let half_width = (self.interval[1] / self.interval[0]).ln() / 2.0;
        if own.signum() != shift.signum() || !(self.moved || half_width <= TELLING) {
            return (0.0, 0.0);
        }
        (own.abs().min(shift.abs()).copysign(shift), half_width.min(shift.abs()))
    }
}

/// Of a probe over the records that have it, in logarithms.
fn mean_log(records: &[&Source], name: &str) -> Option<f64> {
    let value =
        |source: &&Source| source.record.header.probes.get(name)?.as_f64().filter(|ns| *ns > 0.0 && ns.is_finite());
    let logs: Vec<f64> = records.iter().filter_map(value).map(f64::ln).collect();
    (!logs.is_empty()).then(|| logs.iter().sum::<f64>() / logs.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_moves_when_its_steps_agree_and_one_wild_step_moves_nothing() {
        let tripled = Machine::of(&[1.10, 1.09, 1.12, 1.11, 1.08, 1.10]).unwrap();
        assert!(tripled.moved && (tripled.value - 3.0).abs() < 0.05, "{tripled:?}");
        let (shift, _) = tripled.explains(1.2);
        assert!((shift - 1.10).abs() < 0.01);
        assert_eq!(tripled.explains(0.5).0, 0.5);
        assert_eq!(tripled.explains(-0.5), (0.0, 0.0));
        let steady = Machine::of(&[0.0, 0.01, 1.68, -0.01, 0.4, 0.0]).unwrap();
        assert!(!steady.moved && steady.explains(0.1).0 < 0.01, "{steady:?}");
        let scattered = Machine::of(&[0.1, -0.1, 0.3, -0.2, 0.2, 0.05]).unwrap();
        assert_eq!(scattered.explains(0.1), (0.0, 0.0), "{scattered:?}");
        assert_eq!(Machine::of(&[1.0, 1.0]), None);
    }
}
