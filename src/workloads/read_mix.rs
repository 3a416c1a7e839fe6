//! `read-mix`: all parties use the same data, over and over, and so many of a thousand uses only read.
//!
//! Who reads and who writes next is drawn by each party for itself, from a sequence that is the same in every launch. A reader
//! compares all words of the data, and a writer raises each of them, both with the time of the hold between the first and
//! the others: so a torn read fails the timed loop, and afterwards the data must have counted every write. Readers' and
//! writers' longest waits are told apart. Where a reader looks again, its wait ends with the last try.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::session::Session;
use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::contended::CROWD;
use super::crowd::{self, Check, Crowd, KINDS, PARTIES, Part, Tempo, Watch, Work};
use crate::mechanism::{Axes, Point, Rank, Setup, Stage, Waiting, Workload};
use crate::shapes::{RwLock, Torn, Words};

pub(super) const fn workload<L: RwLock>() -> Workload {
    Workload {
        name: "read-mix",
        summary: "all parties read or write the same data over and over; time by the uses of all of them, and how long each waited",
        waitings: &[Waiting::Own],
        times_each: true,
        windows_of: Some(crowd::window_of),
        carries_payload: false,
        rank: Rank::Headline,
        axes: Axes {
            payload_bytes: &[Point(Words::BYTES, Rank::Headline)],
            parties: PARTIES,
            hold_ns: &[
                Point(0, Rank::Common),
                Point(100, Rank::Headline),
                Point(1000, Rank::Common),
                Point(10_000, Rank::Common),
            ],
            reads_per_mille: &[
                Point(0, Rank::Common),
                Point(500, Rank::Common),
                Point(900, Rank::Common),
                Point(990, Rank::Headline),
                Point(999, Rank::Common),
                Point(1000, Rank::Common),
            ],
            ..CROWD
        },
        supports: |setup| crowd::admits(setup).and(|| L::supports(&with_near_end(setup))),
        open: Mixed::<L>::open,
    }
}

/// The near end has a handle, too: it looks at the data when all have stopped.
fn with_near_end(setup: &Setup) -> Setup {
    Setup { parties: setup.parties + 1, ..*setup }
}

/// One party.
struct Mixed<L> {
    lock: L,
    hold: Work,
    draw: Draw,
    /// Of this order.
    writes: u64,
    written: Shared<Written>,
    /// What it has seen of the data must not go back.
    newest: u64,
}

/// The writes of all parties in all orders.
#[repr(C, align(128))]
struct Written(AtomicU64);

#[allow(unsafe_code)]
// SAFETY: an atomic integer, valid when zero, and no address.
unsafe impl Shareable for Written {}

/// A sequence of draws, so many of a thousand of them reads.
struct Draw {
    state: u64,
    /// Reads are what is drawn below it, of 2³².
    reads: u64,
}

impl Draw {
    fn new(reads_per_mille: u64, place: usize) -> Draw {
        Draw { state: place as u64, reads: (reads_per_mille << 32) / 1000 }
    }

    #[inline(always)]
    fn is_read(&mut self) -> bool {
        // Knuth's MMIX constants; the upper bits are the random ones.
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.state >> 32 < self.reads
    }
}

impl<L: RwLock> Mixed<L> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let setup = stage.setup;
        let hold = Tempo::take(&clock).work(setup.hold_ns.unwrap_or(0));
        let reads_per_mille = setup.reads_per_mille.unwrap_or(0);
        let written = Shared::<Written>::zeroed()?;
        let mut handles = L::handles(&with_near_end(&setup))?;
        let mut own = handles.pop().ok_or_else(|| io::Error::other("a lock came without a handle"))?;
        own.settle()?;
        let theirs = written.clone();
        let maker = move |(place, mut lock): (usize, L)| {
            let written = theirs.clone();
            move || {
                lock.settle()?;
                let draw = Draw::new(reads_per_mille, place);
                Ok(Mixed { lock, hold, draw, writes: 0, written, newest: 0 })
            }
        };
        let makers = handles.into_iter().enumerate().map(maker).collect();
        let check: Check = Box::new(move |_, _| agrees(&mut own, written.0.load(Ordering::Relaxed)));
        Crowd::open(stage, clock, makers, check)
    }
}

/// Whether the data have counted so many writes. Nobody may be at work.
pub(super) fn agrees<L: RwLock>(lock: &mut L, written: u64) -> io::Result<()> {
    match lock.read(|words| words.look(|| ()))?.map_err(torn)? {
        counted if counted == written => Ok(()),
        counted => Err(crowd::lost(counted, written)),
    }
}

const READ: usize = 0;
const WRITE: usize = 1;

