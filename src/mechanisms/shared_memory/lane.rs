//! One direction of a mailbox: slots of one message each in shared memory, and the two hand-offs that go with them.
//!
//! How it works:
//! - Each message costs one `post` and one `wait` of the hand-off called `news`, as in a loop written by hand; a slot's
//!   label says which message lies in it, and how long that is.
//! - The consumer says how far it has come by a plain store. The producer looks at that only when the room it knows of
//!   runs out; if there is none, it asks for some and waits by the second hand-off, `room`.
//! - A wish for room is taken back or taken up by an atomic swap, so that each `post` of `room` is awaited once.
//! - What different parties write lies 128 bytes apart, because the adjacent-line prefetcher pairs cache lines.
#![allow(unsafe_code)] // raw access to memory that another process writes, too

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::hand_off::HandOff;
use crate::descriptor::{ended, other_length};
use crate::manner::Manner;

/// What the slots of a lane take together, if two of them fit: as much as the ring of `shm-ring`.
const SLOTS_BYTES: usize = 256 * 1024;
/// More would only be more memory to walk through.
const MOST_SLOTS: usize = 64;
const LINE: usize = 64;
/// The message's number in the upper half, counted from 1, its length in the lower. It is the end of the slot, so that the
/// message begins with a line: copies of whole lines are faster.
const LABEL: usize = 8;

/// How the memory of a lane is divided.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Slots {
    count: usize,
    /// From one to the next: message and label in whole lines.
    stride: usize,
}

impl Slots {
    /// Slots for messages of so many bytes.
    pub(super) fn of(payload_bytes: usize) -> Slots {
        let stride = (payload_bytes + LABEL).next_multiple_of(LINE);
        Slots { count: (SLOTS_BYTES / stride).clamp(2, MOST_SLOTS), stride }
    }

    /// The bytes of a whole lane.
    pub(super) fn lane_bytes<H: HandOff>(self) -> usize {
        (size_of::<Head<H::Word>>() + self.count * self.stride).next_multiple_of(align_of::<Head<H::Word>>())
    }
}

/// What lies before the slots; all zero at first, but for the words.
#[repr(C)]
struct Head<W> {
    /// One for each message.
    news: Apart<W>,
    /// One for each wish that the consumer has taken up.
    room: Apart<W>,
    consumer: Apart<Consumer>,
    /// The number of messages that the producer wants to see taken; 0: it wants nothing.
    wanted: Apart<AtomicU64>,
}

// SAFETY: shareable words and atomics, which hold no address.
unsafe impl<W: Shareable> Shareable for Head<W> {}

/// What the consumer writes, and the producer when it writes nothing more.
struct Consumer {
    /// The number of messages taken.
    taken: AtomicU64,
    /// 1 once the producer has sent its last message.
    closed: AtomicU64,
}

#[repr(C, align(128))]
struct Apart<T>(T);

/// Whether the kernel has the hand-off: one is made.
pub(super) fn try_hand_off<H: HandOff>() -> io::Result<()> {
    let news = H::new(Manner::new(H::WAITINGS[0], true), 1)?;
    Shared::<Head<H::Word>>::initialized(|head| news.init(&mut head.news.0)).map(drop)
}

/// A lane that its ends can be made of.
pub(super) struct Lane<H> {
    slots: Slots,
    manner: Manner,
    /// Where it begins in the memory.
    offset: usize,
    /// Where the lane begins whose `news` is posted and awaited: this one, unless several lanes have one reader.
    bell_offset: usize,
    news: H,
    room: H,
}

impl<H: HandOff> Lane<H> {
    /// The lane of this number, with hand-offs of its own.
    pub(super) fn new(slots: Slots, number: usize, manner: Manner) -> io::Result<Lane<H>> {
        let offset = number * slots.lane_bytes::<H>();
        let (news, room) = (H::new(manner, 1)?, H::new(manner, 1)?);
        Ok(Lane { slots, manner, offset, bell_offset: offset, news, room })
    }

    /// So many lanes for one reader, from lane 0 on: they share the `news` of that.
    pub(super) fn with_one_bell(slots: Slots, count: usize, manner: Manner) -> io::Result<Vec<Lane<H>>> {
        let news = H::new(manner, count)?;
        let lane = |number| {
            let offset = number * slots.lane_bytes::<H>();
            Ok(Lane { slots, manner, offset, bell_offset: 0, news: news.clone(), room: H::new(manner, 1)? })
        };
        (0..count).map(lane).collect()
    }

