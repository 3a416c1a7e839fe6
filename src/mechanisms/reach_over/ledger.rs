//! A page that both ends share: who they are, and where the messages lie that are under way. The messages themselves are
//! not in it.
//!
//! Each direction has entries, used in turn, and two counts: the sender raises the one for each entry that it has written,
//! the receiver the other for each whose message it has. So the receiver waits for the first to grow, and a sender whose
//! entries are all under way for the second; in blocking, until half of them are free, or each message would wake it.

use std::io;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use ipcmark_harness::sys::memory::{Shareable, Shared};
use nix::unistd::{Pid, getpid};

use crate::descriptor::ended;
use crate::mechanism::{Setup, Waiting};
use crate::turn::Count;

/// The most messages of one direction under way.
const MOST: usize = 64;
/// Bytes under way from which on there are fewer: as much as the shared-memory ring holds.
const MOST_BYTES: usize = crate::ring::CAPACITY;

/// How many messages of one direction may be under way: a power of two, so that their turns go on where a count wraps.
pub(super) fn window(setup: &Setup) -> usize {
    1 << (MOST_BYTES / setup.payload_bytes.max(1)).clamp(2, MOST).ilog2()
}

#[repr(C)]
struct Page {
    ends: [Introduction; 2],
    directions: [Direction; 2],
}

/// What an end tells of itself.
#[repr(C, align(128))]
struct Introduction {
    process: AtomicI32,
    place: AtomicU64,
}

/// From the end of the same number to the other one.
#[repr(C)]
struct Direction {
    sent: Count,
    taken: Count,
    entries: [Entry; MOST],
}

#[repr(C, align(16))]
struct Entry {
    place: AtomicU64,
    len: AtomicU64,
}

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero. Addresses are among them, and nobody follows one: the kernel is given them,
// with the process they belong to, and checks them.
unsafe impl Shareable for Page {}

/// Where a message lies: an address in the sender's memory, or how far into memory that both know.
#[derive(Copy, Clone)]
pub(super) struct Whereabouts {
    pub(super) place: u64,
    pub(super) len: usize,
}

impl Whereabouts {
    #[inline]
    pub(super) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.place) << 64 | self.len as u128).to_ne_bytes()
    }

    #[inline]
    pub(super) fn from_bytes(bytes: [u8; 16]) -> Whereabouts {
        let both = u128::from_ne_bytes(bytes);
        Whereabouts { place: (both >> 64) as u64, len: both as u64 as usize }
    }
}

/// One end's share of the page.
pub(super) struct Ledger {
    page: Shared<Page>,
    end: usize,
    waiting: Waiting,
    window: u32,
    sent: u32,
    taken: u32,
}

impl Ledger {
    pub(super) fn pair(setup: &Setup) -> io::Result<(Ledger, Ledger)> {
        let page = Shared::<Page>::zeroed()?;
        let window = window(setup) as u32;
        let share = |page, end| Ledger { page, end, waiting: setup.waiting, window, sent: 0, taken: 0 };
        Ok((share(page.clone(), 0), share(page, 1)))
    }

    /// Tells the other end whose memory and descriptors this one has, and what else it is to know: `place`.
    pub(super) fn introduce(&self, place: u64) {
        let introduction = &self.page.ends[self.end];
        introduction.place.store(place, Ordering::Relaxed);
        // Release: pairs with the Acquire in `peer`.
        introduction.process.store(getpid().as_raw(), Ordering::Release);
    }

    /// The other end's process, and the place that it told.
    #[inline]
    pub(super) fn peer(&self) -> io::Result<(Pid, u64)> {
        let introduction = &self.page.ends[1 - self.end];
        // Acquire: pairs with the Release in `introduce`.
        match introduction.process.load(Ordering::Acquire) {
            0 => Err(io::Error::other("the other end has not said yet which process it is in")),
            process => Ok((Pid::from_raw(process), introduction.place.load(Ordering::Relaxed))),
        }
    }

    /// Waits until there is an entry for the next message, and returns its number, below the window's size.
    #[inline]
    pub(super) fn await_room(&self) -> io::Result<usize> {
        let taken = &self.page.directions[self.end].taken;
        let next = self.sent.wrapping_add(1);
        if !taken.reaches(next.wrapping_sub(self.window)) {
            let free = if self.waiting == Waiting::Spin { 1 } else { self.window / 2 };
            if !taken.await_value(self.sent.wrapping_sub(self.window).wrapping_add(free), self.waiting) {
                return Err(ended());
            }
        }
        Ok((self.sent % self.window) as usize)
    }

    /// Says where the next message lies; there must be room.
    #[inline]
    pub(super) fn send(&mut self, place: u64, len: usize) {
        let direction = &self.page.directions[self.end];
        let entry = &direction.entries[(self.sent % self.window) as usize];
        // Relaxed: raising the count publishes them.
        entry.place.store(place, Ordering::Relaxed);
        entry.len.store(len as u64, Ordering::Relaxed);
        self.sent = self.sent.wrapping_add(1);
        direction.sent.raise(self.waiting);
    }

    /// The next message's entry is used, and the other end is told of it in another way.
    #[inline]
    pub(super) fn count_sent(&mut self) {
        self.sent = self.sent.wrapping_add(1);
    }

    /// Where the next message lies, once it is there; `UnexpectedEof` after the last one of an end that hung up.
    #[inline]
    pub(super) fn next(&self) -> io::Result<Whereabouts> {
        let direction = &self.page.directions[1 - self.end];
        if !direction.sent.await_value(self.taken.wrapping_add(1), self.waiting) {
            return Err(ended());
        }
        let entry = &direction.entries[(self.taken % self.window) as usize];
        let (place, len) = (entry.place.load(Ordering::Relaxed), entry.len.load(Ordering::Relaxed));
        Ok(Whereabouts { place, len: len as usize })
    }

    /// This end is done with the next message, and the other one may change it.
    #[inline]
    pub(super) fn release(&mut self) {
        self.taken = self.taken.wrapping_add(1);
        self.page.directions[1 - self.end].taken.raise(self.waiting);
    }

    /// This end will neither send nor take any more.
    pub(super) fn hang_up(&self) {
        self.page.directions[self.end].sent.end();
        self.page.directions[1 - self.end].taken.end();
    }
}
