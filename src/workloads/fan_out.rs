//! `fan-out`: one writer, N readers of the same channel; each message reaches one of them.
//!
//! A batch ends with one last message for each reader: a reader that has got one takes no more. Each reader checks that the
//! numbers it gets go up; the sum of all numbers shows that together they got each message once.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::fan_in::{PARTIES, PAYLOAD_BYTES};
use super::pace::Pace;
use super::payload::Lane;
use crate::mechanism::{Axes, Rank, Stage, Workload};
use crate::shapes::FanOut;

pub(super) const fn workload<T: FanOut>() -> Workload {
    Workload {
        name: "fan-out",
        summary: "one writer, several readers; one operation is one message, which reaches one of them",
        waitings: T::WAITINGS,
        times_each: false,
        windows_of: None,
        carries_payload: true,
        rank: Rank::Common,
        axes: Axes { payload_bytes: PAYLOAD_BYTES, parties: PARTIES, ..Axes::PAIR },
        supports: T::supports_fan_out,
        open: Spreading::<T>::open,
    }
}

const LAST: u64 = 1 << 63;
/// The most readers of any setup.
const MAX_READERS: usize = 8;

struct Spreading<T> {
    writer: T,
    lane: Lane,
    parties: Parties,
    readers: usize,
    sums: Shared<Sums>,
}

/// The sum of the numbers that each reader got, over all batches; a wrapping one.
struct Sums([AtomicU64; MAX_READERS]);

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Sums {}

struct Reader<T> {
    end: T,
    lane: Lane,
    place: usize,
    /// The least number that may come next.
    next: u64,
    sums: Shared<Sums>,
}

impl<T: FanOut> Spreading<T> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let setup = stage.setup;
        let mut parties = Parties::new(clock, &stage.near_cpus)?;
        let sums = Shared::<Sums>::zeroed()?;
        let (mut writer, mut readers) = T::fan_out(&setup)?;
        let count = readers.len();
        for place in 0..count {
            let mut end = readers.remove(0);
            let sums = sums.clone();
            let far = move || {
                end.settle()?;
                Ok(Reader { end, lane: Lane::new(setup.payload_bytes, 0)?, place, next: 0, sums })
            };
            // A forked reader drops its copies of the writer and of the readers that are still to come.
            (writer, readers) = parties.start(setup.peer, stage.cpus_of_peer(place), (writer, readers), far)?;
        }
        writer.settle()?;
        let lane = Lane::new(setup.payload_bytes, T::lends(&setup))?;
        Ok(Box::new(Spreading { writer, lane, parties, readers: count, sums }))
    }

    /// Sends until `enough` says so, having been told how many went; then lets the readers go.
    fn spread<const CHECKED: bool>(&mut self, mut enough: impl FnMut(&Clock, u64) -> bool) -> io::Result<Sample> {
        let first = self.lane.next;
        let before = self.sums.total();
        let (writer, lane, readers) = (&mut self.writer, &mut self.lane, self.readers);
        let mut sample = self.parties.run(Extent::Open, CHECKED, |clock, _| {
            let start = clock.start();
            let mut operations = 0;
            while !enough(clock, operations) {
                lane.prepare::<CHECKED>();
                writer.send(&lane.out)?;
                lane.next += 1;
                operations += 1;
            }
            for _ in 0..readers {
                lane.prepare_as::<CHECKED>(LAST);
                writer.send(&lane.out)?;
            }
            Ok(Span { start, end: clock.end(), ends_at_far: true, operations })
        })?;
        let sent = (first..self.lane.next).fold(0, u64::wrapping_add);
        let received = self.sums.total().wrapping_sub(before);
        sample.shares = sample.per_party[1..].to_vec();
        if sample.shares.iter().sum::<u64>() != sample.operations || received != sent {
            let why = format!("{} messages were sent, the readers counted {:?}", sample.operations, sample.shares);
            return Err(Mismatch::error(why));
        }
        Ok(sample)
    }

    fn spread_for<const CHECKED: bool>(&mut self, duration: Duration, most: u64) -> io::Result<Sample> {
        let mut over = Pace::over(duration);
        self.spread::<CHECKED>(move |clock, done| done > 0 && (done >= most || over(clock, done)))
    }
}

