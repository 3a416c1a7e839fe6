//! The ring's memory as the model has it: eight lines of two words, each word an atomic of loom's.
//!
//! Bytes are copied in and out by relaxed accesses, for headers come to lie where bytes lay: who reads what has not been ordered may
//! find what was there before. That nobody overwrites what is still being read, each word's cell says.

use loom::cell::UnsafeCell;

use super::ground::{AtomicU64, Ordering};

pub(super) const CAPACITY: usize = 128;
pub(super) const LINE: u64 = 16;
pub(super) const ALIGNED: usize = 16;
const WORD: usize = 8;

#[derive(Default)]
struct Word {
    value: AtomicU64,
    bytes: UnsafeCell<()>,
}

#[derive(Default)]
pub(super) struct Data([Word; CAPACITY / WORD]);

impl Data {
    fn word(&self, position: u64) -> &Word {
        &self.0[(position as usize & (CAPACITY - 1)) / WORD]
    }

    pub(super) fn header(&self, position: u64) -> &AtomicU64 {
        &self.word(position).value
    }

    pub(super) fn demote(&self, _: u64) {}

    /// Of bytes in whole words.
    pub(super) fn copy_in(&self, position: u64, bytes: &[u8]) {
        for (at, chunk) in (position..).step_by(WORD).zip(bytes.chunks(WORD)) {
            let word = self.word(at);
            word.bytes.with_mut(|_| ());
            word.value.store(u64::from_ne_bytes(chunk.try_into().unwrap()), Ordering::Relaxed);
        }
    }

    pub(super) fn copy_out(&self, position: u64, bytes: &mut [u8]) {
        for (at, chunk) in (position..).step_by(WORD).zip(bytes.chunks_mut(WORD)) {
            let word = self.word(at);
            word.bytes.with(|_| ());
            chunk.copy_from_slice(&word.value.load(Ordering::Relaxed).to_ne_bytes());
        }
    }
}
