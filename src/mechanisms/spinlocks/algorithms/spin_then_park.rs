//! A futex word that is polled for about as long as sleeping and being woken would take, before its waiter sleeps: whatever the
//! wait, that is at most twice what the better choice would have cost (Karlin et al., SOSP 1991).
//!
//! It has the three states of Drepper's "Futexes Are Tricky" (2011), so that a release without sleepers is no system call.

use super::Algorithm;
use super::ground::{AtomicU32, Ordering, futex, spin_loop};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep.
const AWAITED: u32 = 2;

/// Polled so often.
#[derive(Default)]
#[repr(C, align(128))]
pub(in super::super) struct SpinThenPark<const POLLS: u32>(AtomicU32);

impl<const POLLS: u32> SpinThenPark<POLLS> {
    #[inline(always)]
    fn is_taken(&self) -> bool {
        // Acquire: pairs with the Release in `release`.
        self.0.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn wait(&self) {
        for _ in 0..POLLS {
            // Relaxed: only whether to try.
            if self.0.load(Ordering::Relaxed) == FREE && self.is_taken() {
                return;
            }
            spin_loop();
        }
        // Whoever has slept cannot know that it was the only one, and holds the lock as `AWAITED`.
        // Acquire: pairs with the Release in `release`.
        while self.0.swap(AWAITED, Ordering::Acquire) != FREE {
            futex::wait(&self.0, AWAITED, None);
        }
    }
}

impl<const POLLS: u32> Algorithm for SpinThenPark<POLLS> {
    type Seat = ();

    fn seat(_: usize) {}

    #[inline(always)]
    fn acquire(&self, (): &mut ()) {
        if !self.is_taken() {
            self.wait();
        }
    }

    #[inline(always)]
    fn release(&self, (): &mut ()) {
        // Release: pairs with the Acquires of who takes it.
        if self.0.swap(FREE, Ordering::Release) == AWAITED {
            futex::wake(&self.0, 1);
        }
    }
}
