//! One line of results, as it is written and read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::grade::Grade;
use crate::histogram::{Histogram, HistogramError, Quantiles};
use crate::machine::Scheduling;
use crate::usage::Usage;

/// What became of a cell. There is no other outcome, and no absent line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It has numbers.
    Measured,
    /// It cannot be measured here; `reason` says why.
    Skipped,
    /// It went wrong; `reason` says how.
    Failed,
    /// In each launch other work made a count of the cell's own fail; `reason` says which. Nothing is wrong; to resume the run
    /// measures it again.
    Disturbed,
}

/// The same value for both parties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NearFar<T> {
    /// Of the worker, which holds the clock.
    pub near: T,
    /// Of all peers together.
    pub far: T,
}

/// The CPUs that the parties were pinned to, empty where unpinned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Cpus {
    /// Of the worker.
    pub near: Vec<usize>,
    /// Of the peers, in their order.
    pub far: Vec<usize>,
}

/// CPU time in ns per operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CpuTimes {
    /// Of the worker, in all.
    pub near: f64,
    /// Of the peers, in all.
    pub far: f64,
    /// Of the worker, in user space.
    pub near_user: f64,
    /// Of the worker, in the kernel.
    pub near_system: f64,
    /// Of the peers, in user space.
    pub far_user: f64,
    /// Of the peers, in the kernel.
    pub far_system: f64,
}

/// One launch in the record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LaunchSummary {
    /// Median of its batches in the steady state, in ns per operation; where it reached none, of the last third of them.
    pub estimate_ns: f64,
    /// The round of the run that it belongs to: each round has each cell once, in shuffled order.
    #[serde(default)]
    pub round: u32,
    /// When it began, in seconds since the run did.
    #[serde(default)]
    pub at_s: f64,
    /// Median of the batches of its first 20 ms, in ns per operation: what a burst sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ns: Option<f64>,
    /// Whether it reached a steady state; none: too few batches to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steady: Option<bool>,
    /// How long it took to reach it, in ms since its first operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steady_after_ms: Option<f64>,
    /// From the start of the worker to its end, in ns.
    #[serde(default)]
    pub wall_ns: u64,
    /// The number of CPUs that its parties were pinned to; where they were not, of all online.
    #[serde(default)]
    pub cpus: u32,
    /// CPU time of other work on these CPUs meanwhile, in ns; by ticks of 10 ms.
    #[serde(default)]
    pub foreign_ns: u64,
    /// Time that the hypervisor took from these CPUs meanwhile, in ns; by ticks of 10 ms.
    #[serde(default)]
    pub stolen_ns: u64,
    /// Its batches in the steady state.
    pub samples: u64,
    /// Its operations.
    pub operations: u64,
    /// What the worker used.
    pub near: Usage,
    /// What all peers used.
    pub far: Usage,
    /// What each of those who compete got, where parties do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<u64>,
    /// What else was observed, units in the names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, f64>,
    /// In which start of the run it was measured: 0 the first, which the header tells of, n the n-th time that it was resumed.
    #[serde(default)]
    pub start: u32,
    /// How each party was scheduled, where one was not as the run when it started, but for the CPUs of a pinned party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<NearFar<Vec<Scheduling>>>,
}

/// One line of results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// The stable id; a later line with the same id replaces an earlier one.
    pub id: String,
    /// The mechanism's name.
    pub mechanism: String,
    /// The mechanism's family.
    #[serde(default)]
    pub family: String,
    /// The workload's name.
    pub workload: String,
    /// The setup's parameters, units in the names.
    #[serde(default)]
    pub setup: Map<String, Value>,
    /// The CPUs of the parties.
    #[serde(default)]
    pub cpus: Cpus,
    /// What describes the mechanism: man pages, papers, crates; for who cites the number.
    #[serde(default)]
    pub references: Vec<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was skipped or how it failed.
    pub reason: Option<String>,
    /// Median of the launches' medians in the steady state, in ns per operation.
    pub estimate_ns: Option<f64>,
    /// Interval for it, low and high.
    pub interval_ns: Option<[f64; 2]>,
    /// The deviation of what launches of a round have in common, as a share, by which the interval was widened; none: too few cells or
    /// rounds to tell, and the interval is of the run's own moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_share: Option<f64>,
    /// The same over the first 20 ms of each launch: what a burst sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ns: Option<f64>,
    /// Interval for it, low and high, across launches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_interval_ns: Option<[f64; 2]>,
    /// Where launches fall into two groups: the median of either, ascending, in ns per operation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes_ns: Vec<f64>,
    /// Launches that reached no steady state.
    #[serde(default)]
    pub unsteady_launches: u32,
    /// Why launches were measured again, a sentence each: what the machine says of them, never what they measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<String>,
    /// Exact coverage of the interval, as a share.
    pub interval_level: Option<f64>,
    /// What the interval spans: `launches` or `batches within one launch`.
    pub interval_spans: Option<String>,
    /// Launches with results.
    #[serde(default)]
    pub launches: u32,
    /// Batches in all launches.
    #[serde(default)]
    pub samples: u64,
    /// Operations in all batches.
    #[serde(default)]
    pub operations: u64,
    /// Quantiles of single operations, those that the samples support.
    pub quantiles_ns: Option<Quantiles>,
    /// Single operations of all launches: HDR V2, deflated, base64.
    pub histogram: Option<String>,
    /// Why there are no quantiles, or why some are withheld.
    pub quantiles_missing: Option<String>,
    /// CPU time in ns per operation.
    pub cpu_ns_per_op: Option<CpuTimes>,
    /// Context switches per operation because a party waited.
    pub voluntary_switches_per_op: Option<NearFar<f64>>,
    /// Context switches per operation because something else got the CPU.
    pub involuntary_switches_per_op: Option<NearFar<f64>>,
    /// Page faults per operation, minor and major.
    pub faults_per_op: Option<NearFar<f64>>,
    /// Moves to another CPU, in all; absent where the kernel does not tell.
    pub migrations: Option<NearFar<u64>>,
    /// Payload per second at the estimate, in bytes.
    pub bytes_per_s: Option<f64>,
    /// Operations per second at the estimate.
    pub operations_per_s: Option<f64>,
    /// Operations that each of those who compete got, over all launches, where parties do.
    #[serde(default)]
    pub shares: Option<Vec<u64>>,
    /// Jain's index of the shares, the median of the launches': 1 where all got the same, 1/n where one got all.
    #[serde(default)]
    pub fairness: Option<f64>,
    /// What else was observed, merged over the launches as [`Merge`](super::Merge) says; units in the names.
    #[serde(default)]
    pub facts: BTreeMap<String, f64>,
    /// What verification said: `passed`, or why it was not done.
    pub verification: Option<String>,
    /// Conditions during this cell, such as stolen time.
    #[serde(default)]
    pub conditions: BTreeMap<String, Value>,
    /// Remarks for the reader.
    #[serde(default)]
    pub notes: Vec<String>,
    /// How far its numbers can be trusted; absent where nobody judged, as in records of earlier versions.
    #[serde(default)]
    pub grade: Option<Grade>,
    /// The launches, in the order in which they ran.
    #[serde(default)]
    pub per_launch: Vec<LaunchSummary>,
}

impl Cell {
    /// The histogram of single operations, decoded; nothing if there is none.
    ///
    /// # Errors
    /// As [`Histogram::from_base64`].
    pub fn decode_histogram(&self) -> Option<Result<Histogram, HistogramError>> {
        self.histogram.as_deref().map(Histogram::from_base64)
    }
}
