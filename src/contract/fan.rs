//! The contract of [`FanIn`] and [`FanOut`], as code that tries it on any implementation.

use std::io;
use std::sync::{Barrier, Mutex};

use super::broken;
use crate::mechanism::{Clause, Setup, Support, Verdict};
use crate::shapes::erased::{End, Ends, fan_in_ends, fan_out_ends};
use crate::shapes::{FanIn, FanOut, Receive};
use crate::workloads::payload;

/// The clause of every channel with several writers.
pub const fn fan_in<T: FanIn>() -> &'static [Clause] {
    InTable::<T>::CLAUSES
}

/// The clause of every channel with several readers.
pub const fn fan_out<T: FanOut>() -> &'static [Clause] {
    OutTable::<T>::CLAUSES
}

struct InTable<T>(std::marker::PhantomData<T>);
struct OutTable<T>(std::marker::PhantomData<T>);

impl<T: FanIn> InTable<T> {
    const CLAUSES: &'static [Clause] = &[Clause {
        name: "several_writers_reach_one_reader",
        check: |setup| several_writers(setup, T::supports_fan_in, fan_in_ends::<T>),
    }];
}

impl<T: FanOut> OutTable<T> {
    const CLAUSES: &'static [Clause] = &[Clause {
        name: "each_message_reaches_one_of_several_readers",
        check: |setup| several_readers(setup, T::supports_fan_out, fan_out_ends::<T>),
    }];
}

/// How many are at the end that has several.
const MANY: usize = 3;
/// Messages of each writer, or for all readers together.
const MESSAGES: u64 = 300;
/// A message that says that there are no more; no other has this number.
const LAST: u64 = 1 << 40;

fn number_of(message: &[u8]) -> u64 {
    message.first_chunk().map_or(0, |head| u64::from_le_bytes(*head))
}

fn is_message(message: &[u8], number: u64) -> bool {
    let mut expected = vec![0; message.len()];
    payload::fill(&mut expected, number);
    message == expected
}

fn several_writers(
    setup: &Setup,
    supports: fn(&Setup) -> Support,
    ends: fn(&Setup) -> io::Result<Ends<dyn Receive>>,
) -> io::Result<Verdict> {
    let setup = Setup { parties: MANY + 1, ..*setup };
    if let Support::Missing(_) = supports(&setup) {
        return Ok(Verdict::NotPromised("it does not take messages of this size from several writers"));
    }
    let (mut reader, writers) = ends(&setup)?;
    let all_settled = Barrier::new(MANY + 1);
    std::thread::scope(|scope| {
        let all_settled = &all_settled;
        let write = |(writer, mut end): (u64, Box<dyn End>)| {
            scope.spawn(move || {
                let done = end.settle();
                all_settled.wait();
                done?;
                let mut message = vec![0; setup.payload_bytes];
                (0..MESSAGES).try_for_each(|n| {
                    payload::fill(&mut message, writer * MESSAGES + n);
                    end.send(&message)
                })?;
                // Kept until the reader is done: an end that is gone may take its last messages with it.
                Ok::<_, io::Error>(end)
            })
        };
        let threads: Vec<_> = (0..).zip(writers).map(write).collect();
        let done = reader.settle();
        all_settled.wait();
        done?;
        let mut next: Vec<u64> = (0..MANY as u64).map(|writer| writer * MESSAGES).collect();
        let mut message = vec![0; setup.payload_bytes];
        for _ in 0..MESSAGES * MANY as u64 {
            reader.recv(&mut message)?;
            let number = number_of(&message);
            match next.get_mut((number / MESSAGES) as usize) {
                Some(next) if *next == number && is_message(&message, number) => *next += 1,
                _ => return broken(format!("message {number} came out of turn or changed; expected one of {next:?}")),
            }
        }
        threads.into_iter().try_for_each(|thread| {
            thread.join().map_or_else(|_| Err(io::Error::other("a writer panicked")), |sent| sent.map(drop))
        })?;
        Ok(Verdict::Kept)
    })
}

fn several_readers(
    setup: &Setup,
    supports: fn(&Setup) -> Support,
    ends: fn(&Setup) -> io::Result<Ends<dyn End>>,
) -> io::Result<Verdict> {
    let setup = Setup { parties: MANY + 1, ..*setup };
    if let Support::Missing(_) = supports(&setup) {
        return Ok(Verdict::NotPromised("it does not give messages of this size to several readers"));
    }
    let (mut writer, readers) = ends(&setup)?;
    let seen = Mutex::new(Vec::new());
    let all_settled = Barrier::new(MANY + 1);
    let out_of_turn = std::thread::scope(|scope| {
        let read = |mut end: Box<dyn End>| {
            let (seen, all_settled) = (&seen, &all_settled);
            scope.spawn(move || {
                let done = end.settle();
                all_settled.wait();
                done?;
                let (mut message, mut numbers) = (vec![0; setup.payload_bytes], Vec::new());
                loop {
                    end.recv(&mut message)?;
                    let number = number_of(&message);
                    if number == LAST {
                        let ascending = numbers.is_sorted();
                        seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).append(&mut numbers);
                        return Ok::<bool, io::Error>(ascending);
                    }
                    if !is_message(&message, number) {
                        return Ok(false);
                    }
                    numbers.push(number);
                }
            })
        };
        let threads: Vec<_> = readers.into_iter().map(read).collect();
        let done = writer.settle();
        all_settled.wait();
        done?;
        let mut message = vec![0; setup.payload_bytes];
        for number in (0..MESSAGES).chain([LAST; MANY]) {
            payload::fill(&mut message, number);
            writer.send(&message)?;
        }
        let mut wrong = 0;
        for thread in threads {
            let ascending = thread.join().map_err(|_| io::Error::other("a reader panicked"))??;
            wrong += usize::from(!ascending);
        }
        Ok::<usize, io::Error>(wrong)
    })?;
    let mut seen = seen.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    seen.sort_unstable();
    match seen.iter().copied().eq(0..MESSAGES) {
        _ if out_of_turn > 0 => broken(format!("{out_of_turn} readers got messages out of order, or changed ones")),
        true => Ok(Verdict::Kept),
        false => broken(format!("of {MESSAGES} messages {} came, or not each of them once", seen.len())),
    }
}
