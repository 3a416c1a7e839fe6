//! A window for datagrams that nothing else holds back: the sender stops when so many are sent and not taken.
//!
//! How many were taken stands in memory that both ends share, beside the channel: no datagram is sent for it, and none gets
//! longer. The receiver writes there each time it has taken half a window more, so a message costs either end one comparison;
//! a sender that sleeps is woken by futex(2).

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::sys::futex;
use ipcmark_harness::sys::memory::{Shareable, Shared};

use crate::mechanism::Waiting;

/// What the two ends of one direction tell each other.
#[repr(C)]
struct Board {
    /// How many messages were taken, modulo 2^32, as of the last half window.
    taken: AtomicU32,
    /// Whether the sender sleeps, or is about to.
    sleeps: AtomicU32,
}

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Board {}

/// The sender's side.
pub(super) struct Sending {
    board: Shared<Board>,
    messages: u32,
    waiting: Waiting,
    sent: u32,
    /// What `sent` must not go beyond.
    limit: u32,
}

/// The receiver's side.
pub(super) struct Taking {
    board: Shared<Board>,
    half: u32,
    taken: u32,
    /// When the sender is told the next time.
    due: u32,
}

/// Both sides of a window of so many messages, at least one.
pub(super) fn window(messages: u32, waiting: Waiting) -> io::Result<(Sending, Taking)> {
    let board = Shared::<Board>::zeroed()?;
    let half = (messages / 2).max(1);
    let taking = Taking { board: board.clone(), half, taken: 0, due: half };
    Ok((Sending { board, messages, waiting, sent: 0, limit: messages }, taking))
}

impl Sending {
    /// Waits for room for one message, and counts it.
    #[inline]
    pub(super) fn claim(&mut self) {
        if self.sent == self.limit {
            self.await_room();
        }
        self.sent = self.sent.wrapping_add(1);
    }

    #[cold]
    fn await_room(&mut self) {
        loop {
            // Acquire: pairs with the release half of `tell`'s store; only the count itself is needed.
            let taken = self.board.taken.load(Ordering::Acquire);
            self.limit = taken.wrapping_add(self.messages);
            if self.sent != self.limit {
                return;
            }
            match self.waiting {
                Waiting::Spin => std::hint::spin_loop(),
                _ => self.sleep(taken),
            }
        }
    }

    fn sleep(&self, taken: u32) {
        // SeqCst, here and in `tell`: either the receiver sees that the sender sleeps, or the sender sees the new count;
        // futex(2) compares once more before it sleeps.
        self.board.sleeps.store(1, Ordering::SeqCst);
        if self.board.taken.load(Ordering::SeqCst) == taken {
            futex::wait(&self.board.taken, taken, None);
        }
        self.board.sleeps.store(0, Ordering::Relaxed);
    }
}

impl Taking {
    /// Counts one message that was taken.
    #[inline]
    pub(super) fn count(&mut self) {
        self.taken = self.taken.wrapping_add(1);
        if self.taken == self.due {
            self.tell();
        }
    }

    #[cold]
    fn tell(&mut self) {
        self.due = self.taken.wrapping_add(self.half);
        self.board.taken.store(self.taken, Ordering::SeqCst);
        if self.board.sleeps.load(Ordering::SeqCst) != 0 {
            futex::wake(&self.board.taken, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(sending: &Sending) -> u32 {
        sending.limit.wrapping_sub(sending.sent)
    }

    #[test]
    fn a_full_window_opens_by_half_when_half_of_it_is_taken() {
        let (mut sending, mut taking) = window(10, Waiting::Spin).unwrap();
        (0..10).for_each(|_| sending.claim());
        assert_eq!(room(&sending), 0);
        (0..9).for_each(|_| taking.count());
        sending.claim();
        assert_eq!(room(&sending), 4);
    }

    #[test]
    fn a_sender_that_sleeps_is_woken_for_every_message_of_a_window_of_one() {
        let (mut sending, mut taking) = window(1, Waiting::Block).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..1000).for_each(|_| sending.claim()));
            (0..999).for_each(|_| taking.count());
        });
        assert_eq!((sending.sent, taking.taken), (1000, 999));
    }

    #[test]
    fn the_counts_may_wrap_round() {
        let (mut sending, mut taking) = window(3, Waiting::Spin).unwrap();
        let start = u32::MAX - 1;
        sending.board.taken.store(start, Ordering::Relaxed);
        (sending.sent, sending.limit, taking.taken, taking.due) = (start, start.wrapping_add(3), start, start + 1);
        (0..3).for_each(|_| sending.claim());
        (0..3).for_each(|_| taking.count());
        sending.claim();
        assert_eq!((sending.sent, room(&sending)), (2, 2));
    }
}