    /// Makes the words of the hand-offs usable.
    ///
    /// # Safety
    /// `start` is that of zeroed memory with all lanes in it, which nobody else uses yet.
    pub(super) unsafe fn init(&self, start: *mut u8) -> io::Result<()> {
        // SAFETY: promised by the caller; the memory is page-aligned, and each lane as long as its alignment wants.
        let head = unsafe { &mut *start.add(self.offset).cast::<Head<H::Word>>() };
        self.room.init(&mut head.room.0)?;
        if self.offset == self.bell_offset { self.news.init(&mut head.news.0) } else { Ok(()) }
    }

    /// The only producer's end.
    ///
    /// # Safety
    /// `start` is that of a mapping of the memory that has been initialized, which stays as long as the end lives.
    pub(super) unsafe fn sender(&self, start: *mut u8) -> Sender<H> {
        // SAFETY: promised by the caller.
        let end = unsafe { End::new(self, start) };
        Sender { sent: 0, known_room: self.slots.count as u64, end }
    }

    /// The only consumer's end.
    ///
    /// # Safety
    /// As for [`Lane::sender`].
    pub(super) unsafe fn receiver(&self, start: *mut u8) -> Receiver<H> {
        // SAFETY: promised by the caller.
        let end = unsafe { End::new(self, start) };
        Receiver { taken: 0, ended: false, end }
    }
}

/// What both ends of a lane have.
struct End<H: HandOff> {
    head: NonNull<Head<H::Word>>,
    /// The head with the `news` that is used.
    bell: NonNull<Head<H::Word>>,
    slots: Slots,
    /// The slot of the next message.
    slot: usize,
    manner: Manner,
    news: H,
    room: H,
}

// SAFETY: an end is used by one party at a time, and what it points to is shared through atomics and their orderings.
unsafe impl<H: HandOff> Send for End<H> {}

impl<H: HandOff> End<H> {
    /// # Safety
    /// As for [`Lane::sender`].
    unsafe fn new(lane: &Lane<H>, start: *mut u8) -> End<H> {
        let Lane { slots, manner, offset, bell_offset, news, room } = lane;
        // SAFETY: both offsets lie in the memory, which is not at address 0.
        let head = |offset: usize| unsafe { NonNull::new_unchecked(start.add(offset).cast()) };
        let (head, bell) = (head(*offset), head(*bell_offset));
        End { head, bell, slots: *slots, slot: 0, manner: *manner, news: news.clone(), room: room.clone() }
    }

    #[inline(always)]
    fn head(&self) -> &'static Head<H::Word> {
        // SAFETY: promised to `new`; the reference does not leave this file.
        unsafe { self.head.as_ref() }
    }

    #[inline(always)]
    fn bell(&self) -> &'static H::Word {
        // SAFETY: as in `head`.
        unsafe { &self.bell.as_ref().news.0 }
    }

    /// The next slot's label, and its message before it.
    #[inline(always)]
    fn slot(&self) -> (&'static AtomicU64, *mut u8) {
        // SAFETY: the slots follow the head, and `slot` is less than their count; strides keep labels aligned.
        unsafe {
            let slot = self.head.as_ptr().add(1).cast::<u8>().add(self.slot * self.slots.stride);
            (AtomicU64::from_ptr(slot.add(self.slots.stride - LABEL).cast()), slot)
        }
    }

    #[inline(always)]
    fn advance(&mut self) {
        self.slot = if self.slot + 1 == self.slots.count { 0 } else { self.slot + 1 };
    }
}

/// The sending end.
pub(super) struct Sender<H: HandOff> {
    sent: u64,
    /// `sent` may grow to here without another look at the consumer's count.
    known_room: u64,
    end: End<H>,
}