impl<L: RwLock> Part for Mixed<L> {
    const LONGEST: Option<[&'static str; KINDS]> = Some(["longest_reader_wait_ns", "longest_writer_wait_ns"]);

    #[inline(always)]
    fn act<W: Watch>(&mut self, watch: &mut W) -> io::Result<()> {
        let Mixed { lock, hold, draw, writes, .. } = self;
        let is_read = draw.is_read();
        watch.waits();
        if is_read {
            let seen = lock.read(|words| {
                watch.got();
                words.look(|| hold.run())
            })?;
            watch.keep_as(READ);
            return seen.map(drop).map_err(torn);
        }
        lock.write(|words| {
            watch.got();
            words.change(|| hold.run());
        })?;
        watch.keep_as(WRITE);
        *writes += 1;
        Ok(())
    }

    /// The same where it is hardest: every so often a party gives up its CPU in the middle.
    fn act_checked(&mut self) -> io::Result<()> {
        let gives_up = self.draw.state.is_multiple_of(61);
        let meanwhile = || if gives_up { std::thread::yield_now() } else { std::hint::spin_loop() };
        if !self.draw.is_read() {
            self.lock.write(|words| words.change(meanwhile))?;
            self.writes += 1;
        }
        let seen = self.lock.read(|words| words.look(meanwhile))?.map_err(torn)?;
        if seen < self.newest {
            return Err(Mismatch::error(format!("a reader saw {seen} after {}", self.newest)));
        }
        self.newest = seen;
        Ok(())
    }

    fn end(&mut self) {
        // Relaxed: the near end reads it when the party has said that it is done.
        self.written.0.fetch_add(std::mem::take(&mut self.writes), Ordering::Relaxed);
    }
}

#[cold]
fn torn(Torn(one, other): Torn) -> io::Error {
    Mismatch::error(format!("a reader saw half of a write: {one} beside {other}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ipcmark_harness::histogram::Histogram;

    use super::*;
    use crate::contract::rw_lock_tests::{Faulty, OPEN};
    use crate::contract::transport_tests::SETUP;
    use crate::workloads::crowd::Unwatched;

    fn party<L: RwLock>(lock: L, place: usize) -> Mixed<L> {
        let (hold, draw) = (Tempo::take(&Clock::vdso()).work(0), Draw::new(500, place));
        Mixed { lock, hold, draw, writes: 0, written: Shared::zeroed().unwrap(), newest: 0 }
    }

    #[test]
    fn so_many_of_a_thousand_draws_are_reads() {
        for reads_per_mille in [0, 500, 900, 990, 999, 1000] {
            let mut draw = Draw::new(reads_per_mille, 1);
            let reads = (0..1_000_000).filter(|_| draw.is_read()).count() as u64;
            assert!(reads.abs_diff(reads_per_mille * 1000) < 2000, "{reads} of a million for {reads_per_mille}");
            assert!(reads == reads_per_mille * 1000 || !matches!(reads_per_mille, 0 | 1000), "{reads}");
        }
    }

    #[test]
    fn readers_and_writers_have_longest_waits_of_their_own() {
        let setup = Setup { parties: 2, hold_ns: Some(100), reads_per_mille: Some(500), ..SETUP };
        let stage = Stage { setup, near_cpus: Vec::new(), far_cpus: Vec::new() };
        let mut session = Mixed::<Faulty<0>>::open(&stage, Clock::vdso()).unwrap();
        let mut waits = Histogram::new();
        let sample = session.each(1000, &mut waits).unwrap();
        assert_eq!(waits.len(), sample.covered);
        let fact = |name: &str| sample.facts[name];
        let (reader, writer) = (fact("longest_reader_wait_ns"), fact("longest_writer_wait_ns"));
        assert!(reader > 0.0 && writer > 0.0 && reader.max(writer) == fact("longest_wait_ns"), "{sample:?}");
        assert_eq!(session.verify(300, Duration::from_secs(5)).unwrap().operations, 300);
    }

    /// The failure of a party in a thread ends the worker, so it is asked itself here.
    #[test]
    fn a_lock_that_lets_everybody_in_is_found_out_by_a_party() {
        let torn = std::thread::scope(|scope| {
            let handles = Faulty::<OPEN>::handles(&SETUP).unwrap().into_iter().enumerate();
            let work = |(place, handle)| {
                let mut party = party(handle, place);
                scope.spawn(move || (0..1_000_000).find_map(|_| party.act_checked().err()))
            };
            let threads: Vec<_> = handles.map(work).collect();
            threads.into_iter().find_map(|thread| thread.join().unwrap())
        });
        let error = torn.expect("a torn read is seen");
        assert!(error.get_ref().is_some_and(|inner| inner.is::<Mismatch>()), "{error}");
    }

    #[test]
    fn a_write_that_the_data_have_not_counted_is_missed() {
        let mut handles = Faulty::<0>::handles(&SETUP).unwrap();
        let mut own = handles.pop().unwrap();
        let mut party = party(handles.pop().unwrap(), 0);
        for _ in 0..100 {
            party.act(&mut Unwatched).unwrap();
        }
        let writes = party.writes;
        assert!(writes > 0 && agrees(&mut own, writes).is_ok());
        assert!(agrees(&mut own, writes + 1).unwrap_err().to_string().contains("changes were counted"));
    }
}
