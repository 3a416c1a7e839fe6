//! The contract of [`RwLock`], clause by clause, as code that tries it on any implementation.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::erased::{RwHandle, rw_handles};
use crate::shapes::{RwLock, Torn};

/// The clauses of everything that readers and writers share data by.
pub const fn rw_lock<L: RwLock>() -> &'static [Clause] {
    Table::<L>::CLAUSES
}

struct Table<L>(std::marker::PhantomData<L>);

impl<L: RwLock> Table<L> {
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "readers_see_no_half_written_data", check: |setup| nothing_half(rw_handles::<L>, setup) },
        Clause { name: "what_a_reader_sees_stays_as_it_is", check: |setup| stays(rw_handles::<L>, setup) },
        Clause {
            name: "a_reader_waits_for_a_writer_or_sees_what_was_before",
            check: |setup| waits_or_sees_before(rw_handles::<L>, setup),
        },
        Clause { name: "at_most_one_writes", check: |setup| at_most_one(rw_handles::<L>, setup) },
        Clause { name: "a_read_after_a_write_sees_it", check: |setup| sees_it(rw_handles::<L>, setup) },
        Clause {
            name: "several_readers_are_inside_at_once",
            check: |setup| match L::READERS_SHARE {
                true => several_inside(rw_handles::<L>, setup),
                false => Ok(Verdict::NotPromised("it lets one party in at a time")),
            },
        },
        Clause { name: "nothing_is_left_by_name", check: |setup| nothing_left(rw_handles::<L>, setup) },
    ];
}

const MANY: usize = 4;
/// Each party's turns.
const TURNS: u64 = 500;
/// Long enough for a party that does not wait to be caught at it.
const UNDISTURBED: Duration = Duration::from_millis(20);
/// How long a reader waits for another to come in.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the handles come about.
type Make = fn(&Setup) -> io::Result<Vec<Box<dyn RwHandle>>>;

fn handles(make: Make, setup: &Setup, parties: usize) -> io::Result<Vec<Box<dyn RwHandle>>> {
    let handles = make(&Setup { parties, ..*setup })?;
    if handles.len() == parties { Ok(handles) } else { Err(io::Error::other("there is not one handle for each party")) }
}

/// Lets each of many parties take turns, each with its number; what the first says that is broken counts.
fn many(
    make: Make,
    setup: &Setup,
    parties: usize,
    turn: impl Fn(&mut dyn RwHandle, u64) -> io::Result<Option<String>> + Sync,
) -> io::Result<Verdict> {
    let handles = handles(make, setup, parties)?;
    std::thread::scope(|scope| {
        let work = |mut handle: Box<dyn RwHandle>| {
            let turn = &turn;
            scope.spawn(move || {
                handle.settle()?;
                let mut seen = None;
                for number in 0..TURNS {
                    seen = seen.or(turn(&mut *handle, number)?);
                }
                Ok::<_, io::Error>((seen, handle))
            })
        };
        let threads: Vec<_> = handles.into_iter().map(work).collect();
        let mut verdict = Verdict::Kept;
        for thread in threads {
            let (seen, _handle) = thread.join().map_err(|_| io::Error::other("a party panicked"))??;
            verdict = seen.map_or(verdict, Verdict::Broken);
        }
        Ok(verdict)
    })
}

/// `first` and `second` at the same time, each with a handle of its own.
fn two<A: Send, B: Send>(
    make: Make,
    setup: &Setup,
    first: impl FnOnce(&mut dyn RwHandle) -> io::Result<A> + Send,
    second: impl FnOnce(&mut dyn RwHandle) -> io::Result<B> + Send,
) -> io::Result<(A, B)> {
    let mut handles = handles(make, setup, 2)?.into_iter();
    let (Some(mut one), Some(mut other)) = (handles.next(), handles.next()) else {
        return Err(io::Error::other("no handles"));
    };
    std::thread::scope(|scope| {
        let there = scope.spawn(|| {
            other.settle()?;
            second(&mut *other)
        });
        one.settle()?;
        let here = first(&mut *one)?;
        Ok((here, there.join().map_err(|_| io::Error::other("a party panicked"))??))
    })
}

/// Gives up its CPU until the flag is set.
fn await_flag(flag: &AtomicBool) {
    // Acquire: pairs with the Release of who sets it.
    while !flag.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
}

