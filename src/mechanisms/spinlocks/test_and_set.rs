//! A flag that whoever finds it clear has set: four ways to wait until it is clear.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_utils::Backoff;
use ipcmark_harness::sys::memory::Shareable;

use super::algorithms::Algorithm;
use super::in_shared::{InShared, SPINLOCK};
use crate::mechanism::{Mechanism, Rank};
use crate::shapes;

const ANDERSON: &str = "Anderson, The Performance of Spin Lock Alternatives, IEEE TPDS 1(1), 1990";

pub(super) static PLAIN: Mechanism = Mechanism {
    name: "tas-spinlock",
    summary: "test-and-set: a flag that each waiter sets until it was clear before",
    rank: Rank::Headline,
    references: &[ANDERSON],
    shapes: &[shapes::lock::<InShared<Flag<Tries>>>()],
    ..SPINLOCK
};

pub(super) static LOOKING: Mechanism = Mechanism {
    name: "ttas-spinlock",
    summary: "test-test-and-set: a waiter sets the flag only after it has seen it clear",
    references: &["Rudolph and Segall, ISCA 1984", ANDERSON],
    shapes: &[shapes::lock::<InShared<Flag<Looks>>>()],
    ..SPINLOCK
};

pub(super) static BACKING_OFF: Mechanism = Mechanism {
    name: "ttas-backoff-spinlock",
    summary: "test-test-and-set with pauses that double up to 64 spin-loop hints: crossbeam_utils::Backoff",
    references: &["crate crossbeam-utils", ANDERSON],
    shapes: &[shapes::lock::<InShared<Flag<BacksOff>>>()],
    ..SPINLOCK
};

pub(super) static YIELDING: Mechanism = Mechanism {
    name: "ttas-yield-spinlock",
    summary: "test-test-and-set whose waiters call sched_yield between two looks",
    references: &["sched_yield(2)"],
    shapes: &[shapes::lock::<InShared<Flag<Yields>>>()],
    ..SPINLOCK
};

/// On lines of its own.
#[repr(C, align(128))]
struct Flag<W>(AtomicBool, PhantomData<W>);

#[allow(unsafe_code)]
// SAFETY: an atomic flag, valid when zero, and no address.
unsafe impl<W: Way> Shareable for Flag<W> {}

/// How the flag is taken.
trait Way: Send + Sync + 'static {
    /// Returns when this party has set it.
    fn set(flag: &AtomicBool);
}

/// Tries again at once: every try takes the cache line away from all others.
struct Tries;
/// Looks until the flag is clear: the line stays in the waiters' caches meanwhile.
struct Looks;
/// Looks ever more rarely.
struct BacksOff;
/// Lets others run between two looks.
struct Yields;

/// Sets the flag and tells whether it was set before.
#[inline(always)]
fn is_set(flag: &AtomicBool) -> bool {
    // Acquire: pairs with the Release in `release`.
    flag.swap(true, Ordering::Acquire)
}

/// Whether there is no use in trying. Relaxed: the try itself orders.
#[inline(always)]
fn looks_set(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Relaxed)
}

impl Way for Tries {
    #[inline(always)]
    fn set(flag: &AtomicBool) {
        while is_set(flag) {
            std::hint::spin_loop();
        }
    }
}

impl Way for Looks {
    #[inline(always)]
    fn set(flag: &AtomicBool) {
        while is_set(flag) {
            while looks_set(flag) {
                std::hint::spin_loop();
            }
        }
    }
}

impl Way for BacksOff {
    #[inline(always)]
    fn set(flag: &AtomicBool) {
        let backoff = Backoff::new();
        while is_set(flag) {
            backoff.spin();
            while looks_set(flag) {
                backoff.spin();
            }
        }
    }
}

impl Way for Yields {
    #[inline(always)]
    fn set(flag: &AtomicBool) {
        while is_set(flag) {
            while looks_set(flag) {
                std::thread::yield_now();
            }
        }
    }
}

impl<W: Way> Algorithm for Flag<W> {
    type Seat = ();

    fn seat(_: usize) {}

    #[inline(always)]
    fn acquire(&self, (): &mut ()) {
        W::set(&self.0);
    }

    #[inline(always)]
    fn release(&self, (): &mut ()) {
        // Release: pairs with the Acquire in `is_set`.
        self.0.store(false, Ordering::Release);
    }
}
