//! The only raw system calls, shared mappings and CPU instructions of the suite: what nix lacks or leaves unsafe.
//!
//! `unsafe` is denied in the workspace and allowed in the files here, one reason each; every wrapper's documentation
//! opens with the call it stands for. What sets up says why it was refused, as an [`std::io::Error`]; what a timed loop
//! calls returns the bare [`nix::errno::Errno`], `EINTR` included, for the caller to try again or to name.

pub mod futex;
pub mod memory;
pub mod names;
pub mod process;
pub mod realtime_signal;
pub mod signals;
#[cfg(test)]
mod testing;
pub mod tsc;
