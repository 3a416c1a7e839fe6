//! The worker's side of its front end's death.
//!
//! The kernel sends [`names::PARENT_DEATH`] when the front end ends: SIGCONT, so that a worker that was stopped goes on and hears
//! of it. SIGTERM would stay pending in a stopped process as long as it is stopped. The kernel itself continues stopped processes
//! only in a process group that becomes orphaned (setpgid(2)), which it does not where the process that adopts the worker, such
//! as PID 1 of a container or a child subreaper, is of the same session.
//!
//! A stop that comes before the handler has run discards that SIGCONT (kernel/signal.c, `prepare_signal`); the worker stays
//! stopped then, and `ipcmark clean` ends it ([`super::orphans`]).

use std::sync::atomic::{AtomicI32, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgrp, getpid, getppid};

use super::{names, process};

/// The worker and its front end; 0: this process, and what is forked from it, is no worker. The second is stored before the first
/// (Release), which is loaded before it (Acquire).
static WORKER: AtomicI32 = AtomicI32::new(0);
static FRONT_END: AtomicI32 = AtomicI32::new(0);

/// From now on this process ends when SIGCONT finds that `front_end` is not its parent any more.
pub(crate) fn watch(front_end: Pid) {
    FRONT_END.store(front_end.as_raw(), Ordering::Relaxed);
    WORKER.store(getpid().as_raw(), Ordering::Release);
}

/// Whether this process is a worker whose front end has ended; of a forked peer it is false. Async-signal-safe.
fn is_gone() -> bool {
    // A sandbox that refuses getppid(2) has it return an errno, below zero.
    let parent = getppid().as_raw();
    WORKER.load(Ordering::Acquire) == getpid().as_raw() && parent >= 0 && FRONT_END.load(Ordering::Relaxed) != parent
}

/// Ends the worker where its front end has ended. Async-signal-safe.
pub(crate) fn end_if_gone() {
    if is_gone() {
        leave(0);
    }
}

/// Ends the worker: removes what has a name, and where no front end is there to do so kills what is left in its process group.
/// Children that are being measured (fork, spawn) have no parent death signal, and may be stopped. Async-signal-safe.
pub(crate) fn leave(code: i32) -> ! {
    names::leave();
    if is_gone() && getpgrp() == getpid() {
        let _ = kill(Pid::from_raw(0), Signal::SIGKILL);
    }
    process::exit_now(code)
}
