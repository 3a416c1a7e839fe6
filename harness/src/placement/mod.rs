//! Placements: which CPUs the two parties of a cell are pinned to, by what lies between them.
//!
//! A [`Placement`] names a distance; the [`Topology`] read from sysfs turns it into CPU numbers of the machine at hand,
//! or into the reason why this machine has no such pair. Nothing is ever substituted: a placement that does not exist
//! is a skipped cell. Pinning itself is not done here.

mod cpu_list;
mod topology;

pub use cpu_list::{format_cpu_list, parse_cpu_list};
pub use topology::Topology;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The distance between two parties, nearest first.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Ord, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// Both on one CPU, taking turns.
    SameCpu,
    /// Two hardware threads of one core.
    SmtSibling,
    /// Two cores that share their last-level cache; not two threads of one core.
    SameCache,
    /// Two cores of one NUMA node with different last-level caches.
    CrossCache,
    /// Two CPUs of different NUMA nodes.
    CrossNode,
    /// Not pinned: wherever the scheduler puts them among the allowed CPUs.
    Unpinned,
}

impl Placement {
    /// All placements, nearest first.
    pub const ALL: [Placement; 6] = [
        Placement::SameCpu,
        Placement::SmtSibling,
        Placement::SameCache,
        Placement::CrossCache,
        Placement::CrossNode,
        Placement::Unpinned,
    ];

    /// Two CPUs, those of distinct cores first, and of these the nearest.
    pub const APART: [Placement; 4] =
        [Placement::SameCache, Placement::CrossCache, Placement::CrossNode, Placement::SmtSibling];

    /// The name used in ids, records and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Placement::SameCpu => "same-cpu",
            Placement::SmtSibling => "smt-sibling",
            Placement::SameCache => "same-cache",
            Placement::CrossCache => "cross-cache",
            Placement::CrossNode => "cross-node",
            Placement::Unpinned => "unpinned",
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Placement {
    type Err = String;

    /// The error names the value and the allowed ones.
    fn from_str(name: &str) -> Result<Self, String> {
        let found = Placement::ALL.into_iter().find(|placement| placement.name() == name);
        found.ok_or_else(|| {
            let allowed = Placement::ALL.map(Placement::name).join(", ");
            format!("unknown placement `{name}`; allowed are {allowed}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placement_is_read_back_from_its_name() {
        for placement in Placement::ALL {
            assert_eq!(placement.name().parse(), Ok(placement));
            let json = serde_json::to_string(&placement).unwrap();
            assert_eq!(json, format!("\"{placement}\""));
        }
    }

    #[test]
    fn an_unknown_placement_is_refused_with_the_allowed_ones() {
        let error = "same-planet".parse::<Placement>().unwrap_err();
        assert!(error.contains("`same-planet`") && error.contains("same-cpu, smt-sibling"), "{error}");
    }
}
