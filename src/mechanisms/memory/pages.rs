//! Anonymous memory of one process, in small pages and in huge ones: given by the kernel as it sees fit when it is advised to, or
//! from its pool.

use std::io;
use std::sync::atomic::AtomicU64;

use ipcmark_harness::sys::huge_pages::Pages;
use ipcmark_harness::sys::memory::Mapping;

use super::support;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Region};

pub(super) static BASE: Mechanism = Mechanism {
    name: "pages-4k",
    summary: "private anonymous memory in pages of 4 KiB, without transparent huge pages",
    references: &["mmap(2)", "MADV_NOHUGEPAGE in madvise(2)"],
    support: support::<Base>,
    shapes: &[shapes::region::<Base>()],
    ..HUGE
};

pub(super) static TRANSPARENT: Mechanism = Mechanism {
    name: "pages-transparent-huge",
    summary: "private anonymous memory in huge pages that the kernel gives on advice",
    references: &["MADV_HUGEPAGE in madvise(2)", "Documentation/admin-guide/mm/transhuge"],
    support: transparent,
    shapes: &[shapes::region::<Transparent>()],
    ..HUGE
};

pub(super) static HUGE: Mechanism = Mechanism {
    name: "pages-huge",
    summary: "private anonymous memory in huge pages from the kernel's pool",
    family: Family::Memory,
    reach: Reach::Threads,
    references: &["MAP_HUGETLB in mmap(2)", "Documentation/admin-guide/mm/hugetlbpage"],
    support: support::<Huge>,
    rank: Rank::Headline,
    shapes: &[shapes::region::<Huge>()],
};

const SMALL: usize = 4096;

pub(in crate::mechanisms) struct Base(Mapping);

impl Region for Base {
    const CHASED: Option<Rank> = Some(Rank::Headline);

    fn page_bytes() -> io::Result<usize> {
        match Pages::Base.bytes()? {
            SMALL => Ok(SMALL),
            bytes => Err(io::Error::other(format!("the base pages of this kernel are of {bytes} bytes"))),
        }
    }

    fn map(len: usize) -> io::Result<Self> {
        let mapping = Mapping::untouched_private(len, Pages::Base)?;
        mapping.in_base_pages().map(|()| Base(mapping))
    }

    fn words(&self) -> &[AtomicU64] {
        self.0.words()
    }
}

/// From the beginning of a huge page on: where a mapping begins is the kernel's choice, and only newer ones choose such a place.
pub(in crate::mechanisms) struct Transparent {
    mapping: Mapping,
    first: usize,
}

const SIZE: &str = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
const ENABLED: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

impl Region for Transparent {
    const CHASED: Option<Rank> = Some(Rank::Common);

    fn page_bytes() -> io::Result<usize> {
        let without = |why: &dyn std::fmt::Display| {
            let why = format!("{SIZE}: {why}; transparent huge pages want CONFIG_TRANSPARENT_HUGEPAGE");
            io::Error::new(io::ErrorKind::Unsupported, why)
        };
        let text = std::fs::read_to_string(SIZE).map_err(|error| without(&error))?;
        text.trim().parse().map_err(|error| without(&error))
    }

    fn map(len: usize) -> io::Result<Self> {
        let page_bytes = Self::page_bytes()?;
        let mapping = Mapping::untouched_private(len.next_multiple_of(page_bytes) + page_bytes, Pages::Base)?;
        mapping.in_transparent_huge_pages()?;
        let first = mapping.as_ptr().addr().next_multiple_of(page_bytes) - mapping.as_ptr().addr();
        Ok(Transparent { mapping, first: first / size_of::<AtomicU64>() })
    }

    fn words(&self) -> &[AtomicU64] {
        &self.mapping.words()[self.first..]
    }
}

/// The kernel takes the advice in any case: whether it follows it shows at the touch.
pub(in crate::mechanisms) fn transparent() -> Support {
    match support::<Transparent>() {
        Support::Missing(why) => {
            let enabled = std::fs::read_to_string(ENABLED).unwrap_or_default();
            Support::Missing(format!(
                "{why}; transparent huge pages are off for this process (PR_SET_THP_DISABLE in prctl(2)), or for all: \
                 {ENABLED} holds `{}` and wants `madvise`",
                enabled.trim()
            ))
        }
        Support::Available => Support::Available,
    }
}

struct Huge(Mapping);

impl Region for Huge {
    const CHASED: Option<Rank> = Some(Rank::Common);

    fn page_bytes() -> io::Result<usize> {
        Pages::Huge.bytes()
    }

    fn map(len: usize) -> io::Result<Self> {
        Mapping::untouched_private(len, Pages::Huge).map(Huge)
    }

    fn words(&self) -> &[AtomicU64] {
        self.0.words()
    }

    fn supports(setup: &Setup) -> Support {
        shapes::room(setup).and(|| Self::map(setup.memory_bytes.unwrap_or(1)).into())
    }
}
