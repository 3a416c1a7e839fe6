//! Processes that are made of the calling one: fork and its kin, each reaped before the next is made.
//!
//! What a fork costs follows the page tables that are copied, so the parent has memory, written to before: `memory_bytes` of it.

use std::collections::BTreeMap;
use std::io;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::sys::birth::{Stack, by_clone3, by_fork, by_vfork};

use super::{Births, tried};
use crate::mechanism::{Family, Mechanism, Point, Rank, Reach, Setup, Support};
use crate::mechanisms::memory::{Base, Transparent, transparent};
use crate::shapes::{Deed, Operation, Region, operation, room, touch};

pub(super) static FORK: Mechanism = Mechanism {
    name: "fork",
    summary: "fork and wait; the parent has memory in pages of 4 KiB",
    family: Family::Spawn,
    reach: Reach::Processes,
    references: &["fork(2)", "wait4(2)"],
    support: tried::<Fork<Base>>,
    rank: Rank::Headline,
    shapes: &[operation::<Fork<Base>>()],
};

pub(super) static FORK_HUGE: Mechanism = Mechanism {
    name: "fork-huge",
    summary: "as fork; the parent's memory is in transparent huge pages",
    references: &["fork(2)", "MADV_HUGEPAGE in madvise(2)"],
    support: || transparent().and(tried::<Fork<Transparent>>),
    rank: Rank::Common,
    shapes: &[operation::<Fork<Transparent>>()],
    ..FORK
};

pub(super) static VFORK: Mechanism = Mechanism {
    name: "vfork",
    summary: "clone(CLONE_VM | CLONE_VFORK), which vfork is, and wait: no page table is copied, the parent waits",
    references: &["vfork(2)", "CLONE_VFORK in clone(2)"],
    support: tried::<Vfork>,
    rank: Rank::Common,
    shapes: &[operation::<Vfork>()],
    ..FORK
};

pub(super) static CLONE3: Mechanism = Mechanism {
    name: "clone3",
    summary: "clone3 with nothing shared, and wait: fork without the C library",
    references: &["clone3(2)"],
    support: tried::<Clone3>,
    rank: Rank::Common,
    shapes: &[operation::<Clone3>()],
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
    births: Births,
    _memory: R,
}

impl<R: Region> Operation for Fork<R> {
    const DEED: Deed = Deed::SPAWN;
    const MEMORY_BYTES: &'static [Point<usize>] = RESIDENT;

    fn prepare(setup: &Setup, clock: &Clock) -> io::Result<Self> {
        let (bytes, page_bytes) = (setup.memory_bytes.unwrap_or(0), R::page_bytes()?);
        let memory = R::map(bytes)?;
        touch(memory.words(), page_bytes, bytes.div_ceil(page_bytes));
        Ok(Fork { births: Births::new(clock)?, _memory: memory })
    }

    #[inline(always)]
    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        self.births.repeat(turns, |sign, clock| by_fork(sign, clock))
    }

    fn counted(&mut self) -> u64 {
        self.births.counted()
    }

    fn facts(&mut self) -> BTreeMap<String, f64> {
        self.births.facts()
    }

    fn supports(setup: &Setup) -> Support {
        room(setup)
    }
}

struct Vfork {
    births: Births,
    stack: Stack,
}

impl Operation for Vfork {
    const DEED: Deed = Deed::SPAWN;

    fn prepare(_: &Setup, clock: &Clock) -> io::Result<Self> {
        Ok(Vfork { births: Births::new(clock)?, stack: Stack::new() })
    }

    #[inline(always)]
    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        let Vfork { births, stack } = self;
        births.repeat(turns, |sign, clock| by_vfork(sign, clock, stack))
    }

    fn counted(&mut self) -> u64 {
        self.births.counted()
    }

    fn facts(&mut self) -> BTreeMap<String, f64> {
        self.births.facts()
    }
}

struct Clone3(Births);

impl Operation for Clone3 {
    const DEED: Deed = Deed::SPAWN;

    fn prepare(_: &Setup, clock: &Clock) -> io::Result<Self> {
        Births::new(clock).map(Clone3)
    }

    #[inline(always)]
    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        self.0.repeat(turns, |sign, clock| by_clone3(sign, clock))
    }

    fn counted(&mut self) -> u64 {
        self.0.counted()
    }

    fn facts(&mut self) -> BTreeMap<String, f64> {
        self.0.facts()
    }
}
