//! The two ends of the ring, what each publishes, and in which order.
#![allow(unsafe_code)] // raw access to memory that another process writes, too

use std::io;

use super::data::{ALIGNED, CAPACITY, Data, LINE};
use super::ground::{AtomicU32, AtomicU64, Ordering, fall_behind, spin_loop};
use crate::descriptor::ended;
use crate::manner::{Manner, Sleeper};

/// The largest frame: a quarter, so that several are under way while a long message crosses.
const MAX_FRAME: usize = CAPACITY / 4;

/// In a header: the frame is complete.
const COMPLETE: u64 = 1 << 63;
/// In a header: the message goes on in the next frame.
const CONTINUES: u64 = 1 << 62;
const LENGTH: u64 = CONTINUES - 1;
const HEADER: u64 = 8;
/// Frames up to so long are pushed towards the consumer; of longer ones the first line is under way while the rest is read.
const PUSHED: u64 = 2 * LINE;

/// The shared part, as it lies in the mapping; all zero at first. Groups that different parties write are 128 bytes
/// apart, because the adjacent-line prefetcher pairs cache lines.
#[repr(C, align(128))]
pub struct Ring {
    consumer: Waiter,
    producer: Waiter,
    closed: AtomicU32,
    data: Data,
}

/// What one party publishes about itself.
#[cfg_attr(test, derive(Default))] // only the model makes one: others are mapped
#[repr(C, align(128))]
struct Waiter {
    /// Consumer: bytes consumed so far. Producer: unused.
    position: AtomicU64,
    sleeper: Sleeper,
    /// Producer: the `position` of the consumer that it waits for.
    wanted: AtomicU64,
}

/// The sending end: owns `tail`, the number of bytes produced.
pub struct Producer {
    ring: *const Ring,
    tail: u64,
    /// `tail` may grow to here without another look at the consumer's position.
    known_room: u64,
    manner: Manner,
}

/// The receiving end: owns `head`, the number of bytes consumed.
pub struct Consumer {
    ring: *const Ring,
    head: u64,
    manner: Manner,
}

#[cfg(test)]
impl Ring {
    /// One that is not mapped, for the model.
    #[allow(dead_code)]
    pub(super) fn around(data: Data) -> Ring {
        Ring { consumer: Waiter::default(), producer: Waiter::default(), closed: AtomicU32::default(), data }
    }
}

// SAFETY: an end is used by one party at a time, and what it points to is shared through atomics and their orderings.
unsafe impl Send for Producer {}
// SAFETY: as above.
unsafe impl Send for Consumer {}

impl Producer {
    /// # Safety
    /// `ring` points to a `Ring` that was all zero at first, stays mapped as long as this end lives, and has no other
    /// producer.
    pub unsafe fn new(ring: *const Ring, manner: Manner) -> Producer {
        Producer { ring, tail: 0, known_room: CAPACITY as u64, manner }
    }

    /// Sends one message, waiting for room. `awaited`: the consumer waits for this very message, as in a conversation.
    #[inline]
    pub fn send(&mut self, message: &[u8], awaited: bool) {
        let mut rest = message;
        while rest.len() > MAX_FRAME {
            let (part, next) = rest.split_at(MAX_FRAME);
            self.send_frame(part, CONTINUES, false);
            rest = next;
        }
        self.send_frame(rest, 0, awaited);
    }

    /// No more will come.
    pub fn close(&self) {
        let ring = self.ring();
        // Release: pairs with the Acquire in `Consumer::await_frame`; everything sent is visible before the end.
        ring.closed.store(1, Ordering::Release);
        ring.consumer.sleeper.wake();
    }

    #[inline]
    fn send_frame(&mut self, bytes: &[u8], flags: u64, awaited: bool) {
        let begin = self.tail + bytes_at(self.tail, bytes.len());
        let end = end_of(begin, bytes.len());
        // The next header has its place, too.
        if end + HEADER > self.known_room {
            self.await_room(end + HEADER);
        }
        let ring = self.ring();
        ring.data.copy_in(begin, bytes);
        // Relaxed: the Release below publishes it. An earlier lap may have left anything where the consumer looks next.
        ring.data.header(end).store(0, Ordering::Relaxed);
        // Release: pairs with the Acquire in `Consumer::await_frame`; it publishes the bytes and the zero.
        ring.data.header(self.tail).store(bytes.len() as u64 | flags | COMPLETE, Ordering::Release);
        if awaited && self.manner.apart() && end - self.tail <= PUSHED {
            ring.data.demote(end - HEADER);
            ring.data.demote(self.tail);
        }
        self.tail = end;
        if self.manner.may_sleep() {
            ring.consumer.sleeper.wake_if(|| true);
        }
    }

