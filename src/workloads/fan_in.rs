//! `fan-in`: N writers, one reader. All writers write from before the clock starts until after it has stopped, so none has the
//! channel to itself because another was done early; what each got through in between is its share.
//!
//! A message's number holds its writer in the top byte, then one bit for a writer's last message, then the count of that
//! writer: loss, repetition and mixed-up messages show at the reader, in timed runs too.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::session::{Sample, Session, Verified};

use super::pace::Pace;
use super::payload::Lane;
use crate::mechanism::{Axes, Point, Rank, Stage, Workload};
use crate::shapes::{FanIn, Receive};

pub(super) const fn workload<T: FanIn>() -> Workload {
    Workload {
        name: "fan-in",
        summary: "several writers, one reader; one operation is one message of any writer",
        waitings: T::WAITINGS,
        times_each: false,
        windows_of: None,
        carries_payload: true,
        rank: Rank::Common,
        axes: Axes { payload_bytes: PAYLOAD_BYTES, parties: PARTIES, ..Axes::PAIR },
        supports: T::supports_fan_in,
        open: Gathering::<T>::open,
    }
}

/// A number needs eight bytes, and a message that stays whole among others fits PIPE_BUF.
pub(super) const PAYLOAD_BYTES: &[Point<usize>] = &[Point(64, Rank::Headline), Point(4096, Rank::Rare)];
/// 1, 2, 4 and 8 at one end, one at the other.
pub(super) const PARTIES: &[Point<usize>] =
    &[Point(2, Rank::Common), Point(3, Rank::Common), Point(5, Rank::Headline), Point(9, Rank::Common)];

const WRITER_SHIFT: u32 = 56;
const LAST: u64 = 1 << 55;

struct Gathering<T: FanIn> {
    reader: T::Reader,
    lane: Lane,
    parties: Parties,
    book: Book,
}

/// What has come from each writer.
struct Book {
    received: Vec<u64>,
    ended: usize,
}

struct Writer<T> {
    end: T,
    lane: Lane,
    tag: u64,
    sent: u64,
}

impl<T: FanIn> Gathering<T> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let setup = stage.setup;
        let mut parties = Parties::new(clock, &stage.near_cpus)?;
        let (mut reader, mut writers) = T::fan_in(&setup)?;
        let count = writers.len();
        for number in 0..count {
            let mut end = writers.remove(0);
            let far = move || {
                end.settle()?;
                let lane = Lane::new(setup.payload_bytes, T::lends(&setup))?;
                Ok(Writer { end, lane, tag: (number as u64) << WRITER_SHIFT, sent: 0 })
            };
            // A forked writer drops its copies of the reader and of the writers that are still to come.
            (reader, writers) = parties.start(setup.peer, stage.cpus_of_peer(number), (reader, writers), far)?;
        }
        reader.settle()?;
        let book = Book { received: vec![0; count], ended: 0 };
        Ok(Box::new(Gathering::<T> { reader, lane: Lane::new(setup.payload_bytes, 0)?, parties, book }))
    }

    /// Takes messages until `enough` says so, having been told how many came; then stops the writers and empties the channel.
    fn gather<const CHECKED: bool>(&mut self, mut enough: impl FnMut(&Clock, u64) -> bool) -> io::Result<Sample> {
        let (reader, lane, book) = (&mut self.reader, &mut self.lane, &mut self.book);
        let before = book.received.clone();
        book.ended = 0;
        let mut inside = Vec::new();
        let mut sample = self.parties.run(Extent::Open, CHECKED, |clock, limit| {
            let start = clock.start();
            let mut operations = 0;
            while !enough(clock, operations) {
                book.take::<CHECKED, _>(reader, lane)?;
                operations += 1;
            }
            let end = clock.end();
            inside.clone_from(&book.received);
            limit.store(0, Ordering::Relaxed);
            while book.ended < book.received.len() {
                book.take::<CHECKED, _>(reader, lane)?;
            }
            Ok(Span { start, end, ends_at_far: false, operations })
        })?;
        book.agrees_with(&before, &sample.per_party[1..])?;
        sample.shares = inside.iter().zip(&before).map(|(now, then)| now - then).collect();
        sample.covered = sample.per_party[1..].iter().sum();
        Ok(sample)
    }

    fn gather_for<const CHECKED: bool>(&mut self, duration: Duration, most: u64) -> io::Result<Sample> {
        let mut over = Pace::over(duration);
        self.gather::<CHECKED>(move |clock, done| done > 0 && (done >= most || over(clock, done)))
    }
}

