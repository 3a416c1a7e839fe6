//! The first line of a record: what was run, on what, under which conditions.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::doctor::Finding;

/// The first line of a record. The maps hold facts as their modules serialise them and are not interpreted here, so
/// that records of other versions stay readable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: String,
    /// Version of the suite.
    pub suite: String,
    /// The source that was built.
    #[serde(default)]
    pub revision: Revision,
    /// The command line, program first.
    #[serde(default)]
    pub command: Vec<String>,
    /// What was asked for and what that came to.
    #[serde(default)]
    pub selection: Selection,
    /// Seed of the order of launches.
    #[serde(default)]
    pub seed: u64,
    /// The profile: `quick`, `standard` or `full`.
    #[serde(default)]
    pub profile: String,
    /// Which program drove the measurement.
    pub front_end: FrontEnd,
    /// When the run started, UTC, as RFC 3339.
    pub started_utc: String,
    /// How the suite was built: compiler, target, optimisation.
    #[serde(default)]
    pub build: BTreeMap<String, Value>,
    /// The clock: which, its resolution, what a read costs.
    #[serde(default)]
    pub clock: BTreeMap<String, Value>,
    /// The machine: what stays the same between runs.
    #[serde(default)]
    pub machine: BTreeMap<String, Value>,
    /// The conditions before the run: what may differ next time.
    #[serde(default)]
    pub conditions: BTreeMap<String, Value>,
    /// What the user attached with `--tag key=value`.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What the doctor found before the run, the gravest first.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// What was measured of the machine itself before the run (`crate::doctor::probe`): a number each, units in the names, or
    /// `{"missing": reason}` in the number's place.
    #[serde(default)]
    pub probes: BTreeMap<String, Value>,
}

/// The source that was built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Revision {
    /// The commit's full hash.
    pub commit: Option<String>,
    /// Whether the sources of the binary differed from the commit.
    pub dirty: Option<bool>,
    /// Why the two are not known.
    pub missing: Option<String>,
}

/// What was asked for and what that came to: all that resuming a run needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Selection {
    /// The filters as given.
    pub filters: Vec<String>,
    /// The profile.
    pub profile: String,
    /// Launches of each cell, at least.
    pub launches: u32,
    /// Half the width of the interval, as a share, for whose sake further launches followed; none: no further ones.
    pub target_share: Option<f64>,
    /// How long after the begin of the run further launches could begin, in seconds.
    pub budget_s: f64,
    /// Seed of the order of launches.
    pub seed: u64,
    /// How long a worker may take beyond four times what its work should, in seconds.
    pub cell_timeout_s: f64,
    /// Ids of the cells that were planned.
    pub cells: Vec<String>,
}

/// Which program drove the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FrontEnd {
    /// `ipcmark run`: several launches a cell, shuffled.
    #[serde(rename = "ipcmark run")]
    Run,
    /// `cargo bench`: criterion, one launch a cell.
    #[serde(rename = "cargo bench")]
    Bench,
}
