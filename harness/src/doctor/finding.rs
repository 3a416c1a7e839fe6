//! What the doctor says: one finding a thing that is not as a citable measurement needs it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measuring_lock::Holder;

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

impl Finding {
    /// That another run measures on this machine.
    #[must_use]
    pub fn another_run(holder: &Holder) -> Self {
        let why = "two runs at once take the CPUs and caches from each other, and measure that";
        let refused = Self::refuse(format!("{holder} measures, too"), why);
        Self { id: "another-run".into(), improve: Some("ipcmark run --wait".into()), ..refused }
    }

    /// That a process of another user has the address by which runs see each other.
    #[must_use]
    pub fn address_taken(holder: &Holder) -> Self {
        let why =
            "if it is a run, the two take the CPUs and caches from each other; the share of other work is in each cell";
        let seen = format!("{holder} has the address by which runs see each other");
        Self { id: "address-taken".into(), ..Self::new(Severity::Note, seen, why) }
    }

    /// That a run goes on under conditions in which it was not begun, as asked for.
    pub fn resumed_otherwise(changed: &[String]) -> Self {
        let why = "launches of one cell would be pooled that were not measured under the same conditions";
        Self { id: "resumed-otherwise".into(), ..Self::refuse(changed.join("; "), why) }
    }

    /// That no number may be taken so.
    pub(super) fn refuse(seen: impl Into<String>, why: &str) -> Self {
        Self::new(Severity::Refuse, seen.into(), why)
    }

    /// That a reader must know of it.
    pub(super) fn flag(seen: impl Into<String>, why: &str) -> Self {
        Self::new(Severity::Flag, seen.into(), why)
    }

    /// That it is worth knowing.
    pub(super) fn note(seen: impl Into<String>, why: &str) -> Self {
        Self::new(Severity::Note, seen.into(), why)
    }

    /// With the command that improves it.
    pub(super) fn improve(mut self, command: impl Into<String>) -> Self {
        self.improve = Some(command.into());
        self
    }

    /// With the command that brings the present state back.
    pub(super) fn restore(mut self, command: impl Into<String>) -> Self {
        self.restore = Some(command.into());
        self
    }

    /// With the two commands that write `better` and, later, `present` to a file of procfs or sysfs.
    pub(super) fn write(self, path: &str, better: &str, present: impl std::fmt::Display) -> Self {
        self.improve(tee(better, path)).restore(tee(present, path))
    }

    /// The check's name is the table's to give.
    fn new(severity: Severity, seen: String, why: &str) -> Self {
        Self { id: String::new(), severity, seen, why: why.to_owned(), improve: None, restore: None }
    }
}

/// `echo value | sudo tee path`: writing takes privileges that a redirection of the shell would not have.
pub(super) fn tee(value: impl std::fmt::Display, path: &str) -> String {
    format!("echo {value} | sudo tee {path}")
}
