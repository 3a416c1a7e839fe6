//! How a party waits for a word in shared memory: by polling it, by futex(2), or first one and then the other.

use std::sync::atomic::{AtomicU32, Ordering, fence};

use ipcmark_harness::placement::Placement;
use ipcmark_harness::sys::futex;

use crate::mechanism::{Setup, Waiting};

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

/// A word by which a party that sleeps can be woken; all zero at first.
///
/// It says that it sleeps, looks once more, and waits by futex(2); the other looks for sleepers after each step. The two
/// `SeqCst` fences make sure that one of them sees the other (Dekker's handshake).
#[repr(transparent)]
pub struct Sleeper {
    /// 1 while the party sleeps or is about to.
    sleeps: AtomicU32,
}

impl Sleeper {
    /// Sleeps until woken, unless there is `news` after having said so. Returns spuriously, too.
    pub fn sleep_unless(&self, news: impl FnOnce() -> bool) {
        self.sleeps.store(1, Ordering::Relaxed);
        // SeqCst: with the fence in `wake_if`, either we see the other's step or it sees that we sleep.
        fence(Ordering::SeqCst);
        if !news() {
            futex::wait(&self.sleeps, 1, None);
        }
        self.sleeps.store(0, Ordering::Relaxed);
    }

    /// Wakes the party if it sleeps and this step is one that it waits for.
    #[inline]
    pub fn wake_if(&self, awaited: impl FnOnce() -> bool) {
        // SeqCst: pairs with the fence in `sleep_unless`.
        fence(Ordering::SeqCst);
        if self.sleeps.load(Ordering::Relaxed) != 0 && awaited() {
            self.rouse();
        }
    }

    /// Wakes the party, whether or not it says that it sleeps.
    pub fn wake(&self) {
        // SeqCst: as in `wake_if`; a party that says so from now on sees the step.
        fence(Ordering::SeqCst);
        self.rouse();
    }

    fn rouse(&self) {
        // Before the wake-up: who is about to sleep is then refused by the kernel.
        self.sleeps.store(0, Ordering::Relaxed);
        futex::wake(&self.sleeps, 1);
    }
}
