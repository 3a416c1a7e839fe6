//! What messages carry, so that a lost, repeated, swapped or torn one cannot pass.
//!
//! The first eight bytes (fewer in shorter messages) are the message's number, little-endian. In a checked run the rest
//! is a sequence that depends on number and position, and both ends compare every byte; in a timed run the rest stays
//! as it is, and both ends still compare the number: about a nanosecond.

use std::io;

use ipcmark_harness::control::Mismatch;
use ipcmark_harness::sys::memory::Buffer;

/// One end's buffers and its count of messages.
pub struct Lane {
    /// What is sent.
    pub out: Buffer,
    /// What is received.
    pub back: Buffer,
    /// The number of the next message.
    pub next: u64,
    /// Taken in turn for `out`, where what was sent must stay unchanged for a while.
    spare: Vec<Buffer>,
    turn: usize,
    /// What a checked message should be; `out` may be lent out still.
    expected: Vec<u8>,
}

impl Lane {
    /// Buffers for messages of `payload_bytes`, pre-faulted and locked where the limit allows; `lends` further ones for what
    /// is sent, see [`Transport::lends`](crate::shapes::Transport::lends).
    pub fn new(payload_bytes: usize, lends: usize) -> io::Result<Lane> {
        let outgoing = || {
            let mut out = Buffer::new(payload_bytes)?;
            fill(&mut out, 0);
            Ok(out)
        };
        let spare = (0..lends).map(|_| outgoing()).collect::<io::Result<_>>()?;
        Ok(Lane { out: outgoing()?, back: Buffer::new(payload_bytes)?, next: 0, spare, turn: 0, expected: Vec::new() })
    }

    /// What the reader of a number should know of the buffers.
    pub fn notes(&self) -> Vec<String> {
        let note = "buffers are not locked in memory: mlock(2) was refused, see RLIMIT_MEMLOCK";
        if self.out.locked && self.back.locked { Vec::new() } else { vec![note.into()] }
    }

    /// Makes `out` the next message: all of it if `CHECKED`, else only its number.
    #[inline(always)]
    pub fn prepare<const CHECKED: bool>(&mut self) {
        self.prepare_as::<CHECKED>(self.next);
    }

    /// Makes `out` the message of this number.
    #[inline(always)]
    pub fn prepare_as<const CHECKED: bool>(&mut self, number: u64) {
        if !self.spare.is_empty() {
            self.take_spare();
        }
        if CHECKED {
            fill(&mut self.out, number);
            self.back.fill(0xA5);
        } else {
            stamp(&mut self.out, number);
        }
    }

    /// What came, to be sent back. Where what is sent must stay unchanged for a while, the next message is to come into
    /// another buffer.
    #[inline(always)]
    pub fn echo(&mut self) -> &[u8] {
        if self.spare.is_empty() {
            return &self.back;
        }
        self.take_spare();
        std::mem::swap(&mut self.out, &mut self.back);
        &self.out
    }

    /// The one whose turn is longest past becomes `out`.
    #[inline]
    fn take_spare(&mut self) {
        std::mem::swap(&mut self.out, &mut self.spare[self.turn]);
        self.turn = (self.turn + 1) % self.spare.len();
    }

    /// The number of the message in `back`, which has eight bytes or more; 0 of a shorter one.
    #[inline(always)]
    pub fn number(&self) -> u64 {
        self.back.first_chunk().map_or(0, |head| u64::from_le_bytes(*head))
    }

    /// Whether `back` is the next message, as far as [`Lane::prepare`] makes one; then counts it.
    #[inline(always)]
    pub fn confirm<const CHECKED: bool>(&mut self) -> io::Result<()> {
        let expected = self.next;
        self.next += 1;
        self.confirm_as::<CHECKED>(expected)
    }

    /// Whether `back` is the message of this number, as far as [`Lane::prepare`] makes one.
    #[inline(always)]
    pub fn confirm_as<const CHECKED: bool>(&mut self, expected: u64) -> io::Result<()> {
        if !is_stamped(&self.back, expected) {
            return Err(wrong_number(&self.back, expected));
        }
        if CHECKED { self.compare(expected) } else { Ok(()) }
    }

