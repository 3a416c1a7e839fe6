//! Real faults against the real program: each gives one clear sentence and its own exit code where it ends the run, a
//! skipped or failed cell where it does not, and loses nothing that was complete.

#[path = "faults/interruption.rs"]
mod interruption;
#[path = "faults/kills.rs"]
mod kills;
#[path = "faults/limits.rs"]
mod limits;
#[path = "faults/program.rs"]
mod program;
#[path = "faults/usage.rs"]
mod usage;
