//! An event that resets itself: a futex word of three states, one event a direction.
//!
//! Setting it lets one waiter go on, at once or when it comes, and that clears it; to set it twice is to set it once. So it
//! needs no count, and the word is all there is: clear, set, or clear with a waiter that sleeps. Setting it swaps the word, and
//! shows in one step whether there is anybody to wake.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::sys::futex;
use ipcmark_harness::sys::memory::{Shareable, Shared};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Wakeup};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "auto-reset-event",
    summary: "an event that the waiter clears: a futex word of three states, one a direction",
    family: Family::Notification,
    reach: Reach::Both,
    references: &["futex(2)", "Drepper, Futexes Are Tricky, 2011"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Events>()],
};

const CLEAR: u32 = 0;
const SET: u32 = 1;
/// Clear, and the waiter sleeps or is about to.
const AWAITED: u32 = 2;

/// On a line of its own, and not next to the other: the adjacent-line prefetcher pairs cache lines.
#[repr(C, align(128))]
struct Event(AtomicU32);

impl Event {
    #[inline]
    fn set(&self) {
        // Release: pairs with the Acquire in `wait`.
        if self.0.swap(SET, Ordering::Release) == AWAITED {
            futex::wake(&self.0, 1);
        }
    }

    /// For one waiter at a time.
    #[inline]
    fn wait(&self) {
        loop {
            // Acquire: pairs with the Release in `set`.
            if self.0.compare_exchange(SET, CLEAR, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return;
            }
            // Relaxed: what is waited for comes with the exchange above.
            if self.0.compare_exchange(CLEAR, AWAITED, Ordering::Relaxed, Ordering::Relaxed) != Err(SET) {
                futex::wait(&self.0, AWAITED, None);
            }
        }
    }
}

#[repr(C)]
struct Both([Event; 2]);

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Both {}

struct Events {
    events: Shared<Both>,
    /// Which of the events this end waits for; it sets the other.
    inbound: usize,
}

impl Wakeup for Events {
    const WAITINGS: &'static [Waiting] = &[Waiting::Block];

    fn pair(_: &Setup) -> io::Result<(Self, Self)> {
        let events = Shared::zeroed()?;
        let end = |inbound| Events { events: Shared::clone(&events), inbound };
        Ok((end(0), end(1)))
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        self.events.0[1 - self.inbound].set();
        Ok(())
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        self.events.0[self.inbound].wait();
        Ok(())
    }
}
