//! How a party waits for a word in shared memory: by polling it, by futex(2), or first one and then the other.

use ipcmark_harness::placement::Placement;

use crate::mechanism::{Setup, Waiting};

/// What sleeping stands on; in its model (`models/`) that is loom's.
mod ground {
    pub(super) use std::sync::atomic::{AtomicU32, Ordering, fence};

    pub(super) use ipcmark_harness::sys::futex;
}
mod sleeper;

pub use sleeper::Sleeper;

/// How often an adaptive party polls before it blocks: a few microseconds, about twice what a spinning answer takes.
pub const ADAPTIVE_POLLS: u32 = 2000;

/// What a party does while there is nothing for it.
#[derive(Copy, Clone, Debug)]
pub struct Manner {
    waiting: Waiting,
    polls: u32,
    apart: bool,
}

impl Manner {
    /// Blocking, spinning, or polling first. `apart`: the parties run on different CPUs; on one CPU, polling in vain only
    /// keeps the other from answering, and there is no other cache to push a message towards.
    pub fn new(waiting: Waiting, apart: bool) -> Manner {
        let polls = if waiting == Waiting::Adaptive && apart { ADAPTIVE_POLLS } else { 0 };
        Manner { waiting, polls, apart }
    }

    /// As the setup says.
    pub fn of(setup: &Setup) -> Manner {
        Manner::new(setup.waiting, setup.placement != Placement::SameCpu)
    }

    /// Whether the parties run on different CPUs.
    pub fn apart(self) -> bool {
        self.apart
    }

    /// Whether the other party must look for a sleeper.
    pub fn may_sleep(self) -> bool {
        self.waiting != Waiting::Spin
    }

    /// Whether a party that has polled so often in vain goes to sleep now.
    #[inline(always)]
    pub fn sleeps_after(self, polls: u32) -> bool {
        self.may_sleep() && polls >= self.polls
    }
}
