//! The ticket lock: as at a counter, each takes a number and waits until it is shown. First come, first served; at each release
//! the line with the shown number leaves all waiters' caches (Mellor-Crummey and Scott, ACM TOCS 9(1), 1991, section 2.2).

use super::ground::{AtomicU32, Ordering, spin_loop};
use super::{Algorithm, Line};

/// The next number to take and the one that is shown, on lines apart: who comes does not disturb those who look.
#[derive(Default)]
#[repr(C)]
pub(in super::super) struct Ticket {
    pub(in super::super) next: Line<AtomicU32>,
    shown: Line<AtomicU32>,
}

impl Algorithm for Ticket {
    /// Its number.
    type Seat = u32;

    fn seat(_: usize) -> u32 {
        0
    }

    #[inline(always)]
    fn acquire(&self, number: &mut u32) {
        // Relaxed: nothing but the number is learnt from it.
        *number = self.next.0.fetch_add(1, Ordering::Relaxed);
        // Acquire: pairs with the Release in `release`.
        while self.shown.0.load(Ordering::Acquire) != *number {
            spin_loop();
        }
    }

    #[inline(always)]
    fn release(&self, number: &mut u32) {
        // Release: pairs with the Acquire in `acquire`.
        self.shown.0.store(number.wrapping_add(1), Ordering::Release);
    }
}