    #[cold]
    fn compare(&mut self, number: u64) -> io::Result<()> {
        if self.expected.len() != self.back.len() {
            self.expected.resize(self.back.len(), 0);
        }
        fill(&mut self.expected, number);
        // Whole slices first: that is memcmp(3), and looking for the place is for the one message that differs.
        if self.expected[..] == self.back[..] {
            return Ok(());
        }
        match self.expected.iter().zip(self.back.iter()).position(|(sent, got)| sent != got) {
            None => Ok(()),
            Some(at) => Err(Mismatch::error(format!(
                "message {number}: byte {at} of {} arrived as {:#04x} instead of {:#04x}",
                self.back.len(),
                self.back[at],
                self.expected[at]
            ))),
        }
    }
}

/// Writes the message of this number.
pub fn fill(message: &mut [u8], number: u64) {
    for (i, word) in message.chunks_mut(8).enumerate() {
        word.copy_from_slice(
            &mixed(number.wrapping_add((i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))).to_le_bytes()[..word.len()],
        );
    }
    stamp(message, number);
}

/// SplitMix64's output function (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[inline(always)]
fn stamp(message: &mut [u8], number: u64) {
    let number = number.to_le_bytes();
    match message.first_chunk_mut::<8>() {
        Some(head) => *head = number,
        None => message.copy_from_slice(&number[..message.len()]),
    }
}

#[inline(always)]
fn is_stamped(message: &[u8], number: u64) -> bool {
    let number = number.to_le_bytes();
    match message.first_chunk::<8>() {
        Some(head) => *head == number,
        None => *message == number[..message.len()],
    }
}

#[cold]
fn wrong_number(message: &[u8], expected: u64) -> io::Error {
    let mut head = [0; 8];
    let len = message.len().min(8);
    head[..len].copy_from_slice(&message[..len]);
    let mask = if len == 8 { u64::MAX } else { (1 << (8 * len)) - 1 };
    let (expected, got) = (expected & mask, u64::from_le_bytes(head));
    Mismatch::error(format!("message {expected} was expected (modulo 2^{}), message {got} arrived", 8 * len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(lane: &mut Lane, message: &[u8]) -> io::Result<()> {
        lane.back.copy_from_slice(message);
        lane.confirm::<true>()
    }

    #[test]
    fn the_message_itself_is_confirmed_at_every_size() {
        for len in [1, 7, 8, 9, 64, 4097] {
            let mut lane = Lane::new(len, 0).unwrap();
            let mut message = vec![0; len];
            for number in 0..300 {
                fill(&mut message, number);
                delivered(&mut lane, &message).unwrap();
            }
        }
    }

    /// Sends by `send`, which returns the address of what it sends, and checks that none of the last `lends` is touched by
    /// the next message, neither to be sent nor to come.
    fn lends_what_it_sends(mut send: impl FnMut(&mut Lane) -> *const u8) {
        for lends in 1..5 {
            let mut lane = Lane::new(64, lends).unwrap();
            let mut sent = Vec::new();
            for _ in 0..20 {
                assert!(!sent.iter().rev().take(lends).any(|&lent| lent == lane.back.as_ptr()), "{lends}");
                let next = send(&mut lane);
                assert!(!sent.iter().rev().take(lends).any(|&lent| lent == next), "{lends}");
                sent.push(next);
            }
        }
    }

    #[test]
    fn a_message_that_is_lent_is_left_alone_for_as_many_messages_as_said() {
        lends_what_it_sends(|lane| {
            lane.prepare::<true>();
            lane.out.as_ptr()
        });
    }

    #[test]
    fn an_answer_that_is_lent_is_left_alone_for_as_many_messages_as_said() {
        lends_what_it_sends(|lane| lane.echo().as_ptr());
    }

    #[test]
    fn a_repeated_message_is_noticed() {
        let mut lane = Lane::new(64, 0).unwrap();
        let mut message = [0; 64];
        fill(&mut message, 0);
        delivered(&mut lane, &message).unwrap();
        let error = delivered(&mut lane, &message).unwrap_err().to_string();
        assert!(error.contains("message 1 was expected") && error.contains("message 0 arrived"), "{error}");
    }

    #[test]
    fn a_torn_message_is_noticed_with_its_place() {
        let mut lane = Lane::new(64, 0).unwrap();
        let mut message = [0; 64];
        fill(&mut message, 0);
        message[63] ^= 1;
        assert!(delivered(&mut lane, &message).unwrap_err().to_string().contains("byte 63 of 64"));
    }
}
