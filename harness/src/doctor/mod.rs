//! The doctor: judges whether the machine, as it is now, gives numbers that can be cited.

mod finding;

pub use finding::{Finding, Severity};
