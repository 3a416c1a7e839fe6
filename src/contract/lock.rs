//! The contract of [`Lock`], clause by clause, as code that tries it on any implementation.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::broken;
use super::lock_death::killed_holder;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::Lock;
use crate::shapes::erased::{Handle, lock_handles};

/// The clauses of every lock.
pub const fn lock<L: Lock>() -> &'static [Clause] {
    Table::<L>::CLAUSES
}

struct Table<L>(std::marker::PhantomData<L>);

impl<L: Lock> Table<L> {
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "at_most_one_holds_it", check: |setup| between_threads::<L>(at_most_one, setup) },
        Clause {
            name: "what_one_holder_wrote_the_next_one_sees",
            check: |setup| between_threads::<L>(next_one_sees, setup),
        },
        Clause { name: "a_release_lets_a_waiter_in", check: |setup| between_threads::<L>(release, setup) },
        Clause {
            name: "a_killed_holder_leaves_it_as_told",
            check: |setup| killed_holder(lock_handles::<L>, L::AFTER_DEATH, setup),
        },
        Clause { name: "no_lock_is_left_by_name", check: |setup| no_name_left(lock_handles::<L>, setup) },
    ];
}

const MANY: usize = 4;
/// Each party's holds, unless they take too long.
const HOLDS: u64 = 500;
/// Then so many: where waiters poll first come first served and share CPUs, each hand-over waits for the scheduler's tick.
const FEWEST_HOLDS: u64 = 10;
const LONG: Duration = Duration::from_secs(1);
/// Long enough for a party that does not wait to be caught at it.
const UNDISTURBED: Duration = Duration::from_millis(20);

/// A clause that all parties try as threads of this process.
fn between_threads<L: Lock>(check: fn(Make, &Setup) -> io::Result<Verdict>, setup: &Setup) -> io::Result<Verdict> {
    if L::BETWEEN_THREADS {
        return check(lock_handles::<L>, setup);
    }
    Ok(Verdict::NotPromised("it keeps out other processes, and not the threads of its holder"))
}

/// How the handles come about.
pub(super) type Make = fn(&Setup) -> io::Result<Vec<Box<dyn Handle>>>;

pub(super) fn handles(make: Make, setup: &Setup, parties: usize) -> io::Result<Vec<Box<dyn Handle>>> {
    let handles = make(&Setup { parties, ..*setup })?;
    if handles.len() == parties { Ok(handles) } else { Err(io::Error::other("there is not one handle for each party")) }
}

fn many(make: Make, setup: &Setup, hold: impl Fn() -> Option<String> + Sync) -> io::Result<(Verdict, u64)> {
    in_each(handles(make, setup, MANY)?, HOLDS, hold)
}

/// Runs `hold` in a party for each handle, inside, up to so often; the last of what they saw counts. Returns also how often it
/// ran.
pub(super) fn in_each(
    handles: Vec<Box<dyn Handle>>,
    holds: u64,
    hold: impl Fn() -> Option<String> + Sync,
) -> io::Result<(Verdict, u64)> {
    std::thread::scope(|scope| {
        let work = |mut handle: Box<dyn Handle>| {
            let hold = &hold;
            scope.spawn(move || {
                handle.settle()?;
                let (mut seen, mut held, start) = (None, 0, Instant::now());
                while held < holds && (held < FEWEST_HOLDS || start.elapsed() < LONG) {
                    handle.hold(&mut || seen = seen.take().or(hold()))?;
                    held += 1;
                }
                // Kept until all are done: it may have brought what the others wait for.
                Ok::<_, io::Error>((seen, held, handle))
            })
        };
        let threads: Vec<_> = handles.into_iter().map(work).collect();
        let (mut verdict, mut holds) = (Verdict::Kept, 0);
        for thread in threads {
            let (seen, held, _handle) = thread.join().map_err(|_| io::Error::other("a party panicked"))??;
            verdict = seen.map_or(verdict, Verdict::Broken);
            holds += held;
        }
        Ok((verdict, holds))
    })
}

fn at_most_one(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let inside = AtomicU64::new(0);
    many(make, setup, || {
        // Relaxed: it is the lock that must keep the others out.
        let others = inside.fetch_add(1, Ordering::Relaxed);
        std::thread::yield_now();
        inside.fetch_sub(1, Ordering::Relaxed);
        (others > 0).then(|| format!("{} parties held it at once", others + 1))
    })
    .map(|(verdict, _)| verdict)
}

fn next_one_sees(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let words: Vec<AtomicU64> = (0..64).map(|_| AtomicU64::new(0)).collect();
    let (verdict, made) = many(make, setup, || {
        let first = words[0].load(Ordering::Relaxed);
        let torn = words.iter().any(|word| word.load(Ordering::Relaxed) != first);
        words.iter().for_each(|word| word.store(first + 1, Ordering::Relaxed));
        torn.then(|| "a holder saw half of what another wrote".to_owned())
    })?;
    let counted = words[0].load(Ordering::Relaxed);
    match verdict {
        Verdict::Kept if made != counted => broken(format!("of {made} changes {counted} are left")),
        verdict => Ok(verdict),
    }
}

fn release(make: Make, setup: &Setup) -> io::Result<Verdict> {
    lets_a_waiter_in(handles(make, setup, 2)?)
}

/// Whether who comes while the first of two handles is held is inside after it, and not before.
pub(super) fn lets_a_waiter_in(mut handles: Vec<Box<dyn Handle>>) -> io::Result<Verdict> {
    let (Some(mut waiter), Some(mut holder)) = (handles.pop(), handles.pop()) else { return broken("no handles") };
    let (is_held, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            waiter.settle()?;
            // Acquire: pairs with the Release of the holder.
            while !is_held.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            let mut saw_it_over = false;
            waiter.hold(&mut || saw_it_over = is_over.load(Ordering::Relaxed))?;
            Ok::<_, io::Error>(saw_it_over)
        });
        holder.settle()?;
        holder.hold(&mut || {
            is_held.store(true, Ordering::Release);
            ipcmark_harness::sys::sleep(UNDISTURBED);
            is_over.store(true, Ordering::Relaxed);
        })?;
        match waiting.join().map_err(|_| io::Error::other("the waiter panicked"))?? {
            true => Ok(Verdict::Kept),
            false => broken("a second party had it while it was held"),
        }
    })
}

fn no_name_left(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let mut handles = handles(make, setup, 2)?;
    handles.iter_mut().try_for_each(|handle| handle.settle())?;
    super::no_name_is_left()
}
