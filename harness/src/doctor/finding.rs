//! What the doctor says: one finding a thing that is not as a citable measurement needs it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How grave a finding is; the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Numbers taken so would mean nothing: `run` does not start.
    Refuse,
    /// Numbers are moved or widened by it, and a reader must know.
    Flag,
    /// Worth knowing; it moves nothing by itself.
    Note,
}

impl Severity {
    /// The word that records and tables use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Flag => "flag",
            Self::Note => "note",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Which check found it, in kebab-case.
    pub id: String,
    /// How grave it is.
    pub severity: Severity,
    /// What was read, and where.
    pub seen: String,
    /// Why it matters when communication between processes is measured.
    pub why: String,
    /// The command that improves it, where one does.
    #[serde(default)]
    pub improve: Option<String>,
    /// The command that brings the present state back, where `improve` changes one.
    #[serde(default)]
    pub restore: Option<String>,
}
