//! Processes that are made of the calling one: fork and its kin, each reaped before the next is made.
//!
//! What a fork costs follows the page tables that are copied, so the parent has memory, written to before: `memory_bytes` of it.

use std::io;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::sys::birth::{Sign, Stack, by_clone3, by_fork, by_vfork};
use ipcmark_harness::sys::memory::Shared;

use super::{Birth, Births, tried};
use crate::mechanism::{Family, Mechanism, Point, Rank, Reach, Setup, Support};
use crate::mechanisms::memory::{Base, Transparent, transparent};
use crate::shapes::{Region, operation, room, touch};

pub(super) static FORK: Mechanism = Mechanism {
    name: "fork",
    summary: "fork and wait; the parent has memory in pages of 4 KiB",
    family: Family::Spawn,
    reach: Reach::Processes,
    references: &["fork(2)", "wait4(2)"],
    support: tried::<Births<Fork<Base>>>,
    rank: Rank::Headline,
    shapes: &[operation::<Births<Fork<Base>>>()],
};

pub(super) static FORK_HUGE: Mechanism = Mechanism {
    name: "fork-huge",
    summary: "as fork; the parent's memory is in transparent huge pages",
    references: &["fork(2)", "MADV_HUGEPAGE in madvise(2)"],
    support: || transparent().and(tried::<Births<Fork<Transparent>>>),
    rank: Rank::Common,
    shapes: &[operation::<Births<Fork<Transparent>>>()],
    ..FORK
};

pub(super) static VFORK: Mechanism = Mechanism {
    name: "vfork",
    summary: "clone(CLONE_VM | CLONE_VFORK), which vfork is, and wait: no page table is copied, the parent waits",
    references: &["vfork(2)", "CLONE_VFORK in clone(2)"],
    support: tried::<Births<Vfork>>,
    rank: Rank::Common,
    shapes: &[operation::<Births<Vfork>>()],
    ..FORK
};

pub(super) static CLONE3: Mechanism = Mechanism {
    name: "clone3",
    summary: "clone3 with nothing shared, and wait: fork without the C library",
    references: &["clone3(2)"],
    support: tried::<Births<Clone3>>,
    rank: Rank::Common,
    shapes: &[operation::<Births<Clone3>>()],
    ..FORK
};

/// What a parent may have.
pub(super) const RESIDENT: &[Point<usize>] = &[
    Point(1 << 20, Rank::Common),
    Point(16 << 20, Rank::Headline),
    Point(256 << 20, Rank::Common),
    Point(1 << 30, Rank::Common),
];

struct Fork<R> {
    _memory: R,
}

impl<R: Region> Birth for Fork<R> {
    const MEMORY_BYTES: &'static [Point<usize>] = RESIDENT;

    fn prepare(setup: &Setup) -> io::Result<Self> {
        let (bytes, page_bytes) = (setup.memory_bytes.unwrap_or(0), R::page_bytes()?);
        let memory = R::map(bytes)?;
        touch(memory.words(), page_bytes, bytes.div_ceil(page_bytes));
        Ok(Fork { _memory: memory })
    }

    #[inline(always)]
    fn one(&mut self, sign: &Shared<Sign>, clock: &Clock) -> io::Result<()> {
        by_fork(sign, clock)
    }

    fn supports(setup: &Setup) -> Support {
        room(setup)
    }
}

struct Vfork(Stack);

impl Birth for Vfork {
    fn prepare(_: &Setup) -> io::Result<Self> {
        Ok(Vfork(Stack::new()))
    }

    #[inline(always)]
    fn one(&mut self, sign: &Shared<Sign>, clock: &Clock) -> io::Result<()> {
        by_vfork(sign, clock, &mut self.0)
    }
}

struct Clone3;

impl Birth for Clone3 {
    fn prepare(_: &Setup) -> io::Result<Self> {
        Ok(Clone3)
    }

    #[inline(always)]
    fn one(&mut self, sign: &Shared<Sign>, clock: &Clock) -> io::Result<()> {
        by_clone3(sign, clock)
    }
}
