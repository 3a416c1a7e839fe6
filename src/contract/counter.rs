//! The contract of [`Counter`], clause by clause, as code that tries it on any implementation.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::Counter;
use crate::shapes::erased::{CounterHandle, counter_handles};

/// The clauses of every counter.
pub const fn counter<C: Counter>() -> &'static [Clause] {
    Table::<C>::CLAUSES
}

struct Table<C>(std::marker::PhantomData<C>);

impl<C: Counter> Table<C> {
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "no_addition_is_lost", check: |setup| none_lost(counter_handles::<C>, setup) },
        Clause { name: "a_total_has_what_was_added_before", check: |setup| has_before(counter_handles::<C>, setup) },
        Clause { name: "a_total_never_goes_back", check: |setup| never_back(counter_handles::<C>, setup) },
        Clause { name: "no_counter_is_left_by_name", check: |setup| no_name_left(counter_handles::<C>, setup) },
    ];
}

const MANY: usize = 4;
/// Each party's additions.
const ADDITIONS: u64 = 20_000;

/// How the handles come about.
type Make = fn(&Setup) -> io::Result<Vec<Box<dyn CounterHandle>>>;
type Handles = Vec<Box<dyn CounterHandle>>;

fn handles(make: Make, setup: &Setup) -> io::Result<Handles> {
    let handles = make(&Setup { parties: MANY, ..*setup })?;
    if handles.len() == MANY { Ok(handles) } else { Err(io::Error::other("there is not one handle for each party")) }
}

/// Lets all of them add, each in a thread, while `meanwhile` runs here with how many are still at it.
fn add_all<R>(handles: Handles, meanwhile: impl FnOnce(&AtomicUsize) -> io::Result<R>) -> io::Result<(Handles, R)> {
    let busy = AtomicUsize::new(handles.len());
    std::thread::scope(|scope| {
        let work = |mut handle: Box<dyn CounterHandle>| {
            let busy = &busy;
            scope.spawn(move || {
                let added = (0..ADDITIONS).try_for_each(|_| handle.add());
                // Relaxed: whoever wants what was added joins the thread.
                busy.fetch_sub(1, Ordering::Relaxed);
                added.map(|()| handle)
            })
        };
        let threads: Vec<_> = handles.into_iter().map(work).collect();
        let result = meanwhile(&busy)?;
        let joined = threads.into_iter().map(|t| t.join().map_err(|_| io::Error::other("a party panicked"))?);
        Ok((joined.collect::<io::Result<_>>()?, result))
    })
}

fn none_lost(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let (mut handles, ()) = add_all(handles(make, setup)?, |_| Ok(()))?;
    let made = MANY as u64 * ADDITIONS;
    for handle in &mut handles {
        match handle.total()? {
            total if total == made => {}
            total => return broken(format!("of {made} additions {total} were counted")),
        }
    }
    Ok(Verdict::Kept)
}

/// One party adds in a thread of its own; that it has ended says so.
fn has_before(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let mut handles = handles(make, setup)?;
    for made in 1..=100 {
        let at = made as usize % MANY;
        let adding = std::thread::scope(|scope| scope.spawn(|| handles[at].add()).join());
        adding.map_err(|_| io::Error::other("a party panicked"))??;
        let total = handles[(at + 1) % MANY].total()?;
        if total != made {
            return broken(format!("{made} were added, and another party counts {total}"));
        }
    }
    Ok(Verdict::Kept)
}

fn never_back(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let mut handles = handles(make, setup)?;
    let Some(mut own) = handles.pop() else { return broken("no handles") };
    let watch = |busy: &AtomicUsize| {
        let (mut before, mut fall) = (0, None);
        while busy.load(Ordering::Relaxed) > 0 {
            let total = own.total()?;
            if total < before {
                fall = Some((before, total));
            }
            before = total;
        }
        Ok(fall)
    };
    match add_all(handles, watch)?.1 {
        Some((before, after)) => broken(format!("the total went from {before} to {after}")),
        None => Ok(Verdict::Kept),
    }
}

fn no_name_left(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let _handles = handles(make, setup)?;
    super::no_name_is_left()
}
