//! Whether a party was stopped, or the machine suspended, while something was measured: then it is no measurement.
//!
//! Who was stopped is told by SIGCONT: its handler runs before anything else does in a process that goes on, and counts in
//! memory that a worker shares with its peers. A suspended machine is told by CLOCK_BOOTTIME, which counts that time, and
//! CLOCK_MONOTONIC, which does not (clock_gettime(2)). What stops processes without a signal (the freezer of a control
//! group, a hypervisor) tells nobody.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::time::{ClockId, clock_gettime};

use crate::sys::memory::{Shareable, Shared};
use crate::sys::{front_end, signals};

/// How often this process, and those that were forked from it, went on after a stop.
static CONTINUED: OnceLock<Shared<Count>> = OnceLock::new();

struct Count(AtomicU32);

#[allow(unsafe_code)]
// SAFETY: an atomic integer, valid when zero, and no address.
unsafe impl Shareable for Count {}

/// From now on stops are counted, here and in children that are forked. Later calls change nothing.
pub(crate) fn watch() -> io::Result<()> {
    if CONTINUED.get().is_none() && CONTINUED.set(Shared::zeroed()?).is_ok() {
        signals::when_continued(count)?;
    }
    Ok(())
}

/// Runs in a signal handler: no allocation, no locks.
fn count() {
    if let Some(count) = CONTINUED.get() {
        // Relaxed: the near end learns by the gate that a peer is done, and the handler came before that.
        count.0.fetch_add(1, Ordering::Relaxed);
    }
    front_end::end_if_gone();
}

/// A moment, to be asked later what has happened since.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Moment {
    continued: u32,
    /// How long the machine has been suspended since its start, in nanoseconds: at least, and at most.
    suspended_ns: (i128, i128),
}

impl Moment {
    pub(crate) fn now() -> Moment {
        let earlier = ns(ClockId::CLOCK_MONOTONIC);
        let since_boot = ns(ClockId::CLOCK_BOOTTIME);
        let later = ns(ClockId::CLOCK_MONOTONIC);
        let continued = CONTINUED.get().map_or(0, |count| count.0.load(Ordering::Relaxed));
        Moment { continued, suspended_ns: (since_boot - later, since_boot - earlier) }
    }

    /// Whether anybody was stopped, or the machine suspended.
    pub(crate) fn met_a_pause(&self) -> bool {
        let now = Moment::now();
        now.continued != self.continued || now.suspended_ns.0 > self.suspended_ns.1
    }
}

/// Zero where there is no such clock.
fn ns(clock: ClockId) -> i128 {
    clock_gettime(clock).map_or(0, |time| i128::from(time.tv_sec()) * 1_000_000_000 + i128::from(time.tv_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_for_a_suspended_machine() {
        let moment = Moment::now();
        assert!((0..10_000).all(|_| !moment.met_a_pause()));
        let before_a_suspend = Moment { suspended_ns: (0, moment.suspended_ns.0 - 1), ..moment };
        assert!(before_a_suspend.met_a_pause());
    }
}
