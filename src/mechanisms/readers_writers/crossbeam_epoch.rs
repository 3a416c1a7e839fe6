//! `crossbeam_epoch`: readers pin the epoch, which costs a full barrier, and follow the pointer that is in place; a writer
//! copies the data, changes the copy and puts it in place, and the old data are freed when every reader of then has gone.
//! Writers take turns by a mutex.
#![allow(unsafe_code)] // following pointers that an epoch keeps alive

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use ::crossbeam_epoch::{self as epoch, Atomic, Owned};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, RwLock, Words};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "crossbeam-epoch",
    summary: "read-mostly data by crossbeam-epoch: readers pin the epoch, writers replace the data by a changed copy",
    family: Family::ReaderWriter,
    reach: Reach::Threads,
    references: &["crate crossbeam-epoch", "Fraser, Practical lock-freedom, UCAM-CL-TR-579, 2004"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::rw_lock::<Replaced>()],
};

struct Place {
    /// Never null.
    words: Atomic<Words>,
    writer: Mutex<()>,
}

impl Drop for Place {
    fn drop(&mut self) {
        // SAFETY: nobody else has the place any more, and what was in it before was handed to the epoch.
        drop(unsafe { std::mem::take(&mut self.words).into_owned() });
    }
}

struct Replaced(Arc<Place>);

impl RwLock for Replaced {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let place = Arc::new(Place { words: Atomic::new(Words::default()), writer: Mutex::default() });
        Ok((0..setup.parties).map(|_| Replaced(Arc::clone(&place))).collect())
    }

    #[inline(always)]
    fn read<R>(&mut self, mut look: impl FnMut(&Words) -> R) -> io::Result<R> {
        let pinned = epoch::pin();
        // Acquire: pairs with the Release of the writer.
        let words = self.0.words.load(Ordering::Acquire, &pinned);
        // SAFETY: it is never null, and what was in place while the epoch is pinned is not freed before.
        Ok(look(unsafe { words.deref() }))
    }

    #[inline(always)]
    fn write(&mut self, change: impl FnOnce(&Words)) -> io::Result<()> {
        let Place { words, writer } = &*self.0;
        let _turn = writer.lock().map_err(|_| io::Error::other("a writer panicked"))?;
        let pinned = epoch::pin();
        // Relaxed: the mutex orders the writers.
        // SAFETY: as in `read`.
        let next = Owned::new(unsafe { words.load(Ordering::Relaxed, &pinned).deref() }.clone());
        change(&next);
        // Release: pairs with the Acquire of the readers.
        let old = words.swap(next, Ordering::Release, &pinned);
        // SAFETY: it is in place no longer, and was handed over once: by the one writer that took it out.
        unsafe { pinned.defer_destroy(old) };
        Ok(())
    }
}