fn nothing_half(make: Make, setup: &Setup) -> io::Result<Verdict> {
    many(make, setup, MANY, |handle, number| {
        if number % 2 == 0 {
            handle.write(&mut |words| words.change(std::thread::yield_now))?;
            return Ok(None);
        }
        let mut seen = Ok(0);
        handle.read(&mut |words| seen = words.look(std::thread::yield_now))?;
        Ok(seen.err().map(|Torn(one, other)| format!("a reader saw {one} beside {other}")))
    })
}

fn stays(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let is_inside = AtomicBool::new(false);
    let read = |reader: &mut dyn RwHandle| {
        let mut seen = (0, 0);
        reader.read(&mut |words| {
            let before = words.first();
            // Release: pairs with the Acquire of the writer. Whoever looks again need not wait again.
            if !is_inside.swap(true, Ordering::Release) {
                ipcmark_harness::sys::sleep(UNDISTURBED);
            }
            seen = (before, words.first());
        })?;
        Ok(seen)
    };
    let write = |writer: &mut dyn RwHandle| {
        await_flag(&is_inside);
        writer.write(&mut |words| words.change(|| ()))
    };
    match two(make, setup, read, write)?.0 {
        (before, after) if before == after => Ok(Verdict::Kept),
        (before, after) => broken(format!("the data went from {before} to {after} while a reader looked")),
    }
}

fn waits_or_sees_before(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let is_half = AtomicBool::new(false);
    let write = |writer: &mut dyn RwHandle| {
        writer.write(&mut |words| {
            words.change(|| {
                // Release: pairs with the Acquire of the reader.
                is_half.store(true, Ordering::Release);
                ipcmark_harness::sys::sleep(UNDISTURBED);
            });
        })
    };
    let read = |reader: &mut dyn RwHandle| {
        await_flag(&is_half);
        let mut seen = Ok(0);
        reader.read(&mut |words| seen = words.look(|| ()))?;
        Ok(seen)
    };
    match two(make, setup, write, read)?.1 {
        Ok(0 | 1) => Ok(Verdict::Kept),
        Ok(other) => broken(format!("one write made {other} of 0")),
        Err(Torn(one, other)) => broken(format!("a reader came in between: it saw {one} beside {other}")),
    }
}

fn at_most_one(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let inside = AtomicU64::new(0);
    many(make, setup, MANY, |handle, _| {
        let mut others = 0;
        handle.write(&mut |_| {
            // Relaxed: it is the lock that must keep the others out.
            others = inside.fetch_add(1, Ordering::Relaxed);
            std::thread::yield_now();
            inside.fetch_sub(1, Ordering::Relaxed);
        })?;
        Ok((others > 0).then(|| format!("{} parties wrote at once", others + 1)))
    })
}

fn sees_it(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let ((tell, told), (answer, answered)) = (mpsc::channel(), mpsc::channel());
    let write = move |writer: &mut dyn RwHandle| {
        for number in 1..=TURNS {
            writer.write(&mut |words| words.change(|| ()))?;
            if tell.send(number).is_err() || answered.recv().is_err() {
                break;
            }
        }
        Ok(())
    };
    let read = move |reader: &mut dyn RwHandle| {
        while let Ok(number) = told.recv() {
            let mut seen = Ok(0);
            reader.read(&mut |words| seen = words.look(|| ()))?;
            if seen != Ok(number) {
                return Ok(Verdict::Broken(format!("after write {number} a reader saw {seen:?}")));
            }
            let _ = answer.send(());
        }
        Ok(Verdict::Kept)
    };
    Ok(two(make, setup, write, read)?.1)
}

fn several_inside(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let inside = AtomicU64::new(0);
    let read = |reader: &mut dyn RwHandle| {
        let mut met = false;
        reader.read(&mut |_| {
            // Relaxed: only the number matters.
            inside.fetch_add(1, Ordering::Relaxed);
            let begin = Instant::now();
            while inside.load(Ordering::Relaxed) < 2 && begin.elapsed() < PATIENCE {
                std::thread::yield_now();
            }
            met = inside.load(Ordering::Relaxed) >= 2 && begin.elapsed() < PATIENCE;
        })?;
        Ok(met)
    };
    match two(make, setup, read, read)? {
        (true, true) => Ok(Verdict::Kept),
        _ => broken("a second reader was kept out while the first was inside"),
    }
}

fn nothing_left(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let mut handles = handles(make, setup, 2)?;
    handles.iter_mut().try_for_each(|handle| handle.settle())?;
    super::no_name_is_left()
}
