//! `pthread_rwlock_t`, process-shared, by whom it prefers: readers, as glibc does by default, or writers.
//!
//! glibc lets readers in while a reader is inside, even if a writer waits, unless the lock prefers writers and readers do not
//! take it twice (`PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP`; `PTHREAD_RWLOCK_PREFER_WRITER_NP` does as the default).
//! So the default starves writers where readers follow each other closely.

use std::io;

use ipcmark_harness::sys::memory::{Shareable, Shared};
use ipcmark_harness::sys::rw_lock::{self, Preference};

use crate::descriptor::named;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup};
use crate::shapes::{self, RwLock, Words};

pub(super) static PREFERS_READERS: Mechanism = Mechanism {
    name: "pthread-rwlock",
    summary: "a process-shared pthread rwlock as it is by default: readers pass waiting writers",
    shapes: &[shapes::rw_lock::<OfPthread<false>>()],
    support: || Guarded::new(Preference::Readers).into(),
    ..PREFERS_WRITERS
};

pub(super) static PREFERS_WRITERS: Mechanism = Mechanism {
    name: "pthread-rwlock-writer",
    summary: "the same with PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP: new readers wait once a writer does",
    family: Family::ReaderWriter,
    reach: Reach::Both,
    references: &["pthread_rwlock_rdlock(3p)", "pthread_rwlockattr_setkind_np(3)", "pthread_rwlockattr_setpshared(3p)"],
    support: || Guarded::new(Preference::Writers).into(),
    rank: Rank::Common,
    shapes: &[shapes::rw_lock::<OfPthread<true>>()],
};

#[repr(C, align(128))]
struct Guarded {
    lock: rw_lock::RwLock,
    words: Words,
}

#[allow(unsafe_code)]
// SAFETY: both fields are shareable.
unsafe impl Shareable for Guarded {}

impl Guarded {
    fn new(preference: Preference) -> io::Result<Shared<Guarded>> {
        Shared::initialized(|guarded: &mut Guarded| guarded.lock.init(preference))
    }
}

struct OfPthread<const WRITERS: bool>(Shared<Guarded>);

impl<const WRITERS: bool> RwLock for OfPthread<WRITERS> {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let guarded = Guarded::new(if WRITERS { Preference::Writers } else { Preference::Readers })?;
        Ok((0..setup.parties).map(|_| OfPthread(guarded.clone())).collect())
    }

    #[inline(always)]
    fn read<R>(&mut self, mut look: impl FnMut(&Words) -> R) -> io::Result<R> {
        let Guarded { lock, words } = &*self.0;
        lock.read(|| look(words)).map_err(|errno| named("pthread_rwlock_rdlock", errno))
    }

    #[inline(always)]
    fn write(&mut self, change: impl FnOnce(&Words)) -> io::Result<()> {
        let Guarded { lock, words } = &*self.0;
        lock.write(|| change(words)).map_err(|errno| named("pthread_rwlock_wrlock", errno))
    }
}
