//! What the CPUs of a cell did beside it, launch by launch.
//!
//! `/proc/stat` counts in ticks: a launch of 60 ms is known to a fifth, a cell of many launches better. What could be chance
//! is not held against a launch.

use std::collections::BTreeMap;
use std::time::Instant;

use ipcmark_harness::grade::{MOST_FOREIGN, MOST_STOLEN};
use ipcmark_harness::machine::{CpuTimes, Root, cpu_times};
use ipcmark_harness::paired::disturbance::own_cpu_ns;
use ipcmark_harness::record::{Cell, LaunchContext};
use serde_json::{Value, json};

use crate::mechanism::Stage;

/// Above this share of foreign CPU time a cell carries a note: beyond it, repeated runs here stopped agreeing.
const FOREIGN_SHARE_NOTED: f64 = 0.05;
/// /proc/stat counts in ticks of 1/USER_HZ, which is 100 on every architecture of Linux.
const TICK_NS: f64 = 1e7;

/// Sets what a cell's CPUs did against what the run itself used of them.
pub(super) struct Meter {
    cpus: Vec<usize>,
    before: Option<CpuTimes>,
    own_before: u64,
    start: Instant,
}

impl Meter {
    pub(super) fn start(stage: &Stage) -> Meter {
        let mut cpus: Vec<usize> = stage.near_cpus.iter().chain(&stage.far_cpus).copied().collect();
        cpus.sort_unstable();
        cpus.dedup();
        let before = cpu_times(&Root::new("/"), &cpus).ok();
        Meter { cpus, before, own_before: own_cpu_ns(), start: Instant::now() }
    }

    pub(super) fn stop(self) -> Spent {
        let after = cpu_times(&Root::new("/"), &self.cpus).ok();
        let (Some(before), Some(after)) = (self.before, after) else { return Spent::default() };
        let online = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        let cpus = if self.cpus.is_empty() { online } else { self.cpus.len() as u64 };
        let wall_ns = self.start.elapsed().as_nanos() as u64;
        let own_ns = own_cpu_ns().saturating_sub(self.own_before);
        Spent { wall_ns, cpus, machine: after.since(&before), own_ns, readings: cpus }
    }
}

/// What the CPUs of a cell did in one launch, or in all of them.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Spent {
    wall_ns: u64,
    cpus: u64,
    machine: CpuTimes,
    own_ns: u64,
    /// Differences taken, one a launch and CPU: each is off by up to a tick.
    readings: u64,
}

impl Spent {
    /// What an earlier start of the run has recorded of a cell.
    pub(super) fn of(cell: &Cell) -> Spent {
        let condition = |name: &str| cell.conditions.get(name).and_then(Value::as_f64).unwrap_or(0.0);
        let wall_ns = (condition("wall_s") * 1e9) as u64;
        let cpus = cell.per_launch.iter().map(|launch| u64::from(launch.cpus)).max().unwrap_or(0);
        let available = wall_ns as f64 * cpus.max(1) as f64;
        let machine = CpuTimes {
            busy_ns: (condition("foreign_cpu_share") * available) as u64,
            steal_ns: condition("steal_ns") as u64,
            idle_ns: 0,
        };
        Spent { wall_ns, cpus, machine, own_ns: 0, readings: cpus * cell.per_launch.len() as u64 }
    }

    pub(super) fn add(&mut self, more: Spent) {
        self.wall_ns += more.wall_ns;
        self.cpus = self.cpus.max(more.cpus);
        self.machine = self.machine + more.machine;
        self.own_ns += more.own_ns;
        self.readings += more.readings;
    }

    /// What a record says of it beside the launch.
    pub(super) fn describe(&self, context: &mut LaunchContext) {
        context.wall_ns = self.wall_ns;
        context.cpus = u32::try_from(self.cpus).unwrap_or(u32::MAX);
        context.foreign_ns = self.foreign_ns();
        context.stolen_ns = self.machine.steal_ns;
    }

    /// Why a launch is no measurement of the cell alone, by what the machine says of it. That a pinned party is moved ends its
    /// cell (`parties.rs`), and where parties are not pinned the scheduler's moves are what is measured.
    pub(super) fn disturbance(&self) -> Option<String> {
        if self.foreign_share() > MOST_FOREIGN && self.is_foreign_beyond_chance() {
            return Some(format!("other work had {:.0} % of its CPUs", self.foreign_share() * 100.0));
        }
        let rounding_ns = TICK_NS * (self.readings as f64).sqrt();
        let stolen = self.stolen_share() > MOST_STOLEN && self.machine.steal_ns as f64 > rounding_ns;
        stolen.then(|| format!("the hypervisor took {:.0} % of its CPUs' time", self.stolen_share() * 100.0))
    }

    /// CPU time of others on these CPUs, in nanoseconds: ticks of 10 ms make it rough.
    fn foreign_ns(&self) -> u64 {
        self.machine.busy_ns.saturating_sub(self.own_ns)
    }

    fn available_ns(&self) -> f64 {
        self.wall_ns as f64 * self.cpus.max(1) as f64
    }

    /// The same as a share of all there was.
    fn foreign_share(&self) -> f64 {
        share(self.foreign_ns() as f64, self.available_ns())
    }

    fn stolen_share(&self) -> f64 {
        share(self.machine.steal_ns as f64, self.available_ns())
    }

    /// How far off `foreign_ns` may be: independent errors of a tick add up by their squares; twice that is left to chance.
    fn tick_noise_ns(&self) -> f64 {
        2.0 * TICK_NS * (self.readings as f64).sqrt()
    }

    fn is_foreign_beyond_chance(&self) -> bool {
        self.foreign_ns() as f64 > self.tick_noise_ns()
    }

    /// Facts of the record, with their units in their names.
    pub(super) fn conditions(&self) -> BTreeMap<String, Value> {
        if self.wall_ns == 0 {
            return BTreeMap::new();
        }
        let facts = [
            ("wall_s", json!(self.wall_ns as f64 / 1e9)),
            ("foreign_cpu_share", json!(self.foreign_share())),
            ("foreign_noise_share", json!(share(self.tick_noise_ns(), self.available_ns()))),
            ("stolen_cpu_share", json!(self.stolen_share())),
            ("steal_ns", json!(self.machine.steal_ns)),
        ];
        facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    pub(super) fn note(&self) -> Option<String> {
        let share = self.foreign_share();
        (share > FOREIGN_SHARE_NOTED && self.is_foreign_beyond_chance()).then(|| {
            format!("other work used {:.0} % of the CPUs meanwhile: close it, or compare ratios only", share * 100.0)
        })
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One CPU for 100 ms, of which the cell used half.
    fn spent(busy_ms: u64, steal_ms: u64) -> Spent {
        let machine = CpuTimes { busy_ns: busy_ms * 1_000_000, steal_ns: steal_ms * 1_000_000, idle_ns: 0 };
        Spent { wall_ns: 100_000_000, cpus: 1, machine, own_ns: 50_000_000, readings: 1 }
    }

    #[test]
    fn a_launch_is_disturbed_by_what_the_machine_says_beyond_chance() {
        assert_eq!(spent(50, 0).disturbance(), None);
        assert_eq!(spent(70, 10).disturbance(), None, "two ticks and one are chance");
        assert!(spent(90, 0).disturbance().is_some_and(|why| why.contains("40 %")));
        assert!(spent(50, 20).disturbance().is_some_and(|why| why.contains("hypervisor")));
    }
}
