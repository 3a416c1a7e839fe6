//! Memory that two parties can share, by the kind of its mapping: as one of them finds it when it has just been made.

use std::io;
use std::sync::atomic::AtomicU64;

use ipcmark_harness::sys::huge_pages::Pages;
use ipcmark_harness::sys::memory::{Mapping, memfd_create};
use ipcmark_harness::sys::names;
use ipcmark_harness::sys::sysv::shared_memory::Segment;

use super::support;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::mechanisms::shared_memory::mapping;
use crate::shapes::{self, Region};

pub(super) static ANONYMOUS: Mechanism = of::<Anonymous>(
    "shared-anonymous",
    "anonymous MAP_SHARED memory",
    &["mmap(2)", "MAP_ANONYMOUS in mmap(2)"],
    &[shapes::region::<Shared<Anonymous>>()],
);

pub(super) static POPULATED: Mechanism = of::<Populated>(
    "shared-populated",
    "anonymous MAP_SHARED memory with MAP_POPULATE: mapping it touches it",
    &["mmap(2)", "MAP_POPULATE in mmap(2)"],
    &[shapes::region::<Shared<Populated>>()],
);

pub(super) static HUGE: Mechanism = of::<Huge>(
    "shared-huge",
    "anonymous MAP_SHARED memory in huge pages from the kernel's pool",
    &["MAP_HUGETLB in mmap(2)", "Documentation/admin-guide/mm/hugetlbpage"],
    &[shapes::region::<Shared<Huge>>()],
);

pub(super) static MEMFD: Mechanism = of::<Memfd>(
    "shared-memfd",
    "a file without a name from memfd_create, mapped",
    &["memfd_create(2)", "mmap(2)"],
    &[shapes::region::<Shared<Memfd>>()],
);

pub(super) static POSIX: Mechanism = of::<Posix>(
    "shared-posix",
    "a file in /dev/shm from shm_open, mapped",
    &["shm_open(3)", "mmap(2)"],
    &[shapes::region::<Shared<Posix>>()],
);

pub(super) static SYSV: Mechanism = of::<Sysv>(
    "shared-sysv",
    "a System V segment from shmget, attached",
    &["shmget(2)", "shmat(2)"],
    &[shapes::region::<Shared<Sysv>>()],
);

const fn of<K: Kind>(
    name: &'static str,
    summary: &'static str,
    references: &'static [&'static str],
    shapes: &'static [crate::mechanism::Shape],
) -> Mechanism {
    Mechanism {
        name,
        summary,
        family: Family::Memory,
        reach: Reach::Threads,
        references,
        support: support::<Shared<K>>,
        rank: Rank::Headline,
        shapes,
    }
}

/// Where it comes from.
trait Kind: 'static {
    const PAGES: Pages = Pages::Base;
    const POPULATED: bool = false;

    /// New memory, without page tables unless it is populated.
    fn map(len: usize) -> io::Result<Mapping>;

    /// Whether it may be so long, as far as that is known before it is made.
    fn may_have(_len: usize) -> io::Result<()> {
        Ok(())
    }
}

struct Shared<K> {
    mapping: Mapping,
    _kind: std::marker::PhantomData<K>,
}

impl<K: Kind> Region for Shared<K> {
    const POPULATED: bool = K::POPULATED;

    fn page_bytes() -> io::Result<usize> {
        K::PAGES.bytes()
    }

    fn map(len: usize) -> io::Result<Self> {
        let mapping = K::map(len)?;
        if K::PAGES == Pages::Base && !K::POPULATED {
            mapping.in_base_pages()?;
        }
        Ok(Shared { mapping, _kind: std::marker::PhantomData })
    }

    fn words(&self) -> &[AtomicU64] {
        self.mapping.words()
    }

    fn supports(setup: &Setup) -> Support {
        shapes::room(setup).and(|| K::may_have(setup.memory_bytes.unwrap_or(1)).into())
    }
}

struct Anonymous;

impl Kind for Anonymous {
    fn map(len: usize) -> io::Result<Mapping> {
        Mapping::untouched_anonymous(len, Pages::Base)
    }
}

struct Populated;

impl Kind for Populated {
    const POPULATED: bool = true;

    fn map(len: usize) -> io::Result<Mapping> {
        Mapping::anonymous(len, Pages::Base)
    }
}

struct Huge;

impl Kind for Huge {
    const PAGES: Pages = Pages::Huge;

    fn map(len: usize) -> io::Result<Mapping> {
        Mapping::untouched_anonymous(len, Pages::Huge)
    }

    fn may_have(len: usize) -> io::Result<()> {
        Self::map(len).map(drop)
    }
}

struct Memfd;

impl Kind for Memfd {
    fn map(len: usize) -> io::Result<Mapping> {
        Mapping::untouched_of(memfd_create(len, Pages::Base)?, len, Pages::Base)
    }
}

// One for all memory that a thread maps: each object has lost its name before the next is made, and there may be thousands.
thread_local! {
    static NAME: String = mapping::new_name();
    static KEY: i32 = names::key();
}

struct Posix;

impl Kind for Posix {
    fn map(len: usize) -> io::Result<Mapping> {
        NAME.with(|name| Mapping::untouched_of(mapping::posix_shm(name, len)?, len, Pages::Base))
    }

    fn may_have(len: usize) -> io::Result<()> {
        mapping::room_in_dev_shm(len)
    }
}

struct Sysv;

impl Kind for Sysv {
    fn map(len: usize) -> io::Result<Mapping> {
        let key = KEY.with(|key| *key);
        names::held(|| Segment::create(key, len, Pages::Base)?.attach_untouched())
    }

    fn may_have(len: usize) -> io::Result<()> {
        mapping::may_be_a_segment(len)
    }
}
