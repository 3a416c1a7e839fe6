//! A count in the shared memory behind a process-shared mutex and condition variable, pthread_cond_wait(3).

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::sys::memory::Shareable;
use ipcmark_harness::sys::monitor::{Monitor, Robustness};
use nix::errno::Errno;

use super::{HandOff, InMemory};
use crate::descriptor::named;
use crate::manner::Manner;
use crate::mechanism::Waiting;

/// A party needs to know nothing.
#[derive(Clone)]
pub(in crate::mechanisms::shared_memory) struct Condvar;

/// The monitor and what it guards.
#[repr(C)]
pub(in crate::mechanisms::shared_memory) struct Word {
    monitor: Monitor,
    count: AtomicU32,
}

#[allow(unsafe_code)]
// SAFETY: a shareable monitor and an atomic.
unsafe impl Shareable for Word {}

impl InMemory for Condvar {}

impl HandOff for Condvar {
    const REFERENCES: [&'static str; 2] = ["pthread_cond_wait(3)", "pthread_mutexattr_setpshared(3)"];
    const WAITINGS: &'static [Waiting] = &[Waiting::Block];

    type Word = Word;

    fn new(_: Manner, _: usize) -> io::Result<Condvar> {
        Ok(Condvar)
    }

    fn init(&self, word: &mut Word) -> io::Result<()> {
        word.monitor.init(Robustness::Stalled)
    }

    #[inline]
    fn post(&mut self, word: &Word) -> io::Result<()> {
        let add = || word.monitor.with_lock(|_| word.count(1)).and_then(|()| word.monitor.signal());
        add().map_err(failed)
    }

    #[inline]
    fn wait(&mut self, word: &Word) -> io::Result<()> {
        let take = word.monitor.with_lock(|locked| {
            while word.count.load(Ordering::Relaxed) == 0 {
                locked.wait()?;
            }
            word.count(-1);
            Ok(())
        });
        take.and_then(|taken| taken).map_err(failed)
    }
}

impl Word {
    /// Adds to the count. Relaxed, and in two steps: the lock orders and guards it.
    #[inline]
    fn count(&self, step: i32) {
        self.count.store(self.count.load(Ordering::Relaxed).wrapping_add_signed(step), Ordering::Relaxed);
    }
}

#[cold]
fn failed(errno: Errno) -> io::Error {
    named("a process-shared mutex and condition variable", errno)
}
