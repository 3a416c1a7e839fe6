//! What a crowd shares beside the mechanism: each party's count, and its waits.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::sys::memory::Shareable;

use super::waits::{KINDS, Waits};

/// The most parties: as many as a worker watches.
pub(crate) const MOST_PARTIES: usize = 64;

#[repr(C, align(128))]
pub(super) struct Board {
    timed: AtomicU32,
    seats: [Seat; MOST_PARTIES],
}

/// One party's; 128 bytes apart from the next, since the adjacent-line prefetcher pairs cache lines.
#[repr(C, align(128))]
struct Seat {
    count: Line,
    waits: Waits,
}

#[repr(C, align(128))]
struct Line(AtomicU64);

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Board {}

impl Board {
    /// Before an order; its posting orders these stores before what the parties do.
    pub(super) fn begin(&self, timed: bool, parties: usize) {
        self.timed.store(timed.into(), Ordering::Relaxed);
        for seat in &self.seats[..parties] {
            seat.count.0.store(0, Ordering::Relaxed);
            if timed {
                seat.waits.clear();
            }
        }
    }

    pub(super) fn is_timed(&self) -> bool {
        self.timed.load(Ordering::Relaxed) != 0
    }

    pub(super) fn count(&self, place: usize) -> &AtomicU64 {
        &self.seats[place].count.0
    }

    pub(super) fn waits_of(&self, place: usize) -> &Waits {
        &self.seats[place].waits
    }

    pub(super) fn counts(&self, parties: usize) -> Vec<u64> {
        self.seats[..parties].iter().map(|seat| seat.count.0.load(Ordering::Relaxed)).collect()
    }

    /// The waits of all parties.
    pub(super) fn waits(&self, parties: usize, into: &mut Histogram) {
        self.seats[..parties].iter().for_each(|seat| seat.waits.add_to(into));
    }

    /// The longest wait of each kind, in nanoseconds.
    pub(super) fn longest_ns(&self, parties: usize) -> [u64; KINDS] {
        let longest = |kind| self.seats[..parties].iter().map(|seat| seat.waits.longest_ns(kind)).max().unwrap_or(0);
        std::array::from_fn(longest)
    }

    /// The waits of all parties added up, in nanoseconds.
    pub(super) fn waited_ns(&self, parties: usize) -> f64 {
        self.seats[..parties].iter().map(|seat| seat.waits.sum_ns()).sum()
    }
}
