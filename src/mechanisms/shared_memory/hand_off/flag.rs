//! A sequence word in shared memory: polled, slept on by futex(2), or first one and then the other.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::sys::memory::Shareable;

use super::{HandOff, InMemory};
use crate::manner::{Manner, Sleeper};
use crate::mechanism::Waiting;

/// One party's view of the word.
#[derive(Clone)]
pub(in crate::mechanisms::shared_memory) struct Flag {
    manner: Manner,
    /// Whether nobody else posts.
    alone: bool,
    /// How many this party has posted or taken, modulo 2³²: far fewer are ever under way.
    count: u32,
    /// How many it knows to be posted: in a stream the word is read only when all of these are taken.
    known: u32,
}

/// On one line: who reads the sequence looks for a sleeper next.
#[repr(C)]
pub(in crate::mechanisms::shared_memory) struct Word {
    posted: AtomicU32,
    taker: Sleeper,
}

#[allow(unsafe_code)]
// SAFETY: atomics only, valid when zero.
unsafe impl Shareable for Word {}

impl InMemory for Flag {}

impl HandOff for Flag {
    const REFERENCES: [&'static str; 2] = ["futex(2)", "futex(7)"];
    const WAITINGS: &'static [Waiting] = &[Waiting::Block, Waiting::Spin, Waiting::Adaptive];

    type Word = Word;

    fn new(manner: Manner, posters: usize) -> io::Result<Flag> {
        Ok(Flag { manner, alone: posters == 1, count: 0, known: 0 })
    }

    #[inline]
    fn post(&mut self, word: &Word) -> io::Result<()> {
        // Release: pairs with the Acquire in `await_more`.
        if self.alone {
            self.count = self.count.wrapping_add(1);
            word.posted.store(self.count, Ordering::Release);
        } else {
            word.posted.fetch_add(1, Ordering::Release);
        }
        if self.manner.may_sleep() {
            word.taker.wake_if(|| true);
        }
        Ok(())
    }

    #[inline]
    fn wait(&mut self, word: &Word) -> io::Result<()> {
        if self.known == self.count {
            self.await_more(word);
        }
        self.count = self.count.wrapping_add(1);
        Ok(())
    }
}

impl Flag {
    #[inline]
    fn await_more(&mut self, word: &Word) {
        let mut polls = 0;
        loop {
            // Acquire: pairs with the Release in `post`; of several posters too, whose additions are one release sequence.
            self.known = word.posted.load(Ordering::Acquire);
            if self.known != self.count {
                return;
            }
            if self.manner.sleeps_after(polls) {
                // Relaxed: what is seen here is looked at again.
                word.taker.sleep_unless(|| word.posted.load(Ordering::Relaxed) != self.count);
            } else {
                polls += 1;
                std::hint::spin_loop();
            }
        }
    }
}
