//! The only raw system calls, shared mappings and CPU instructions of the suite: what nix lacks or leaves unsafe.
//!
//! `unsafe` is denied in the workspace and allowed in the files here, one reason each; every wrapper's documentation
//! opens with the call it stands for.

pub mod futex;
pub mod memory;
pub mod names;
pub mod process;
pub mod signals;
mod sysv_sweep;
pub mod tsc;
