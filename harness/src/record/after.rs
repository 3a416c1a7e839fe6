//! The line that a run writes when it has come to its end: how the machine was then, beside the header's "before".

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::doctor::Finding;

/// How the machine was when the run ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct After {
    /// When the run ended, UTC, as RFC 3339.
    pub utc: String,
    /// What the doctor found then.
    pub findings: Vec<Finding>,
    /// The conditions then, under the header's names.
    pub conditions: BTreeMap<String, Value>,
    /// What differs from before in a way that may have moved numbers, a sentence each.
    pub changed: Vec<String>,
}

/// The line as it stands in the file: its only key tells it from a cell.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct AfterLine {
    /// How the machine was when the run ended.
    pub(super) after: After,
}
