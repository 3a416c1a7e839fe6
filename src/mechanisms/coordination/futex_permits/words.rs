//! The algorithm: who finds no permit free sleeps, and none that is given back finds its waiters asleep.
//!
//! Taking a permit makes `free` one less unless it is zero. Who finds zero says that it waits, looks again, and sleeps as long
//! as `free` is zero; who gives one back looks whether anybody waits. Both steps are sequentially consistent, so that one of
//! the two sees the other (Dekker). No permit is handed to a sleeper: whoever comes first takes it.

use super::ground::{AtomicU32, Ordering, futex};

/// Both words on one line: who gives a permit back reads the second with the first.
#[derive(Default)]
#[repr(C, align(128))]
pub(super) struct Words {
    pub(super) free: AtomicU32,
    waiting: AtomicU32,
}

impl Words {
    #[inline(always)]
    fn try_take(&self) -> bool {
        let mut free = self.free.load(Ordering::Relaxed);
        while free > 0 {
            // Acquire: pairs with the SeqCst in `give_back`.
            match self.free.compare_exchange_weak(free, free - 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(seen) => free = seen,
            }
        }
        false
    }

    /// Returns with a permit.
    #[inline(always)]
    pub(super) fn take(&self) {
        if !self.try_take() {
            self.wait();
        }
    }

    #[cold]
    fn wait(&self) {
        // SeqCst, here and in `give_back`: either the kernel's comparison sees the permit or the other sees who waits.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        while !self.try_take() {
            futex::wait(&self.free, 0, None);
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Only for who has a permit.
    #[inline(always)]
    pub(super) fn give_back(&self) {
        self.free.fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            futex::wake(&self.free, 1);
        }
    }
}
