//! Private memory that a forked child has too: the first write to a page copies it, which is when fork pays for what it put off.
//!
//! A huge page that is written to is taken apart into small ones, each of which is copied at its own first write.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::sys::birth::Sharer;

use super::{Base, Transparent, support, transparent};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Region, room};

pub(super) static SMALL: Mechanism = Mechanism {
    name: "after-fork",
    summary: "private memory that a forked child has too, in pages of 4 KiB: a first write copies the page",
    family: Family::Memory,
    reach: Reach::Processes,
    references: &["fork(2)"],
    support: support::<AfterFork<Base>>,
    rank: Rank::Common,
    shapes: &[shapes::region::<AfterFork<Base>>()],
};

pub(super) static HUGE: Mechanism = Mechanism {
    name: "after-fork-huge",
    summary: "as after-fork, in transparent huge pages: a first write takes one apart and copies 4 KiB of it",
    references: &["fork(2)", "MADV_HUGEPAGE in madvise(2)"],
    support: huge,
    shapes: &[shapes::region::<AfterFork<Transparent>>()],
    ..SMALL
};

fn huge() -> Support {
    transparent().and(support::<AfterFork<Transparent>>)
}

struct AfterFork<R> {
    /// Ends before the memory does.
    _sharer: Sharer,
    memory: R,
}

impl<R: Region> Region for AfterFork<R> {
    /// What is copied at once.
    fn page_bytes() -> io::Result<usize> {
        Base::page_bytes()
    }

    fn map(len: usize) -> io::Result<Self> {
        let memory = R::map(len)?;
        let words = Self::page_bytes()? / size_of::<AtomicU64>();
        // What nobody has written to is not shared, but the page of zeros.
        memory.words().iter().step_by(words).for_each(|word| word.store(0, Ordering::Relaxed));
        Ok(AfterFork { _sharer: Sharer::fork()?, memory })
    }

    fn words(&self) -> &[AtomicU64] {
        self.memory.words()
    }

    /// The child keeps what was there, beside the copies.
    fn supports(setup: &Setup) -> Support {
        room(&Setup { memory_bytes: setup.memory_bytes.map(|bytes| bytes * 2), ..*setup })
    }
}
