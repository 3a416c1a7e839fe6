//! The contract of [`Permits`], clause by clause, as code that tries it on any implementation.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::lock::{in_each, lets_a_waiter_in};
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
const VISITS: u64 = 500;
/// Who is not inside by then is kept out.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the handles come about.
type Make = fn(&Setup, usize) -> io::Result<Vec<Box<dyn Handle>>>;

fn handles(make: Make, setup: &Setup, parties: usize, permits: usize) -> io::Result<Vec<Box<dyn Handle>>> {
    let handles = make(&Setup { parties, ..*setup }, permits)?;
    if handles.len() == parties { Ok(handles) } else { Err(io::Error::other("there is not one handle for each party")) }
}

fn no_more(make: Make, setup: &Setup) -> io::Result<Verdict> {
    for permits in 1..MANY {
        let inside = AtomicUsize::new(0);
        let (verdict, _) = in_each(handles(make, setup, MANY, permits)?, VISITS, || {
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
    let (verdict, _) = in_each(handles(make, setup, MANY, MANY)?, 1, || {
        inside.fetch_add(1, Ordering::Relaxed);
        let deadline = Instant::now() + PATIENCE;
        while inside.load(Ordering::Relaxed) < MANY && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let seen = inside.load(Ordering::Relaxed);
        (seen < MANY).then(|| format!("with {MANY} permits only {seen} came in"))
    })?;
    Ok(verdict)
}

fn given_back(make: Make, setup: &Setup) -> io::Result<Verdict> {
    lets_a_waiter_in(handles(make, setup, 2, 1)?)
}

fn no_name_left(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let mut handles = handles(make, setup, 2, 1)?;
    handles.iter_mut().try_for_each(|handle| handle.settle())?;
    super::no_name_is_left()
}
