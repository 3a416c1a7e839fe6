//! Sources for the tests of this module.

use super::{Comparison, Options, Refusal, compare};
use crate::load::{Origin, Source};
use crate::made_up::Run;

pub(crate) fn source(run: Run) -> Source {
    let path = format!("results/machine-{}/{}.jsonl", run.machine, run.seed).into();
    Source { path, digest: "0".repeat(64), origin: Origin::Record, record: run.record() }
}

pub(crate) fn compared(runs: &[Run], by: &str) -> Result<Comparison, Refusal> {
    let sources: Vec<Source> = runs.iter().map(|run| source(*run)).collect();
    compare(&sources.iter().collect::<Vec<_>>(), &Options { by: by.into(), ..Options::default() })
}

/// Standard normal, by Box and Muller.
pub(crate) fn normal(random: &mut fastrand::Rng) -> f64 {
    (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (std::f64::consts::TAU * random.f64()).cos()
}
