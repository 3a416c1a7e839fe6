//! A semaphore of ours: permits and waiters in two words of shared memory, and futex(2).
//!
//! How it works: taking a permit makes `free` one less unless it is zero. Who finds zero says that it waits, looks again, and
//! sleeps as long as `free` is zero; who gives one back looks whether anybody waits. Both steps are sequentially consistent, so
//! that one of the two sees the other (Dekker). No permit is handed to a sleeper: whoever comes first takes it.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::sys::futex;
use ipcmark_harness::sys::memory::{Shareable, Shared};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Permits};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "futex-permits",
    summary: "a semaphore of our own: a count of permits, a count of waiters, and futex",
    family: Family::Coordination,
    reach: Reach::Both,
    references: &["futex(2)", "futex(7)"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::permits::<FutexPermits>()],
};

/// Both words on one line: who gives a permit back reads the second with the first.
#[repr(C, align(128))]
struct Words {
    free: AtomicU32,
    waiting: AtomicU32,
}

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no address.
unsafe impl Shareable for Words {}

impl Words {
    #[inline(always)]
    fn try_take(&self) -> bool {
        let mut free = self.free.load(Ordering::Relaxed);
        while free > 0 {
            // Acquire: pairs with the SeqCst in `give_back`.
            match self.free.compare_exchange_weak(free, free - 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(seen) => free = seen,
            }
        }
        false
    }

    #[inline(always)]
    fn take(&self) {
        if !self.try_take() {
            self.wait();
        }
    }

    #[cold]
    fn wait(&self) {
        // SeqCst, here and in `give_back`: either the kernel's comparison sees the permit or the other sees who waits.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        while !self.try_take() {
            futex::wait(&self.free, 0, None);
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    #[inline(always)]
    fn give_back(&self) {
        self.free.fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            futex::wake(&self.free, 1);
        }
    }
}

struct FutexPermits(Shared<Words>);

impl Permits for FutexPermits {
    fn handles(setup: &Setup, permits: usize) -> io::Result<Vec<Self>> {
        let words = Shared::<Words>::zeroed()?;
        words.free.store(permits as u32, Ordering::Relaxed);
        Ok((0..setup.parties).map(|_| FutexPermits(Shared::clone(&words))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, inside: impl FnOnce() -> R) -> io::Result<R> {
        self.0.take();
        let result = inside();
        self.0.give_back();
        Ok(result)
    }
}