    /// Waits until `tail` may grow to `end`.
    #[cold]
    fn await_room(&mut self, end: u64) {
        let ring = self.ring();
        let mut polls = 0;
        loop {
            // Acquire: pairs with the Release in `Consumer::take`; the consumer has read what we overwrite.
            self.known_room = ring.consumer.position.load(Ordering::Acquire) + CAPACITY as u64;
            if end <= self.known_room {
                return;
            }
            if self.manner.sleeps_after(polls) {
                // Half the ring, not the next byte: else each step of the consumer would wake us.
                let wanted = (end - CAPACITY as u64).max(self.tail - CAPACITY as u64 / 2);
                ring.producer.wanted.store(wanted, Ordering::Relaxed);
                ring.producer.sleeper.sleep_unless(|| ring.consumer.position.load(Ordering::Acquire) >= wanted);
            } else {
                // Else each step of the consumer would be one frame's room, and its position would cross each time.
                wait_in_vain(polls, true);
                polls += 1;
            }
        }
    }

    fn ring(&self) -> &'static Ring {
        // SAFETY: promised to `new`; the reference does not leave this end.
        unsafe { &*self.ring }
    }
}

impl Consumer {
    /// # Safety
    /// As for [`Producer::new`]; there is no other consumer.
    pub unsafe fn new(ring: *const Ring, manner: Manner) -> Consumer {
        Consumer { ring, head: 0, manner }
    }

    /// Fills `message` with the next message. `UnexpectedEof` after the producer closed, `InvalidData` when the next
    /// message has another length. `awaited`: it answers what this party has sent, so that nothing else comes before it.
    #[inline]
    pub fn recv(&mut self, message: &mut [u8], awaited: bool) -> io::Result<()> {
        let header = self.await_frame(awaited)?;
        // What is usual: where the next header is, follows from the length that is wanted, and the CPU need not have read this
        // one to look for that. Else lines would cross one after the other, as in a linked list.
        if header == message.len() as u64 | COMPLETE {
            self.take(message);
            return Ok(());
        }
        self.recv_frames(header, message)
    }

    /// A message of several frames, or of another length.
    #[inline(never)]
    fn recv_frames(&mut self, mut header: u64, message: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        loop {
            let len = (header & LENGTH) as usize;
            let Some(part) = message.get_mut(filled..filled + len) else {
                return Err(other_length(filled + len, message.len()));
            };
            self.take(part);
            filled += len;
            if header & CONTINUES == 0 {
                break;
            }
            header = self.await_frame(true)?;
        }
        if filled == message.len() { Ok(()) } else { Err(other_length(filled, message.len())) }
    }

    /// The header of the next frame, once it is complete.
    #[inline]
    fn await_frame(&mut self, awaited: bool) -> io::Result<u64> {
        let ring = self.ring();
        let next = ring.data.header(self.head);
        let mut polls = 0;
        loop {
            // Acquire: pairs with the Release in `Producer::send_frame`.
            let header = next.load(Ordering::Acquire);
            if header != 0 {
                return Ok(header);
            }
            // Acquire: pairs with the Release in `Producer::close`; a frame sent before it is visible at the next look.
            if ring.closed.load(Ordering::Acquire) != 0 && next.load(Ordering::Acquire) == 0 {
                return Err(ended());
            }
            if self.manner.sleeps_after(polls) {
                let news = || next.load(Ordering::Acquire) != 0 || ring.closed.load(Ordering::Acquire) != 0;
                ring.consumer.sleeper.sleep_unless(news);
            } else {
                wait_in_vain(polls, !awaited);
                polls += 1;
            }
        }
    }

    /// Copies the bytes of the next frame, which is complete and has so many, and gives its room back.
    #[inline]
    fn take(&mut self, bytes: &mut [u8]) {
        let ring = self.ring();
        let begin = self.head + bytes_at(self.head, bytes.len());
        ring.data.copy_out(begin, bytes);
        self.head = end_of(begin, bytes.len());
        // Release: pairs with the Acquire in `Producer::await_room`.
        ring.consumer.position.store(self.head, Ordering::Release);
        if self.manner.may_sleep() {
            ring.producer.sleeper.wake_if(|| self.head >= ring.producer.wanted.load(Ordering::Relaxed));
        }
    }

    fn ring(&self) -> &'static Ring {
        // SAFETY: promised to `new`; the reference does not leave this end.
        unsafe { &*self.ring }
    }
}

/// Between two looks that find nothing, the first of which was number 0. In a stream the party that has caught up falls behind
/// once: at the other's heels each message would cost two crossings of the line that both are at.
#[inline(always)]
fn wait_in_vain(looks: u32, in_a_stream: bool) {
    if looks == 0 && in_a_stream { fall_behind() } else { spin_loop() }
}

/// How far behind its header the bytes of a frame at this position begin.
#[inline(always)]
fn bytes_at(position: u64, len: usize) -> u64 {
    if len < ALIGNED { HEADER } else { (position + HEADER).next_multiple_of(LINE) - position }
}

/// Where the frame ends whose bytes begin here: at a multiple of a header's length.
#[inline(always)]
fn end_of(begin: u64, len: usize) -> u64 {
    begin + (len as u64).next_multiple_of(HEADER)
}

#[cold]
fn other_length(came: usize, wanted: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a message of {came} bytes or more came, {wanted} were expected"),
    )
}
