//! A word for each party, and the total is their sum: cheap to raise where the words are far enough apart, dear to read.
//!
//! `sharded-counter` is that at its best: 128 bytes apart, and since nobody else writes a party's word, it is raised by a plain
//! load and store. The others raise theirs by `fetch_add`, as `fetch-add-counter` does, and differ in nothing but how far apart
//! the words are: on one cache line (8 bytes) each party takes the line away from the others though nobody wants the same
//! word, which is called false sharing; on neighbouring lines (64 bytes) the prefetcher that fetches lines by pairs may do
//! the same.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::sys::memory::{Shareable, Shared};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Counter};

pub(super) static SHARDED: Mechanism = Mechanism {
    name: "sharded-counter",
    summary: "a word for each party, 128 bytes apart, raised by a plain load and store",
    shapes: &[shapes::counter::<Apart<16, true>>()],
    ..APART_8
};

pub(super) static APART_8: Mechanism = Mechanism {
    name: "words-8-apart",
    summary: "false sharing: a word for each party, 8 bytes apart on one cache line, raised by fetch_add",
    family: Family::Counter,
    reach: Reach::Both,
    references: &["Intel 64 and IA-32 Architectures Optimization Reference Manual, 248966, on false sharing"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::counter::<Apart<1, false>>()],
};

pub(super) static APART_64: Mechanism = Mechanism {
    name: "words-64-apart",
    summary: "a word for each party, 64 bytes apart on neighbouring cache lines, raised by fetch_add",
    shapes: &[shapes::counter::<Apart<8, false>>()],
    ..APART_8
};

pub(super) static APART_128: Mechanism = Mechanism {
    name: "words-128-apart",
    summary: "a word for each party, 128 bytes apart on every other cache line, raised by fetch_add",
    shapes: &[shapes::counter::<Apart<16, false>>()],
    ..APART_8
};

pub(super) static APART_256: Mechanism = Mechanism {
    name: "words-256-apart",
    summary: "a word for each party, 256 bytes apart, raised by fetch_add",
    shapes: &[shapes::counter::<Apart<32, false>>()],
    ..APART_8
};

/// A power of two, so that an index is kept in bounds by a mask.
const MOST: usize = 128;

/// So many words from each party's word to the next one's; all begin at the beginning of a page.
#[repr(C, align(128))]
struct Words<const STRIDE: usize>([[AtomicU64; STRIDE]; MOST]);

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl<const STRIDE: usize> Shareable for Words<STRIDE> {}

/// `ALONE`: a party's word is raised as what nobody else writes.
struct Apart<const STRIDE: usize, const ALONE: bool> {
    words: Shared<Words<STRIDE>>,
    place: usize,
}

impl<const STRIDE: usize, const ALONE: bool> Counter for Apart<STRIDE, ALONE> {
    fn supports(setup: &Setup) -> Support {
        match setup.parties {
            parties if parties <= MOST => Support::Available,
            parties => Support::Missing(format!("{parties} parties are more than the {MOST} that have a word each")),
        }
    }

    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let words = Shared::zeroed()?;
        Ok((0..setup.parties).map(|place| Apart { words: Shared::clone(&words), place }).collect())
    }

    #[inline(always)]
    fn add(&mut self) -> io::Result<()> {
        let word = &self.words.0[self.place % MOST][0];
        // Relaxed: a count orders nothing else.
        if ALONE {
            word.store(word.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        } else {
            word.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    #[inline(always)]
    fn total(&mut self) -> io::Result<u64> {
        Ok(self.words.0.iter().map(|words| words[0].load(Ordering::Relaxed)).sum())
    }
}
