//! Comparing records.
pub mod ratio;
#[cfg(test)]
mod simulation;
pub mod verdict;
