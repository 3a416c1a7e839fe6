//! A word in shared memory for each place, which counts the tokens that have come there: waited for by futex(2), or by
//! sched_yield(2).
//!
//! By futex each hop makes the same two calls, whatever the scheduler does: a `FUTEX_WAKE`, and a `FUTEX_WAIT` even where the
//! token is there already, for it is so only when the task was taken off the CPU between the two. Both are of the form that
//! works between processes, for threads too: the kinds of task would differ in more than their address space else.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::sys::futex;
use ipcmark_harness::sys::memory::{Shareable, Shared};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, TokenRing};
use crate::workloads::MOST_PARTIES;

pub(super) static BY_FUTEX: Mechanism = Mechanism {
    name: "futex-ring",
    summary: "a token from task to task by a futex for each: the least that stops one and starts another",
    family: Family::Switch,
    reach: Reach::Tasks,
    references: &["futex(2)", "futex(7)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::token_ring::<Words<false>>()],
};

pub(super) static BY_YIELD: Mechanism = Mechanism {
    name: "yield-ring",
    summary: "a token from task to task, each of which calls sched_yield until it has it: one call a hop",
    references: &["sched_yield(2)", "sched(7)"],
    rank: Rank::Common,
    shapes: &[shapes::token_ring::<Words<true>>()],
    ..BY_FUTEX
};

struct Words<const YIELDS: bool> {
    board: Shared<Board>,
    place: usize,
    next: usize,
    /// Tokens taken.
    taken: u32,
}

struct Board([Line; MOST_PARTIES]);

/// On a line of its own, and not next to the other: the adjacent-line prefetcher pairs cache lines.
#[repr(C, align(128))]
struct Line(AtomicU32);

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Board {}

impl<const YIELDS: bool> TokenRing for Words<YIELDS> {
    fn supports(setup: &Setup) -> Support {
        match setup.parties {
            _ if !YIELDS => Support::Available,
            2 => Support::Available,
            parties => Support::Missing(format!(
                "sched_yield chooses among {parties} tasks as it likes, not the next of the ring: 2 have no choice"
            )),
        }
    }

    fn places(setup: &Setup) -> io::Result<Vec<Self>> {
        let board = Shared::<Board>::zeroed()?;
        let place = |place| Words { board: board.clone(), place, next: (place + 1) % setup.parties, taken: 0 };
        Ok((0..setup.parties).map(place).collect())
    }

    #[inline]
    fn pass(&mut self) -> io::Result<()> {
        let Line(word) = &self.board.0[self.next];
        // Release: pairs with the Acquire in `take`.
        word.fetch_add(1, Ordering::Release);
        if !YIELDS {
            futex::wake(word, 1);
        }
        Ok(())
    }

    #[inline]
    fn take(&mut self) -> io::Result<()> {
        let Line(word) = &self.board.0[self.place];
        if YIELDS {
            // Acquire, here and below: pairs with the Release in `pass`.
            while word.load(Ordering::Acquire) == self.taken {
                std::thread::yield_now();
            }
        } else {
            futex::wait(word, self.taken, None);
            while word.load(Ordering::Acquire) == self.taken {
                futex::wait(word, self.taken, None);
            }
        }
        self.taken = self.taken.wrapping_add(1);
        Ok(())
    }

    #[inline]
    fn alone(&mut self) -> io::Result<()> {
        self.pass()?;
        if YIELDS {
            std::thread::yield_now();
        }
        self.take()
    }
}
