//! How a party sleeps and is woken.

use super::ground::{AtomicU32, Ordering, fence, futex};

/// A word by which a party that sleeps can be woken; all zero at first.
///
/// It says that it sleeps, looks once more, and waits by futex(2); the other looks for sleepers after each step. The two
/// `SeqCst` fences make sure that one of them sees the other (Dekker's handshake).
#[cfg_attr(test, derive(Default))] // only models make one: others are mapped
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
