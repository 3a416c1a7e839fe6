//! The only raw system calls, shared mappings and CPU instructions of the suite: what nix lacks or leaves unsafe.
//!
//! `unsafe` is denied in the workspace and allowed in the files here, one reason each; every wrapper's documentation
//! opens with the call it stands for. What sets up says why it was refused, as an [`io::Error`]; what a timed loop
//! calls returns the bare [`Errno`], `EINTR` included, for the caller to try again or to name.

use std::ffi::c_int;
use std::fmt::Display;
use std::io;
use std::time::Duration;

use nix::errno::Errno;

pub mod barrier;
pub mod birth;
pub mod clone_vm;
pub mod files;
pub(crate) mod front_end;
pub mod futex;
pub mod huge_pages;
pub mod inherited;
pub mod memory;
pub mod monitor;
pub mod mutex;
pub mod names;
pub mod orphans;
pub mod perf;
pub mod pidfd;
pub mod privileges;
pub mod process;
pub mod pthread_spin;
pub mod realtime_signal;
pub mod rights;
pub mod rw_lock;
pub mod scheduling;
pub mod seccomp;
pub mod semaphore;
pub mod signals;
mod sleep;
pub mod socket_filter;
pub mod sysv;
mod sysv_sweep;
pub mod terminal;
#[cfg(test)]
mod testing;
pub mod tracing;
pub mod tsc;

pub use sleep::sleep;

/// The pthread calls return the error number.
#[inline(always)]
fn check(code: c_int) -> nix::Result<()> {
    if code == 0 { Ok(()) } else { Err(Errno::from_raw(code)) }
}

/// `errno` with the call that returned it and what is known of the cause: empty, or a clause that starts with `; `.
#[cold]
fn refused(call: impl Display, errno: Errno, cause: impl Display) -> io::Error {
    io::Error::new(io::Error::from(errno).kind(), format!("{call}: {errno}{cause}"))
}

/// Whether `done` said so within that many tries, with a pause after each that did not.
pub(crate) fn tried(times: u32, pause: Duration, mut done: impl FnMut() -> bool) -> bool {
    (0..times).any(|_| done() || (sleep(pause), false).1)
}
