//! The contract of [`Once`], clause by clause, as code that tries it on any implementation.

use std::io;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::{Once, Whole};

/// The clauses of every value that is made once.
pub const fn once<O: Once>() -> &'static [Clause] {
    Table::<O>::CLAUSES
}

struct Table<O>(std::marker::PhantomData<O>);

impl<O: Once> Table<O> {
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "it_is_made_once", check: made_once::<O> },
        Clause { name: "everybody_sees_all_of_it", check: all_of_it::<O> },
    ];
}

const MANY: usize = 4;
const VALUE: Whole = Whole([7; 8]);

/// A counter for each clause: they may run side by side in tests.
fn make(count: &AtomicU64) -> Whole {
    count.fetch_add(1, Ordering::Relaxed);
    // Long enough for the others to ask, too.
    ipcmark_harness::sys::sleep(Duration::from_millis(5));
    VALUE
}

/// What each of many parties sees that ask at once.
fn seen<O: Once>(setup: &Setup, make: fn() -> Whole) -> io::Result<Vec<Whole>> {
    let handles = O::handles(&Setup { parties: MANY, ..*setup }, make)?;
    let start = Barrier::new(handles.len());
    std::thread::scope(|scope| {
        let ask = |handle: O| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                *handle.get()
            })
        };
        let threads: Vec<_> = handles.into_iter().map(ask).collect();
        let panicked = |_| io::Error::other("a party panicked");
        threads.into_iter().map(|thread| thread.join().map_err(panicked)).collect()
    })
}

fn made_once<O: Once>(setup: &Setup) -> io::Result<Verdict> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let before = MADE.load(Ordering::Relaxed);
    seen::<O>(setup, || make(&MADE))?;
    match MADE.load(Ordering::Relaxed) - before {
        1 => Ok(Verdict::Kept),
        times => broken(format!("it was made {times} times")),
    }
}

fn all_of_it<O: Once>(setup: &Setup) -> io::Result<Verdict> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    match seen::<O>(setup, || make(&MADE))?.into_iter().find(|value| *value != VALUE) {
        None => Ok(Verdict::Kept),
        Some(value) => broken(format!("a party saw {value:?} instead of {VALUE:?}")),
    }
}
