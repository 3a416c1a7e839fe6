//! The algorithm: a number that is odd while somebody writes, and two more after each write.
//!
//! The data must be atomics, which may be relaxed: the fences order them (Boehm, MSPC 2012, section 4). A reader that comes
//! while somebody writes, and a second writer, poll.

use super::ground::{AtomicU64, Ordering, fence, spin_loop};

/// Valid when zero.
#[derive(Debug, Default)]
pub(super) struct Sequence(AtomicU64);

impl Sequence {
    /// What `look` made of the data when nobody wrote them meanwhile.
    #[inline(always)]
    pub(super) fn read<R>(&self, mut look: impl FnMut() -> R) -> R {
        loop {
            // Acquire: pairs with the Release store in `write`; the reader sees all of the writes before.
            let before = self.0.load(Ordering::Acquire);
            if before.is_multiple_of(2) {
                let seen = look();
                // Acquire: pairs with the Release fence in `write`. If `look` has seen anything of a later write, the load
                // below sees that write's odd number.
                fence(Ordering::Acquire);
                if self.0.load(Ordering::Relaxed) == before {
                    return seen;
                }
            }
            spin_loop();
        }
    }

    /// Runs `change` while no other writer is inside.
    #[inline(always)]
    pub(super) fn write<R>(&self, change: impl FnOnce() -> R) -> R {
        let before = self.begin();
        // Release: pairs with the Acquire fence in `read`; whoever sees a change sees the odd number, too.
        fence(Ordering::Release);
        let result = change();
        // Release: pairs with the Acquire load in `read`, and with the Acquire of the next writer.
        self.0.store(before + 2, Ordering::Release);
        result
    }

    /// Makes the number odd, and returns what it was.
    #[inline(always)]
    fn begin(&self) -> u64 {
        loop {
            let before = self.0.load(Ordering::Relaxed);
            // Acquire: pairs with the Release store of the writer before.
            let taken = |now| self.0.compare_exchange_weak(now, now + 1, Ordering::Acquire, Ordering::Relaxed).is_ok();
            if before.is_multiple_of(2) && taken(before) {
                return before;
            }
            spin_loop();
        }
    }
}
