//! Grades: how far a cell's numbers can be trusted, with the reasons.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a number can be trusted; `A` is the least value, so the worse of two is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Letter {
    /// Citable.
    A,
    /// Citable with its conditions.
    B,
    /// Indicative.
    C,
    /// Not to be cited.
    D,
}

impl Letter {
    /// The letter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
        }
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The grade of a measured cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Grade {
    /// Of the central value and its interval.
    pub letter: Letter,
    /// Of the quantiles of single operations; absent where there are none.
    pub tail: Option<Letter>,
    /// What kept it from an A, each with the letter it allows at best; empty for an A.
    #[serde(default)]
    pub reasons: Vec<String>,
}
