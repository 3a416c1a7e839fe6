//! Memory that nobody has touched yet: what a first touch costs can be seen, and which pages it is made of be chosen.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::AtomicU64;

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, MmapAdvise, madvise, mmap};

use super::{Mapping, READ_WRITE, length, refused, unmap};
use crate::sys::huge_pages::Pages;

impl Mapping {
    /// `mmap(MAP_PRIVATE | MAP_ANONYMOUS)`: as [`Mapping::anonymous`], of this process alone, and without page tables.
    pub fn untouched_private(len: usize, pages: Pages) -> io::Result<Mapping> {
        Mapping::without_object(len, MapFlags::MAP_PRIVATE, pages)
    }

    /// `mmap(MAP_SHARED | MAP_ANONYMOUS)`: as [`Mapping::anonymous`], and without page tables.
    pub fn untouched_anonymous(len: usize, pages: Pages) -> io::Result<Mapping> {
        Mapping::without_object(len, MapFlags::MAP_SHARED, pages)
    }

    /// `mmap(fd, MAP_SHARED)`: as [`Mapping::of`], and without page tables.
    pub fn untouched_of(fd: impl AsFd, len: usize, pages: Pages) -> io::Result<Mapping> {
        let length = length(pages.round_up(len)?)?;
        // SAFETY: a mapping at an address of the kernel's choice overlaps nothing.
        let start = unsafe { mmap(None, length, READ_WRITE, MapFlags::MAP_SHARED, fd, 0) }
            .map_err(|errno| pages.refused("mmap", length.get(), errno))?;
        Ok(Mapping { start: start.cast(), len: length.get(), unmap })
    }

    /// `madvise(MADV_NOHUGEPAGE)`: base pages, wherever the system would put huge ones in their place. A kernel without
    /// transparent huge pages does not know the advice, and needs none.
    pub fn in_base_pages(&self) -> io::Result<()> {
        match self.advise(MmapAdvise::MADV_NOHUGEPAGE) {
            Ok(()) | Err(Errno::EINVAL) => Ok(()),
            Err(errno) => Err(refused(format_args!("madvise(MADV_NOHUGEPAGE) of {} bytes", self.len), errno, "")),
        }
    }

    /// `madvise(MADV_HUGEPAGE)`: huge pages where the kernel has some at the first touch. Whether it had is seen afterwards.
    /// Fails with `EINVAL` on a kernel without transparent huge pages.
    pub fn in_transparent_huge_pages(&self) -> io::Result<()> {
        self.advise(MmapAdvise::MADV_HUGEPAGE).map_err(|errno| {
            let cause =
                if errno == Errno::EINVAL { "; it wants a kernel with CONFIG_TRANSPARENT_HUGEPAGE" } else { "" };
            refused(format_args!("madvise(MADV_HUGEPAGE) of {} bytes", self.len), errno, cause)
        })
    }

    fn advise(&self, advice: MmapAdvise) -> nix::Result<()> {
        // SAFETY: the range is a live mapping; neither advice changes a byte.
        unsafe { madvise(self.start.cast(), self.len, advice) }
    }

    /// All of it, as words: looking at the slice touches nothing.
    #[inline]
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the range is mapped as long as `self` lives, page-aligned, zero or written as words; others who map it,
        // too, must reach it through atomics, as they must for `Shareable`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.len / size_of::<AtomicU64>()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::sys::memory::memfd_create;
    use crate::usage::Usage;

    const BYTES: usize = 1 << 20;

    fn faults(work: impl FnOnce()) -> u64 {
        let before = Usage::of_this_thread();
        work();
        Usage::of_this_thread().since(&before).minor_faults
    }

    #[test]
    fn each_page_of_untouched_memory_faults_once() {
        let fd = memfd_create(BYTES, Pages::Base).unwrap();
        for mapping in [
            Mapping::untouched_private(BYTES, Pages::Base).unwrap(),
            Mapping::untouched_anonymous(BYTES, Pages::Base).unwrap(),
            Mapping::untouched_of(&fd, BYTES, Pages::Base).unwrap(),
        ] {
            mapping.in_base_pages().unwrap();
            let touch = || mapping.words().iter().step_by(512).for_each(|word| word.store(1, Ordering::Relaxed));
            let (first, later) = (faults(touch), faults(touch));
            assert!(first >= 16 && later <= 2, "{first} faults, then {later}");
        }
    }

    #[test]
    fn words_are_as_many_as_fit_and_zero() {
        let mapping = Mapping::untouched_private(BYTES, Pages::Base).unwrap();
        assert_eq!(mapping.words().len(), BYTES / 8);
        assert!(mapping.words().iter().all(|word| word.load(Ordering::Relaxed) == 0));
    }
}
