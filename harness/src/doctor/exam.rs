//! What the doctor looks at: facts read before and, where time has passed, after; and what is to be measured.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::machine::{Facts, Root, conditions, machine};
use crate::placement::{Topology, parse_cpu_list};

/// What is to be measured, and by which binary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The CPUs that parties will be pinned to.
    pub cpus: Vec<usize>,
    /// How many parties will run at the same time.
    pub at_once: usize,
    /// Why the binary is not one to measure with, if it is not: built without optimisation, or with debug assertions.
    pub unoptimised: Option<String>,
    /// The architecture that the binary was built for, as `std::env::consts::ARCH` has it.
    pub architecture: String,
    /// What one reading of the clock costs, in nanoseconds.
    pub clock_cost_ns: f64,
    /// The smallest step of the clock, in nanoseconds.
    pub clock_precision_ns: f64,
}

/// The conditions, read again after a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Later {
    /// The conditions then.
    pub facts: Facts,
    /// CPU time that this process and its children used meanwhile, in nanoseconds.
    pub own_cpu_ns: u64,
}

/// All that checks judge by; none of them reads anything itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Exam {
    /// What is to be measured.
    pub request: Request,
    /// Machine and conditions.
    pub facts: Facts,
    /// The conditions after the probes, or after the run.
    pub later: Option<Later>,
    /// The CPUs that share a core with each CPU of the request, itself left out.
    pub siblings: BTreeMap<usize, Vec<usize>>,
    /// What the probes measured.
    pub probes: BTreeMap<String, Value>,
}

impl Exam {
    /// Reads the machine below `root` as it is now.
    pub fn read(root: &Root, request: Request) -> Self {
        let mut facts = machine(root);
        facts.extend(conditions(root));
        let online =
            facts.get("cpus_online_list").and_then(|fact| parse_cpu_list(fact.text()?).ok()).unwrap_or_default();
        let topology = Topology::read(root, &online);
        let others = |cpu: usize| {
            let core = topology.core(cpu).unwrap_or_default();
            (cpu, core.iter().copied().filter(|&other| other != cpu).collect())
        };
        let siblings = request.cpus.iter().map(|&cpu| others(cpu)).collect();
        Self { request, facts, later: None, siblings, probes: BTreeMap::new() }
    }

    /// Reads the conditions again: counters that have grown since tell what happened meanwhile.
    pub fn read_again(&mut self, root: &Root, own_cpu_ns: u64) {
        self.later = Some(Later { facts: conditions(root), own_cpu_ns });
    }

    /// As [`read_again`](Self::read_again), with the settings of the machine as they are now: somebody may have changed one.
    pub fn read_all_again(&mut self, root: &Root, own_cpu_ns: u64) {
        self.facts.extend(machine(root));
        self.read_again(root, own_cpu_ns);
    }

    /// A fact's value, or why it is not known.
    pub(super) fn value(&self, name: &str) -> Result<&Value, String> {
        known(&self.facts, name)
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, String> {
        self.value(name)?.as_str().ok_or_else(|| format!("`{name}` is no text"))
    }

    pub(super) fn number(&self, name: &str) -> Result<f64, String> {
        number(self.value(name)?, name)
    }

    /// Where the fact was read.
    pub(super) fn source(&self, name: &str) -> &str {
        self.facts.get(name).map_or("", |fact| fact.source())
    }

    /// `value (path)`, for what was seen.
    pub(super) fn seen(&self, value: impl std::fmt::Display, name: &str) -> String {
        format!("{value} ({})", self.source(name))
    }

    /// The latest value of a number among the conditions.
    pub(super) fn latest(&self, name: &str) -> Result<f64, String> {
        number(self.later_value(name)?, name)
    }

    /// By how much a counter has grown between the two readings.
    pub(super) fn grown(&self, name: &str) -> Result<f64, String> {
        Ok(number(self.second(name)?, name)? - self.number(name)?)
    }

    /// As [`grown`](Self::grown), for one CPU of a list of `{"cpu": n, <key>: count}`.
    pub(super) fn grown_of_cpu(&self, name: &str, cpu: usize, key: &str) -> Result<f64, String> {
        Ok(of_cpu(self.second(name)?, cpu, key, name)? - of_cpu(self.value(name)?, cpu, key, name)?)
    }

    /// Seconds between the two readings.
    pub(super) fn seconds(&self) -> Result<f64, String> {
        let seconds = self.grown("uptime_seconds")?;
        if seconds > 0.0 { Ok(seconds) } else { Err("no time passed between two readings".to_owned()) }
    }

    /// A number that a probe measured, or why there is none.
    pub(super) fn probe(&self, name: &str) -> Result<f64, String> {
        let probe = self.probes.get(name).ok_or_else(|| format!("`{name}` was not probed"))?;
        let missing = || probe.get("missing").and_then(Value::as_str).unwrap_or("it is no number").to_owned();
        probe.as_f64().ok_or_else(missing)
    }

    fn second(&self, name: &str) -> Result<&Value, String> {
        let later = self.later.as_ref().ok_or_else(|| format!("`{name}` was read only once"))?;
        known(&later.facts, name)
    }

    fn later_value(&self, name: &str) -> Result<&Value, String> {
        self.second(name).or_else(|_| self.value(name))
    }
}

fn known<'a>(facts: &'a Facts, name: &str) -> Result<&'a Value, String> {
    let fact = facts.get(name).ok_or_else(|| format!("`{name}` is not read"))?;
    fact.value().ok_or_else(|| fact.missing().unwrap_or("unknown").to_owned())
}

fn number(value: &Value, name: &str) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| format!("`{name}` is no number"))
}

fn of_cpu(list: &Value, cpu: usize, key: &str, name: &str) -> Result<f64, String> {
    let entries = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let entry = entries.iter().find(|entry| entry["cpu"].as_u64() == Some(cpu as u64));
    entry.and_then(|entry| entry[key].as_f64()).ok_or_else(|| format!("`{name}` says nothing of CPU {cpu}"))
}
