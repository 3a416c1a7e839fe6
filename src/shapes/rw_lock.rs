//! [`RwLock`]: data that many read and some write.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::Lock;
use crate::mechanism::{Setup, Shape, Support};
use crate::{contract, workloads};

/// All that is measured of a way to share data between readers and writers, and all that it promises.
pub const fn rw_lock<L: RwLock>() -> Shape {
    Shape { workloads: workloads::rw_lock::<L>(), contract: contract::rw_lock::<L>(), observe: None }
}

/// Data between any number of parties that read or write it, each with a handle of its own.
///
/// The data belong to the implementation, so that those fit whose writers put a new copy in the place of the old one, and
/// those whose readers look again when a writer came between.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them
/// (`src/contract/rw_lock.rs`):
///
/// - **readers_see_no_half_written_data**: whatever a read returns was seen between two writes;
/// - **what_a_reader_sees_stays_as_it_is**: a writer that comes meanwhile waits, or the reader keeps the old data, or looks again;
/// - **a_reader_waits_for_a_writer_or_sees_what_was_before**: never what is being written;
/// - **at_most_one_writes**: however many want to;
/// - **a_read_after_a_write_sees_it**: once the write has returned, whoever begins to read;
/// - **several_readers_are_inside_at_once**: where it is promised, see [`RwLock::READERS_SHARE`];
/// - **nothing_is_left_by_name**: whatever names were used are gone once the handles exist.
///
/// `drop` releases what this process holds and must leave what is shared untouched: it runs in forked copies too.
pub trait RwLock: Sized + Send + 'static {
    /// Whether several readers may be inside at once.
    const READERS_SHARE: bool = true;

    /// Whether this setup can run here; by default every one can.
    fn supports(setup: &Setup) -> Support {
        let _ = setup;
        Support::Available
    }

    /// A handle for each party on the same new data. Each may be moved to a forked process or a thread.
    fn handles(setup: &Setup) -> io::Result<Vec<Self>>;

    /// Called once, in the party that will use this handle, before anything is timed.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// What `look` makes of the data. It may not panic, and may run several times, on data that are being written: then
    /// what it returns is dropped, and it runs again.
    fn read<R>(&mut self, look: impl FnMut(&Words) -> R) -> io::Result<R>;

    /// Lets `change` make new data of the old ones, which may not panic, and returns when every later reader sees them.
    fn write(&mut self, change: impl FnOnce(&Words)) -> io::Result<()>;
}

/// Data under a lock that lets one party in at a time, reader or writer: the line beside those that let several in.
pub struct Exclusive<L> {
    lock: L,
    words: Shared<Words>,
}

impl<L: Lock> RwLock for Exclusive<L> {
    const READERS_SHARE: bool = false;

    fn supports(setup: &Setup) -> Support {
        L::supports(setup)
    }

    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let words = Shared::zeroed()?;
        let beside = |lock| Exclusive { lock, words: Shared::clone(&words) };
        Ok(L::handles(setup)?.into_iter().map(beside).collect())
    }

    fn settle(&mut self) -> io::Result<()> {
        self.lock.settle()
    }

    #[inline(always)]
    fn read<R>(&mut self, mut look: impl FnMut(&Words) -> R) -> io::Result<R> {
        self.lock.with(|| look(&self.words))
    }

    #[inline(always)]
    fn write(&mut self, change: impl FnOnce(&Words)) -> io::Result<()> {
        self.lock.with(|| change(&self.words))
    }
}

const LINES: usize = 4;

/// The data: words on a cache line each, which are equal whenever nobody writes.
///
/// They are raised one after the other, each by a load and a store, so that two writers at once lose an update and a reader
/// beside a writer sees words that differ. All accesses are atomic, since a broken lock must show as a wrong number and not
/// as undefined behaviour; they are relaxed, since it is the lock that orders them.
///
/// 128 bytes apart from what lies before them, since the adjacent-line prefetcher pairs cache lines.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub struct Words([Line; LINES]);

#[repr(C, align(64))]
#[derive(Debug, Default)]
struct Line(AtomicU64);

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Words {}

/// A word, and one that is not equal to it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Torn(pub u64, pub u64);

impl Words {
    /// How many they are in bytes: whole cache lines.
    pub const BYTES: usize = size_of::<Words>();

    /// The first word alone.
    #[inline(always)]
    pub fn first(&self) -> u64 {
        self.0[0].0.load(Ordering::Relaxed)
    }

    /// The value that all words have. `meanwhile` runs when the first of them has been read.
    #[inline(always)]
    pub fn look(&self, meanwhile: impl FnOnce()) -> Result<u64, Torn> {
        let first = self.first();
        meanwhile();
        let rest = self.0[1..].iter().map(|line| line.0.load(Ordering::Relaxed));
        // Without a branch for each word.
        match rest.fold(0, |differing, word| differing | (word ^ first)) {
            0 => Ok(first),
            differing => Err(Torn(first, first ^ differing)),
        }
    }

    /// One more in each word; for writers. `meanwhile` runs when the first of them has been written.
    #[inline(always)]
    pub fn change(&self, meanwhile: impl FnOnce()) {
        let raise = |line: &Line| line.0.store(line.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        raise(&self.0[0]);
        meanwhile();
        self.0[1..].iter().for_each(raise);
    }
}

impl Clone for Words {
    #[inline(always)]
    fn clone(&self) -> Words {
        Words(std::array::from_fn(|at| Line(AtomicU64::new(self.0[at].0.load(Ordering::Relaxed)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_differ_are_torn_and_a_copy_is_equal() {
        let words = Words::default();
        words.change(|| assert!(matches!(words.look(|| ()), Err(Torn(1, 0)))));
        assert_eq!((words.look(|| ()), words.clone().look(|| ())), (Ok(1), Ok(1)));
        assert!(words.look(|| words.change(|| ())).is_err());
        assert_eq!(Words::BYTES, 256);
    }
}