impl<H: HandOff> Sender<H> {
    /// Sends one message, waiting for room. `InvalidInput` if it is longer than a slot.
    #[inline]
    pub(super) fn send(&mut self, message: &[u8]) -> io::Result<()> {
        if message.len() > self.end.slots.stride - LABEL {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, too_long(message.len(), self.end.slots)));
        }
        if self.sent == self.known_room {
            self.await_room()?;
        }
        let (label, to) = self.end.slot();
        // SAFETY: the message fits the slot (checked above), which the consumer has given back, so nobody else uses it.
        unsafe { std::ptr::copy_nonoverlapping(message.as_ptr(), to, message.len()) };
        self.sent += 1;
        // Release: pairs with the Acquire in `Receiver::has_message`, of a reader that was told of another lane's message.
        label.store(self.sent << 32 | message.len() as u64, Ordering::Release);
        self.end.advance();
        self.end.news.post(self.end.bell())
    }

    /// No more will come.
    pub(super) fn close(&mut self) -> io::Result<()> {
        // The hand-off orders it: whoever has taken this step sees it.
        self.end.head().consumer.0.closed.store(1, Ordering::Relaxed);
        self.end.news.post(self.end.bell())
    }

    /// Waits until there is a free slot.
    #[cold]
    fn await_room(&mut self) -> io::Result<()> {
        let count = self.end.slots.count as u64;
        loop {
            // Acquire: pairs with the Release in `Receiver::give_back`; the consumer has read what we overwrite.
            self.known_room = self.end.head().consumer.0.taken.load(Ordering::Acquire) + count;
            if self.sent < self.known_room {
                return Ok(());
            }
            if self.end.manner.may_sleep() {
                // Half the slots, not the next one: else each step of the consumer would wake us.
                self.await_taken(self.sent - count / 2)?;
            } else {
                std::hint::spin_loop();
            }
        }
    }

    /// Sleeps until the consumer has taken so many messages.
    fn await_taken(&mut self, wanted: u64) -> io::Result<()> {
        let head = self.end.head();
        head.wanted.0.store(wanted, Ordering::Relaxed);
        // SeqCst: with the fence in `Receiver::give_back`, either we see its step or it sees our wish (Dekker's handshake).
        fence(Ordering::SeqCst);
        let in_vain = head.consumer.0.taken.load(Ordering::Relaxed) >= wanted;
        // A wish that we can take back is one that nobody posts for.
        if in_vain && head.wanted.0.swap(0, Ordering::Relaxed) != 0 {
            return Ok(());
        }
        self.end.room.wait(&head.room.0)
    }
}

/// The receiving end.
pub(super) struct Receiver<H: HandOff> {
    taken: u64,
    /// Whether the producer has closed and all is taken.
    ended: bool,
    end: End<H>,
}

impl<H: HandOff> Receiver<H> {
    /// Waits for a message of any lane with this `news`, or for the end; `UnexpectedEof` when that was reported already.
    #[inline(always)]
    pub(super) fn await_news(&mut self) -> io::Result<()> {
        if self.ended { Err(ended()) } else { self.end.news.wait(self.end.bell()) }
    }

    /// Fills `message` with the next one, which is there. `UnexpectedEof` if the end is, `InvalidData` when the message
    /// has another length.
    #[inline]
    pub(super) fn take(&mut self, message: &mut [u8]) -> io::Result<()> {
        let (label, from) = self.end.slot();
        if !self.has_message() {
            return Err(self.without_message());
        }
        // Relaxed: seen already.
        let len = label.load(Ordering::Relaxed) as u32 as usize;
        if len == message.len() {
            // SAFETY: the slot holds so many bytes, and the producer does not write them until the slot is given back.
            unsafe { std::ptr::copy_nonoverlapping(from, message.as_mut_ptr(), len) };
        }
        self.give_back()?;
        if len == message.len() { Ok(()) } else { Err(other_length(len, message.len())) }
    }

    /// Whether the next message is there.
    #[inline(always)]
    pub(super) fn has_message(&self) -> bool {
        // Acquire: pairs with the Release in `Sender::send`.
        self.end.slot().0.load(Ordering::Acquire) >> 32 == (self.taken + 1) & u64::from(u32::MAX)
    }

    /// The descriptor that is readable when a message has come, where there is one.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.end.news.descriptor()
    }

    /// The next slot is free again.
    #[inline(always)]
    fn give_back(&mut self) -> io::Result<()> {
        let head = self.end.head();
        self.end.advance();
        self.taken += 1;
        // Release: pairs with the Acquire in `Sender::await_room`.
        head.consumer.0.taken.store(self.taken, Ordering::Release);
        if self.end.manner.may_sleep() {
            // SeqCst: pairs with the fence in `Sender::await_taken`.
            fence(Ordering::SeqCst);
            let wanted = head.wanted.0.load(Ordering::Relaxed);
            if wanted != 0 && wanted <= self.taken {
                return self.grant_room();
            }
        }
        Ok(())
    }

    #[cold]
    fn grant_room(&mut self) -> io::Result<()> {
        let head = self.end.head();
        match head.wanted.0.swap(0, Ordering::Relaxed) {
            // It has been taken back.
            0 => Ok(()),
            _ => self.end.room.post(&head.room.0),
        }
    }

    /// Why there was news without a message.
    #[cold]
    fn without_message(&mut self) -> io::Error {
        if self.end.head().consumer.0.closed.load(Ordering::Relaxed) == 0 {
            return io::Error::other("the hand-off returned before a message was there");
        }
        self.ended = true;
        ended()
    }
}

#[cold]
fn too_long(len: usize, slots: Slots) -> String {
    format!("a message of {len} bytes does not fit a slot of {} bytes", slots.stride - LABEL)
}

#[cfg(test)]
mod tests;
