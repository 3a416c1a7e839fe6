//! A flag that each waiter sets until it was clear before: every try takes the cache line away from all others.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use ipcmark_harness::sys::memory::{Shareable, Shared};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, AfterDeath, Lock};

pub(super) static PLAIN: Mechanism = Mechanism {
    name: "tas-spinlock",
    summary: "test-and-set: a flag that each waiter sets until it was clear before",
    family: Family::Spinlock,
    reach: Reach::Both,
    references: &["Anderson, The Performance of Spin Lock Alternatives, IEEE TPDS 1(1), 1990"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::lock::<Tas>()],
};

/// On lines of its own.
#[repr(C, align(128))]
struct Flag(AtomicBool);

#[allow(unsafe_code)]
// SAFETY: an atomic flag, valid when zero, and no address.
unsafe impl Shareable for Flag {}

struct Tas(Shared<Flag>);

impl Lock for Tas {
    const AFTER_DEATH: Option<AfterDeath> = Some(AfterDeath::Stuck);

    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let flag = Shared::zeroed()?;
        Ok((0..setup.parties).map(|_| Tas(Shared::clone(&flag))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        // Acquire: pairs with the Release below.
        while self.0.0.swap(true, Ordering::Acquire) {
            std::hint::spin_loop();
        }
        let result = critical();
        self.0.0.store(false, Ordering::Release);
        Ok(result)
    }
}
