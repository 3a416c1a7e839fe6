//! Where the parties of a cell meet between batches: one page of shared memory.
//!
//! 1. The near end posts an order (what to do, and until which count) and waits until every peer is `ready`.
//! 2. Everyone works; nobody looks at the gate but for `limit`, which sits in the reader's cache.
//! 3. Each peer writes what it spent and when it ended into its seat, and says `done`; the near end waits for all.
//!
//! Waiting is by futex, so the gate never burns a CPU that the other end may need.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use crate::control::FailureKind;
use crate::sys::{futex, memory::Shareable};
use crate::usage::{self, Usage};

/// How many peers one cell may have.
pub(crate) const MAX_PEERS: usize = crate::sys::signals::WATCHED;

/// Room for a peer's last words.
const WORDS_BYTES: usize = 480;

/// What the near end wants.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Work until the count reaches `limit`.
    Serve,
    /// The same, checking every byte.
    Check,
    /// Leave.
    Quit,
}

/// The shared page. The groups are 128 bytes apart: the adjacent-line prefetcher pairs cache lines.
#[repr(C)]
pub(crate) struct Gate {
    order: Post,
    ready: Arrivals,
    done: Arrivals,
    seats: [Seat; MAX_PEERS],
}

#[repr(C, align(128))]
struct Post {
    /// Counts orders; the futex word of waiting peers.
    number: AtomicU32,
    kind: AtomicU32,
    limit: AtomicU64,
}

#[repr(C, align(128))]
struct Arrivals {
    count: AtomicU32,
}

/// One peer's report of the last order, and its last words.
#[repr(C, align(128))]
struct Seat {
    served: AtomicU64,
    end_ticks: AtomicU64,
    usage: [AtomicU64; usage::WORDS],
    failure: AtomicU32,
    words_len: AtomicU32,
    words: [AtomicU8; WORDS_BYTES],
}

#[allow(unsafe_code)]
// SAFETY: all fields are atomic integers, valid when zero, and hold no address.
unsafe impl Shareable for Gate {}

/// What a peer reports after an order.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Report {
    pub(crate) served: u64,
    pub(crate) end_ticks: u64,
    pub(crate) usage: Usage,
}

impl Gate {
    /// Posts an order and waits until `peers` peers are ready for it (but for `Quit`, which nobody answers).
    pub(crate) fn post(&self, order: Order, limit: u64, peers: u32) {
        self.ready.count.store(0, Ordering::Relaxed);
        self.done.count.store(0, Ordering::Relaxed);
        self.order.limit.store(limit, Ordering::Relaxed);
        self.order.kind.store(order as u32, Ordering::Relaxed);
        // Release: pairs with the Acquire in `await_order`; a peer that sees the number sees the order.
        self.order.number.fetch_add(1, Ordering::Release);
        futex::wake(&self.order.number, u32::MAX);
        if order != Order::Quit {
            self.ready.wait_for(peers);
        }
    }

    /// The count at which peers stop; a window moves it while they work.
    pub(crate) fn limit(&self) -> &AtomicU64 {
        &self.order.limit
    }

    pub(crate) fn wait_done(&self, peers: u32) {
        self.done.wait_for(peers);
    }

    /// A peer's wait for the order after number `seen`; returns its number too.
    pub(crate) fn await_order(&self, seen: u32) -> (u32, Order) {
        loop {
            // Acquire: pairs with the Release in `post`.
            let number = self.order.number.load(Ordering::Acquire);
            if number != seen {
                return (number, self.order());
            }
            futex::wait(&self.order.number, seen, None);
        }
    }

    fn order(&self) -> Order {
        match self.order.kind.load(Ordering::Relaxed) {
            k if k == Order::Serve as u32 => Order::Serve,
            k if k == Order::Check as u32 => Order::Check,
            _ => Order::Quit,
        }
    }

    pub(crate) fn say_ready(&self) {
        self.ready.arrive();
    }

    pub(crate) fn say_done(&self, place: usize, report: Report) {
        let seat = &self.seats[place];
        seat.served.store(report.served, Ordering::Relaxed);
        seat.end_ticks.store(report.end_ticks, Ordering::Relaxed);
        for (cell, word) in seat.usage.iter().zip(report.usage.to_words()) {
            cell.store(word, Ordering::Relaxed);
        }
        self.done.arrive();
    }

    /// The report of peer `place`; meaningful once `wait_done` has returned.
    pub(crate) fn report(&self, place: usize) -> Report {
        let seat = &self.seats[place];
        let words = std::array::from_fn(|i| seat.usage[i].load(Ordering::Relaxed));
        Report {
            served: seat.served.load(Ordering::Relaxed),
            end_ticks: seat.end_ticks.load(Ordering::Relaxed),
            usage: Usage::from_words(words),
        }
    }

    /// Leaves last words for whoever finds the peer dead; cut to what fits.
    pub(crate) fn leave_words(&self, place: usize, kind: FailureKind, words: &str) {
        let seat = &self.seats[place];
        let len = words.len().min(WORDS_BYTES);
        for (cell, byte) in seat.words.iter().zip(words.bytes()) {
            cell.store(byte, Ordering::Relaxed);
        }
        seat.failure.store(kind as u32, Ordering::Relaxed);
        // Release: pairs with the Acquire in `last_words`.
        seat.words_len.store(len as u32, Ordering::Release);
    }

    /// Copies the last words of peer `place` into `into`; async-signal-safe. None: it left without a word.
    pub(crate) fn last_words<'a>(
        &self,
        place: usize,
        into: &'a mut [u8; WORDS_BYTES],
    ) -> Option<(FailureKind, &'a [u8])> {
        let seat = self.seats.get(place)?;
        // Acquire: pairs with the Release in `leave_words`.
        let len = (seat.words_len.load(Ordering::Acquire) as usize).min(WORDS_BYTES);
        for (byte, cell) in into.iter_mut().zip(&seat.words) {
            *byte = cell.load(Ordering::Relaxed);
        }
        let kind = FailureKind::from_word(seat.failure.load(Ordering::Relaxed));
        (len > 0).then_some((kind, &into[..len]))
    }

    /// A buffer for [`Gate::last_words`].
    pub(crate) const fn words_buffer() -> [u8; WORDS_BYTES] {
        [0; WORDS_BYTES]
    }
}

impl Arrivals {
    fn arrive(&self) {
        // Release: pairs with the Acquire in `wait_for`; the waiter sees what the arriving party wrote before.
        self.count.fetch_add(1, Ordering::Release);
        futex::wake(&self.count, 1);
    }

    fn wait_for(&self, peers: u32) {
        loop {
            // Acquire: pairs with the Release in `arrive`.
            let count = self.count.load(Ordering::Acquire);
            if count >= peers {
                return;
            }
            futex::wait(&self.count, count, None);
        }
    }
}
