//! The contract of [`Permits`], clause by clause, as code that tries it on any implementation.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::Permits;
use crate::shapes::erased::{Handle, permit_handles};

/// The clauses of every semaphore.
pub const fn permits<P: Permits>() -> &'static [Clause] {
    Table::<P>::CLAUSES
}

struct Table<P>(std::marker::PhantomData<P>);

impl<P: Permits> Table<P> {
    const CLAUSES: &'static [Clause] = &[
        Clause {
            name: "no_more_are_inside_than_there_are_permits",
            check: |setup| no_more(permit_handles::<P>, setup),
        },
        Clause { name: "as_many_are_inside_as_there_are_permits", check: |setup| as_many(permit_handles::<P>, setup) },
        Clause { name: "a_permit_given_back_lets_a_waiter_in", check: |setup| given_back(permit_handles::<P>, setup) },
        Clause { name: "no_permit_is_left_by_name", check: |setup| no_name_left(permit_handles::<P>, setup) },
    ];
}

const MANY: usize = 4;
/// How often each party goes in.
const VISITS: usize = 500;
/// Long enough for a party that does not wait to be caught at it.
const UNDISTURBED: Duration = Duration::from_millis(20);
/// Who is not inside by then is kept out.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the handles come about.
type Make = fn(&Setup, usize) -> io::Result<Vec<Box<dyn Handle>>>;

fn handles(make: Make, setup: &Setup, parties: usize, permits: usize) -> io::Result<Vec<Box<dyn Handle>>> {
    let handles = make(&Setup { parties, ..*setup }, permits)?;
    if handles.len() == parties { Ok(handles) } else { Err(io::Error::other("there is not one handle for each party")) }
}

/// Runs `visit` in each of so many parties, inside, so often; the first verdict that is not `Kept` counts.
fn many(
    handles: Vec<Box<dyn Handle>>,
    visits: usize,
    visit: impl Fn() -> Option<String> + Sync,
) -> io::Result<Verdict> {
    std::thread::scope(|scope| {
        let work = |mut handle: Box<dyn Handle>| {
            let visit = &visit;
            scope.spawn(move || {
                handle.settle()?;
                let mut seen = None;
                for _ in 0..visits {
                    handle.hold(&mut || seen = seen.take().or(visit()))?;
                }
                // Kept until all are done: it may have brought what the others wait for.
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

fn no_more(make: Make, setup: &Setup) -> io::Result<Verdict> {
    for permits in 1..MANY {
        let inside = AtomicUsize::new(0);
        let verdict = many(handles(make, setup, MANY, permits)?, VISITS, || {
            // Relaxed: it is the semaphore that must keep the others out.
            let others = inside.fetch_add(1, Ordering::Relaxed);
            std::thread::yield_now();
            inside.fetch_sub(1, Ordering::Relaxed);
            (others >= permits).then(|| format!("with {permits} permits {} were inside at once", others + 1))
        })?;
        if verdict != Verdict::Kept {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Kept)
}

/// Each stays inside until all are.
fn as_many(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let inside = AtomicUsize::new(0);
    many(handles(make, setup, MANY, MANY)?, 1, || {
        inside.fetch_add(1, Ordering::Relaxed);
        let deadline = Instant::now() + PATIENCE;
        while inside.load(Ordering::Relaxed) < MANY && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let seen = inside.load(Ordering::Relaxed);
        (seen < MANY).then(|| format!("with {MANY} permits only {seen} came in"))
    })
}

fn given_back(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let mut handles = handles(make, setup, 2, 1)?;
    let (Some(mut waiter), Some(mut holder)) = (handles.pop(), handles.pop()) else { return broken("no handles") };
    let (is_held, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            waiter.settle()?;
            // Acquire: pairs with the Release of the holder.
            while !is_held.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            let mut was_over = false;
            waiter.hold(&mut || was_over = is_over.load(Ordering::Relaxed))?;
            Ok::<_, io::Error>(was_over)
        });
        holder.settle()?;
        holder.hold(&mut || {
            is_held.store(true, Ordering::Release);
            std::thread::sleep(UNDISTURBED);
            is_over.store(true, Ordering::Relaxed);
        })?;
        match waiting.join().map_err(|_| io::Error::other("the waiter panicked"))?? {
            true => Ok(Verdict::Kept),
            false => broken("a second party came in although the only permit was taken"),
        }
    })
}

fn no_name_left(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let mut handles = handles(make, setup, 2, 1)?;
    handles.iter_mut().try_for_each(|handle| handle.settle())?;
    super::no_name_is_left()
}
