//! One atomic word for all parties, raised by an instruction (`fetch_add`) or by trying until nobody came between.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::sys::memory::{Shareable, Shared};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Counter};

pub(super) static FETCH_ADD: Mechanism = Mechanism {
    name: "fetch-add-counter",
    summary: "an atomic word raised by fetch_add: one instruction on x86",
    rank: Rank::Headline,
    shapes: &[shapes::counter::<FetchAdd>()],
    ..CAS
};

pub(super) static CAS: Mechanism = Mechanism {
    name: "cas-counter",
    summary: "an atomic word raised by compare-and-swap, tried until nobody came between",
    family: Family::Counter,
    reach: Reach::Both,
    references: &["std::sync::atomic"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::counter::<CompareAndSwap>()],
};

/// On lines of its own.
#[repr(C, align(128))]
struct Word(AtomicU64);

#[allow(unsafe_code)]
// SAFETY: an atomic integer, valid when zero, and no address.
unsafe impl Shareable for Word {}

struct FetchAdd(Shared<Word>);

impl Counter for FetchAdd {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let word = Shared::zeroed()?;
        Ok((0..setup.parties).map(|_| FetchAdd(Shared::clone(&word))).collect())
    }

    #[inline(always)]
    fn add(&mut self) -> io::Result<()> {
        // Relaxed: a count orders nothing else.
        self.0.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    #[inline(always)]
    fn total(&mut self) -> io::Result<u64> {
        Ok(self.0.0.load(Ordering::Relaxed))
    }
}

struct CompareAndSwap(Shared<Word>);

impl Counter for CompareAndSwap {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let word = Shared::zeroed()?;
        Ok((0..setup.parties).map(|_| CompareAndSwap(Shared::clone(&word))).collect())
    }

    #[inline(always)]
    fn add(&mut self) -> io::Result<()> {
        let word = &self.0.0;
        let mut seen = word.load(Ordering::Relaxed);
        // Relaxed: a count orders nothing else.
        while let Err(now) = word.compare_exchange_weak(seen, seen + 1, Ordering::Relaxed, Ordering::Relaxed) {
            seen = now;
        }
        Ok(())
    }

    #[inline(always)]
    fn total(&mut self) -> io::Result<u64> {
        Ok(self.0.0.load(Ordering::Relaxed))
    }
}
