//! Real faults, none of them staged: processes that are killed and stopped, limits that are reached, files that cannot be
//! written. Each gives one clear sentence, its documented exit code, and a record that keeps every completed cell.
//!
//! What a test may not do here (mount, raise a limit) is skipped with its reason on standard error.

#[path = "../common/mod.rs"]
mod common;

mod adopted;
mod births;
mod clean;
mod confined;
mod control_group;
mod deaths;
mod disturbed;
mod inherited;
mod interruptions;
mod limits;
mod live_run;
mod memory_limits;
mod neighbours;
mod outputs;
mod paths;
mod pauses;
mod ports;
mod processors;
mod records;
mod requests;
mod resources;
mod sandbox;
mod seccomp;
mod security;
mod starts;
mod switches;
mod system;
mod wall_clock;
mod withheld;
mod without;
mod worlds;
