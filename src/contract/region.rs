//! The contract of [`Region`], clause by clause, as code that tries it on any implementation.

use std::io;
use std::sync::atomic::Ordering;

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::{OTHER_FAULTS, Region, as_many_faults, faults_of, touch};

/// The clauses of every kind of memory.
pub const fn region<R: Region>() -> &'static [Clause] {
    Table::<R>::CLAUSES
}

struct Table<R>(std::marker::PhantomData<R>);

impl<R: Region> Table<R> {
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "new_memory_is_zero_and_keeps_what_is_written", check: zero_and_keeps::<R> },
        Clause { name: "each_page_faults_once", check: faults_once::<R> },
        Clause { name: "no_memory_is_left_by_name", check: no_name_left::<R> },
    ];
}

/// Four huge pages, and thousands of small ones.
const BYTES: usize = 8 << 20;

fn zero_and_keeps<R: Region>(_: &Setup) -> io::Result<Verdict> {
    let region = R::map(BYTES)?;
    let words = region.words();
    if words.len() < BYTES / 8 {
        return broken(format!("of {BYTES} bytes {} were mapped", words.len() * 8));
    }
    // A prime apart, so that all places in a page have their turn.
    for (number, word) in (1..).zip(words.iter().step_by(61)) {
        let found = word.swap(number, Ordering::Relaxed);
        if found != 0 {
            return broken(format!("{found} was found in new memory"));
        }
    }
    for (number, word) in (1..).zip(words.iter().step_by(61)) {
        let found = word.load(Ordering::Relaxed);
        if found != number {
            return broken(format!("{number} was written and {found} was read"));
        }
    }
    Ok(Verdict::Kept)
}

fn faults_once<R: Region>(_: &Setup) -> io::Result<Verdict> {
    let (region, page_bytes) = (R::map(BYTES)?, R::page_bytes()?);
    let pages = BYTES / page_bytes;
    let first = faults_of(|| touch(region.words(), page_bytes, pages));
    if let Err(how) = as_many_faults::<R>(first, pages as u64) {
        return broken(how);
    }
    // At a finer step: a page that is smaller than it says faults again.
    match faults_of(|| touch(region.words(), page_bytes.min(4096), BYTES / page_bytes.min(4096))) {
        0..=OTHER_FAULTS => Ok(Verdict::Kept),
        later => broken(format!("{pages} pages were touched again, and the kernel counted {later} faults")),
    }
}

fn no_name_left<R: Region>(_: &Setup) -> io::Result<Verdict> {
    let _region = R::map(BYTES)?;
    super::no_name_is_left()
}
