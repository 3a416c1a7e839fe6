//! [`Region`]: memory of one kind, that nobody has touched.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::machine::Root;
use ipcmark_harness::room::room_for;
use ipcmark_harness::usage::Usage;

use crate::mechanism::{Rank, Setup, Shape, Support};
use crate::{contract, workloads};

/// All that is measured of a kind of memory, and all that it promises.
pub const fn region<R: Region>() -> Shape {
    Shape { workloads: workloads::region::<R>(), contract: contract::region::<R>(), observe: None }
}

/// Memory of one kind, new each time.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them
/// (`src/contract/region.rs`):
///
/// - **new_memory_is_zero_and_keeps_what_is_written**: on every page;
/// - **each_page_faults_once**: at its first touch, and where the memory comes populated not even then: so it is made of the
///   pages that it says;
/// - **no_memory_is_left_by_name**: whatever name was used is gone once it is mapped.
pub trait Region: Sized + 'static {
    /// Whether it comes with its page tables.
    const POPULATED: bool = false;
    /// Whether its pages are what matters of it, so that it is chased through; and how prominent the size is that stands for
    /// the others.
    const CHASED: Option<Rank> = None;

    /// The size of a page of it. Fails where the kernel has no such pages.
    fn page_bytes() -> io::Result<usize>;

    /// Zeroed memory of at least `len` bytes.
    fn map(len: usize) -> io::Result<Self>;

    /// All of it, from the beginning of a page on. That the slice exists touches nothing.
    fn words(&self) -> &[AtomicU64];

    /// Whether there is room for what the setup asks for.
    fn supports(setup: &Setup) -> Support {
        room(setup)
    }
}

/// Whether a limit is in the way of the setup's memory.
pub(crate) fn room(setup: &Setup) -> Support {
    match room_for(&Root::new("/"), setup.memory_bytes.unwrap_or(0) as u64) {
        Ok(()) => Support::Available,
        Err(limit) => Support::Missing(limit),
    }
}

/// Writes a word to each of the first pages.
#[inline(always)]
pub(crate) fn touch(words: &[AtomicU64], page_bytes: usize, pages: usize) {
    for word in words.iter().step_by(page_bytes / size_of::<AtomicU64>()).take(pages) {
        // Relaxed: it orders nothing else.
        word.store(1, Ordering::Relaxed);
    }
}

/// The faults of this thread during `work`.
pub(crate) fn faults_of(work: impl FnOnce()) -> u64 {
    let faults = || {
        let usage = Usage::of_this_thread();
        usage.minor_faults + usage.major_faults
    };
    let before = faults();
    work();
    faults() - before
}

/// The faults of anything but the memory: of the stack, and of code that runs for the first time.
pub(crate) const OTHER_FAULTS: u64 = 16;

/// Whether so many faults are those of the first touch of so many pages.
pub(crate) fn as_many_faults<R: Region>(faults: u64, pages: u64) -> Result<(), String> {
    let expected = if R::POPULATED { 0 } else { pages };
    if faults.abs_diff(expected) <= pages / 50 + OTHER_FAULTS {
        return Ok(());
    }
    let what = if R::POPULATED { "were populated" } else { "were touched for the first time" };
    Err(format!("{pages} pages {what}, and the kernel counted {faults} faults"))
}