impl<T: FanOut> Session for Spreading<T> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        self.spread::<false>(|_, done| done >= iterations)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.spread_for::<false>(duration, u64::MAX)
    }

    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let sample = self.spread_for::<true>(duration, iterations)?;
        Ok(Verified { operations: sample.operations, bytes: sample.operations * self.lane.out.len() as u64 })
    }

    fn notes(&self) -> Vec<String> {
        self.lane.notes()
    }
}

impl Sums {
    fn total(&self) -> u64 {
        // Relaxed: read while all readers wait at the gate, which orders it.
        self.0.iter().map(|sum| sum.load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }
}

impl<T: FanOut> Reader<T> {
    fn read_until_last<const CHECKED: bool>(&mut self) -> io::Result<u64> {
        let (mut count, mut sum) = (0, 0_u64);
        loop {
            if CHECKED {
                self.lane.back.fill(0x5A);
            }
            self.end.recv(&mut self.lane.back)?;
            let number = self.lane.number();
            if number == LAST {
                self.sums.0[self.place].fetch_add(sum, Ordering::Relaxed);
                return Ok(count);
            }
            if number < self.next {
                let why = format!("message {number} came to a reader that had got message {} before", self.next - 1);
                return Err(Mismatch::error(why));
            }
            self.lane.confirm_as::<CHECKED>(number)?;
            (self.next, count, sum) = (number + 1, count + 1, sum.wrapping_add(number));
        }
    }
}

impl<T: FanOut> Far for Reader<T> {
    fn serve(&mut self, _: &AtomicU64, checked: bool) -> io::Result<u64> {
        if checked { self.read_until_last::<true>() } else { self.read_until_last::<false>() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::transport_tests::{FLIPS_A_BYTE, Faulty, REPEATS_A_MESSAGE, SETUP};
    use crate::mechanism::Setup;

    fn session<T: FanOut>() -> Box<dyn Session> {
        let setup = Setup { parties: 4, ..SETUP };
        Spreading::<T>::open(&Stage { setup, near_cpus: Vec::new(), far_cpus: Vec::new() }, Clock::vdso()).unwrap()
    }

    #[test]
    fn the_readers_together_get_each_message_once() {
        let mut session = session::<Faulty<0>>();
        let sample = session.batch(3000).unwrap();
        assert_eq!((sample.shares.len(), sample.shares.iter().sum::<u64>()), (3, 3000));
        assert_eq!(session.verify(500, Duration::from_secs(5)).unwrap().operations, 500);
    }

    /// The failure of a reader in a thread ends the worker, so it is asked itself here.
    fn read<const FAULT: u8>(checked: bool) -> io::Result<u64> {
        let (mut writer, mut readers) = <Faulty<FAULT>>::fan_out(&SETUP)?;
        let mut lane = Lane::new(SETUP.payload_bytes, 0)?;
        for number in (0..20).chain([LAST]) {
            lane.prepare_as::<true>(number);
            crate::shapes::Transport::send(&mut writer, &lane.out)?;
        }
        let lane = Lane::new(SETUP.payload_bytes, 0)?;
        let mut reader = Reader { end: readers.remove(0), lane, place: 0, next: 0, sums: Shared::zeroed()? };
        reader.serve(&AtomicU64::new(0), checked)
    }

    #[test]
    fn a_repeated_message_fails_a_timed_batch() {
        assert_eq!(read::<0>(false).unwrap(), 20);
        let error = read::<REPEATS_A_MESSAGE>(false).unwrap_err().to_string();
        assert!(error.contains("message 3 came to a reader that had got message 3 before"), "{error}");
    }

    #[test]
    fn a_changed_byte_fails_verification() {
        assert_eq!(read::<0>(true).unwrap(), 20);
        assert!(read::<FLIPS_A_BYTE>(true).unwrap_err().to_string().contains("byte 32 of 64"));
    }
}
