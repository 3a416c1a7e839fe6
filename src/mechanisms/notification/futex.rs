//! A word in shared memory and futex(2), one word a direction.
//!
//! The word counts notifications, and its lowest bit says that the waiter sleeps or is about to: adding to the count shows
//! the notifier in one step whether there is anybody to wake. The waiter knows how many it has taken, and only looks.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::placement::Placement;
use ipcmark_harness::sys::futex;
use ipcmark_harness::sys::memory::{Shareable, Shared};

use crate::manner::ADAPTIVE_POLLS;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Wakeup};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "futex",
    summary: "a word in shared memory, one a direction; futex, spin, or spin then futex",
    family: Family::Notification,
    reach: Reach::Both,
    references: &["futex(2)", "futex(7)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::wakeup::<Futex>()],
};

struct Futex {
    words: Shared<Words>,
    /// Which of the words this end waits on; it notifies through the other.
    inbound: usize,
    /// The count up to which notifications have been taken.
    taken: u32,
    /// How often to look before sleeping.
    polls: u64,
}

/// One for each end to wait on.
#[repr(C)]
struct Words([Word; 2]);

/// On a line of its own, and not next to the other: the adjacent-line prefetcher pairs cache lines.
#[repr(C, align(128))]
struct Word(AtomicU32);

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Words {}

/// In a word: the waiter sleeps, or is about to.
const SLEEPS: u32 = 1;
/// In a word: one notification.
const ONE: u32 = 2;

impl Wakeup for Futex {
    const WAITINGS: &'static [Waiting] = &[Waiting::Block, Waiting::Spin, Waiting::Adaptive];

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let polls = match setup.waiting {
            Waiting::Spin => u64::MAX,
            // On one CPU, polling in vain only keeps the other from notifying.
            Waiting::Adaptive if setup.placement != Placement::SameCpu => ADAPTIVE_POLLS.into(),
            Waiting::Adaptive | Waiting::Block | Waiting::Own => 0,
        };
        let words = Shared::zeroed()?;
        let end = |inbound| Futex { words: Shared::clone(&words), inbound, taken: 0, polls };
        Ok((end(0), end(1)))
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        let Word(word) = &self.words.0[1 - self.inbound];
        // Release: pairs with the Acquire in `wait`.
        if word.fetch_add(ONE, Ordering::Release) & SLEEPS != 0 {
            futex::wake(word, 1);
        }
        Ok(())
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        let Word(word) = &self.words.0[self.inbound];
        let mut polls = 0;
        // Acquire: pairs with the Release in `notify`.
        while word.load(Ordering::Acquire) == self.taken {
            if polls < self.polls {
                polls += 1;
                std::hint::spin_loop();
            } else {
                sleep(word, self.taken);
            }
        }
        self.taken = self.taken.wrapping_add(ONE);
        Ok(())
    }
}

/// Sleeps until `word` is no longer `count`.
#[inline]
fn sleep(word: &AtomicU32, count: u32) {
    // Relaxed, here and below: `wait` looks again. An error: somebody has notified.
    if word.compare_exchange(count, count | SLEEPS, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        while word.load(Ordering::Relaxed) == count | SLEEPS {
            futex::wait(word, count | SLEEPS, None);
        }
        word.fetch_and(!SLEEPS, Ordering::Relaxed);
    }
}
