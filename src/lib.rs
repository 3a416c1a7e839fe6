//! `ipcmark` tells what each way of talking between processes or threads costs on the machine at hand, in numbers good
//! enough to cite. This page is the living architecture.
//!
//! # Code map
//!
//! - [`mechanism`]: the one abstraction: [`mechanism::Mechanism`], [`mechanism::Workload`], [`mechanism::Setup`].
//! - [`shapes`]: what a mechanism can do, as traits with their contracts.
//! - [`mechanisms`]: one file a mechanism, in folders by family; `mod.rs` is the list, and everything else is a loop over it.
//! - [`workloads`]: what is done with a shape and timed, generic over it.
//! - [`turn`]: how a party waits for a count in shared memory that the other raises.
//! - [`contract`]: what a shape promises, clause by clause.
//! - [`capability`]: what a mechanism can do, found out by trying it.
//! - [`filters`]: which parts of ids the words of the command line name.
//! - [`plan`]: registry × profile → cells with stable ids; what is skipped, and why.
//! - [`cell`]: one cell in a worker process, on either side of the process boundary.
//! - [`checkup`]: the doctor around a run.
//! - [`runner`]: all launches of all cells, shuffled; [`provenance`]: the header of a record.
//! - [`commands`]: the command line, one file a command.
//! - `ipcmark_harness`: measures anything, knows no mechanism.
//!
//! # Where a number comes from
//!
//! `ipcmark run` and `cargo bench` open a cell in a fresh worker: this executable again. The worker creates the mechanism,
//! starts the peer as a forked process, a thread, or a process in its own address space, pins both, and waits at a gate; the
//! front end asks for batches, for single operations, for a checked run. The loop that is timed is the loop that is verified, generic over the shape, so
//! nothing is called through a pointer between two clock readings but what the mechanism itself calls.
//!
//! # Invariants
//!
//! - The waist is at loop granularity: `dyn Session` is called once a batch.
//! - No front end names a mechanism. Adding one touches its file and the list.
//! - Whether the peer is a process or a thread, where the parties run and how they wait are properties of the setup, not
//!   second implementations.
//! - A cell is measured, skipped with a reason, or failed with a reason; never absent.
//! - Nothing that reads records needs the mechanisms that made them.

#![cfg_attr(not(test), deny(clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod capability;
pub mod cell;
pub mod checkup;
pub mod commands;
pub mod contract;
pub mod descriptor;
pub mod filters;
pub mod manner;
pub mod mechanism;
pub mod mechanisms;
pub mod plan;
pub mod provenance;
pub mod ring;
pub mod runner;
pub mod shapes;
#[cfg(feature = "test-mechanisms")]
mod slowed_session;
pub mod turn;
pub mod uring;
pub mod workloads;
