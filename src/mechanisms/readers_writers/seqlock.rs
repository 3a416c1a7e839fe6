//! A sequence lock: readers take nothing and write nothing; they look again when a writer came between.

#[cfg(test)]
mod model;
mod sequence;

/// What the algorithm stands on; in its model test that is loom's.
mod ground {
    pub(super) use std::hint::spin_loop;
    pub(super) use std::sync::atomic::{AtomicU64, Ordering, fence};
}

use std::io;

use ipcmark_harness::sys::memory::{Shareable, Shared};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, RwLock, Words};

use sequence::Sequence;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "seqlock",
    summary: "a sequence lock: readers write nothing, and look again when a writer came between",
    family: Family::ReaderWriter,
    reach: Reach::Both,
    references: &["Boehm, Can Seqlocks Get Along With Programming Language Memory Models?, MSPC 2012"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::rw_lock::<Seqlock>()],
};

#[repr(C, align(128))]
struct Guarded {
    sequence: Sequence,
    words: Words,
}

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Guarded {}

struct Seqlock(Shared<Guarded>);

impl RwLock for Seqlock {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let guarded = Shared::zeroed()?;
        Ok((0..setup.parties).map(|_| Seqlock(Shared::clone(&guarded))).collect())
    }

    #[inline(always)]
    fn read<R>(&mut self, mut look: impl FnMut(&Words) -> R) -> io::Result<R> {
        let Guarded { sequence, words } = &*self.0;
        Ok(sequence.read(|| look(words)))
    }

    #[inline(always)]
    fn write(&mut self, change: impl FnOnce(&Words)) -> io::Result<()> {
        let Guarded { sequence, words } = &*self.0;
        sequence.write(|| change(words));
        Ok(())
    }
}