impl<T: FanIn> Session for Gathering<T> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        self.gather::<false>(|_, done| done >= iterations)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.gather_for::<false>(duration, u64::MAX)
    }

    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let sample = self.gather_for::<true>(duration, iterations)?;
        Ok(Verified { operations: sample.operations, bytes: sample.operations * self.lane.back.len() as u64 })
    }

    fn notes(&self) -> Vec<String> {
        self.lane.notes()
    }
}

impl Book {
    /// The next message, entered under its writer.
    #[inline(always)]
    fn take<const CHECKED: bool, R: Receive>(&mut self, reader: &mut R, lane: &mut Lane) -> io::Result<()> {
        if CHECKED {
            lane.back.fill(0x5A);
        }
        reader.recv(&mut lane.back)?;
        let number = lane.number();
        let writer = (number >> WRITER_SHIFT) as usize;
        let Some(received) = self.received.get_mut(writer) else {
            return Err(Mismatch::error(format!("a message of writer {writer} came, who does not exist")));
        };
        let tag = (writer as u64) << WRITER_SHIFT;
        if number & LAST != 0 {
            self.ended += 1;
            return lane.confirm_as::<CHECKED>(tag | LAST | *received);
        }
        let expected = tag | *received;
        *received += 1;
        lane.confirm_as::<CHECKED>(expected)
    }

    /// Every message that a writer counted has come.
    fn agrees_with(&self, before: &[u64], sent: &[u64]) -> io::Result<()> {
        let received: Vec<u64> = self.received.iter().zip(before).map(|(now, then)| now - then).collect();
        if received == sent {
            return Ok(());
        }
        Err(Mismatch::error(format!("the writers sent {sent:?} messages, {received:?} came")))
    }
}

impl<T: FanIn> Writer<T> {
    fn write_until<const CHECKED: bool>(&mut self, limit: &AtomicU64) -> io::Result<u64> {
        let before = self.sent;
        // Relaxed: the reader goes on taking messages until it has seen the last one of each writer.
        while limit.load(Ordering::Relaxed) != 0 {
            self.lane.prepare_as::<CHECKED>(self.tag | self.sent);
            self.end.send(&self.lane.out)?;
            self.sent += 1;
        }
        self.lane.prepare_as::<CHECKED>(self.tag | LAST | self.sent);
        self.end.send(&self.lane.out)?;
        Ok(self.sent - before)
    }
}

impl<T: FanIn> Far for Writer<T> {
    fn serve(&mut self, limit: &AtomicU64, checked: bool) -> io::Result<u64> {
        if checked { self.write_until::<true>(limit) } else { self.write_until::<false>(limit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::transport_tests::{FLIPS_A_BYTE, Faulty, REPEATS_A_MESSAGE, SETUP};
    use crate::mechanism::Setup;

    fn session<T: FanIn>() -> Box<dyn Session> {
        let setup = Setup { parties: 4, ..SETUP };
        Gathering::<T>::open(&Stage { setup, near_cpus: Vec::new(), far_cpus: Vec::new() }, Clock::vdso()).unwrap()
    }

    fn mismatch<R: std::fmt::Debug>(result: io::Result<R>) -> String {
        let error = result.unwrap_err();
        assert!(error.get_ref().is_some_and(|inner| inner.is::<Mismatch>()), "{error}");
        error.to_string()
    }

    #[test]
    fn shares_are_what_each_writer_got_through_while_the_clock_ran() {
        let mut session = session::<Faulty<0>>();
        let sample = session.batch(3000).unwrap();
        assert_eq!(sample.shares.len(), 3);
        assert_eq!(sample.shares.iter().sum::<u64>(), 3000);
        assert!(sample.covered >= 3000, "{sample:?}");
        assert_eq!(session.verify(500, Duration::from_secs(5)).unwrap().operations, 500);
    }

    #[test]
    fn a_repeated_message_fails_a_timed_batch() {
        let mut session = session::<Faulty<REPEATS_A_MESSAGE>>();
        let error = mismatch(session.batch(100));
        assert!(error.contains("was expected"), "{error}");
        std::mem::forget(session);
    }

    #[test]
    fn a_changed_byte_fails_verification() {
        let mut session = session::<Faulty<FLIPS_A_BYTE>>();
        assert!(mismatch(session.verify(100, Duration::from_secs(5))).contains("byte 32 of 64"));
        std::mem::forget(session);
    }
}
