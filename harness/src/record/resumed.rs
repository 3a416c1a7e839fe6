//! The line that a run writes when it goes on with an interrupted one: the header tells of the first start only.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::header::Revision;
use crate::doctor::Finding;
use crate::machine::Scheduling;

/// How a run went on. Launches name it by its number: 0 is the header's start, 1 the first of these lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Resumed {
    /// When, UTC, as RFC 3339.
    pub utc: String,
    /// The command line, program first.
    pub command: Vec<String>,
    /// The source that was built.
    pub revision: Revision,
    /// How the program was scheduled; absent where the kernel does not tell.
    pub scheduling: Option<Scheduling>,
    /// The conditions then, under the header's names.
    pub conditions: BTreeMap<String, Value>,
    /// What the doctor found then.
    pub findings: Vec<Finding>,
    /// What differed from the first start, a sentence each. Launches under it must not be pooled with those of the first.
    pub changed: Vec<String>,
}

/// The line as it stands in the file: its only key tells it from a cell.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct ResumedLine {
    /// How a run went on.
    pub(super) resumed: Resumed,
}
