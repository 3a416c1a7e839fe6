//! The data under a lock: words that are equal whenever nobody holds it, each on a line of its own.
//!
//! They are changed in two steps, a load and a store, so that two holders at once lose an update or see words that differ.
//! All accesses are atomic, since a broken lock must show as a wrong number and not as undefined behaviour.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::control::Mismatch;
use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::crowd;

const LINE_BYTES: usize = 64;
/// A page of them.
const LINES: usize = 64;
/// How many words a checked change touches: more than one line, and done long before the tick.
const CHECKED_LINES: usize = 8;

pub(super) struct Guarded([Line; LINES]);

#[repr(C, align(64))]
struct Line(AtomicU64);

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Guarded {}

impl Guarded {
    pub(super) fn new() -> io::Result<Shared<Guarded>> {
        Shared::zeroed()
    }

    /// How many lines that is, at most a page.
    pub(super) fn lines_of(bytes: usize) -> usize {
        bytes.div_ceil(LINE_BYTES).min(LINES)
    }

    /// One more in each of the first words; only for who holds the lock, whose acquisition and release order all of it.
    #[inline(always)]
    pub(super) fn change(&self, lines: usize) {
        for line in &self.0[..lines] {
            line.0.store(line.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    /// The same where it is hardest for a lock: the holder looks first whether the words are equal, and takes its time.
    pub(super) fn change_all(&self) -> io::Result<()> {
        let seen = self.seen()?;
        for line in &self.0[..CHECKED_LINES] {
            std::hint::spin_loop();
            line.0.store(seen + 1, Ordering::Relaxed);
        }
        // Every so often the holder gives up its CPU in the middle.
        if seen.is_multiple_of(61) {
            std::thread::yield_now();
        }
        match self.seen()? {
            now if now == seen + 1 => Ok(()),
            now => Err(Mismatch::error(format!("the data went from {} to {now} while the lock was held", seen + 1))),
        }
    }

    /// The value that all words have. Only for who holds the lock, shared with readers or alone.
    pub(super) fn seen(&self) -> io::Result<u64> {
        let first = self.0[0].0.load(Ordering::Relaxed);
        let differs =
            self.0[..CHECKED_LINES].iter().map(|line| line.0.load(Ordering::Relaxed)).find(|&word| word != first);
        match differs {
            None => Ok(first),
            Some(word) => Err(Mismatch::error(format!("the data was torn under the lock: {first} beside {word}"))),
        }
    }

    /// Whether so many changes were counted in the words that were changed; then all begin at zero again. Nobody may be at work.
    pub(super) fn agrees(&self, operations: u64, lines: usize, checked: bool) -> io::Result<()> {
        let lines = if checked { CHECKED_LINES } else { lines };
        let wrong = self.0[..lines].iter().map(|line| line.0.load(Ordering::Relaxed)).find(|&word| word != operations);
        self.0.iter().for_each(|line| line.0.store(0, Ordering::Relaxed));
        wrong.map_or(Ok(()), |counted| Err(crowd::lost(counted, operations)))
    }
}
