//! Measures anything that parties do together, and knows no mechanism.
//!
//! A front end opens a cell in a fresh [`worker`] process ([`launch`]); the worker starts its peers ([`parties`]), which meet
//! at a gate in shared memory between batches; a [`session::Session`] is what the worker drives. Samples become estimates
//! with intervals ([`estimate`], [`sampling`]) and are kept, with what makes them citable ([`machine`], [`placement`],
//! [`clock`]), in a [`record`].
//!
//! Invariants:
//! - The crate that defines mechanisms depends on this one, never the other way round.
//! - The clock is read beside the loop, in the process that runs it; nothing is set up, allocated or logged between its
//!   two readings.
//! - Every wait of the front end has a deadline, every process dies with its parent, every kernel object loses its name
//!   as soon as both ends hold it, or is found again by that name and removed ([`sys::names`]).
//! - What a process inherits is put in order first ([`sys::inherited`]), and everything is printed by [`output`].
//! - What reads records reads records only: no live object is needed to show an old one.
//! - `unsafe` is denied, and allowed in the files of [`sys`] and on single lines that say why.
//!
//! It does *not* tune the machine, subtract overheads, or drop outliers.

#![cfg_attr(not(test), deny(clippy::disallowed_macros, clippy::disallowed_methods))]

#[cfg(not(target_os = "linux"))]
compile_error!("ipcmark measures Linux; it uses futex(2), /proc and sched_setaffinity(2) throughout");

pub mod clock;
pub mod control;
pub mod doctor;
pub mod drift;
pub mod estimate;
pub mod footprint;
mod gate;
pub mod grade;
pub mod histogram;
pub mod launch;
pub mod machine;
pub mod measuring_lock;
mod oom;
pub mod output;
pub mod paired;
pub mod parties;
mod pauses;
pub mod placement;
pub mod record;
pub mod room;
pub mod sampling;
pub mod session;
pub mod steady;
pub mod student;
pub mod sys;
pub mod usage;
pub mod worker;
