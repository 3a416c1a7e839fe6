//! mmap(2) memory: mappings, values shared across fork(2), and buffers that are pre-faulted and locked before the clock
//! starts.
#![allow(unsafe_code)] // mapping memory and giving it a type

mod untouched;

use std::io;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::memfd::{self, MFdFlags};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mlock, mmap_anonymous, munmap};
use nix::unistd::ftruncate;

use super::huge_pages::Pages;
use super::refused;

/// `malloc_trim(3)`: what the allocator keeps in store goes back to the kernel. Other C libraries than glibc have no such call.
pub(crate) fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes a number, locks what it must, and gives back only what nobody has.
    unsafe {
        libc::malloc_trim(0)
    };
}

/// Types that may lie in memory shared between processes.
///
/// # Safety
/// A value must be valid when all its bytes are zero, must hold no address, reference or descriptor that another
/// process follows, and must be changed through atomics only once it is shared.
pub unsafe trait Shareable: Sync {}

/// One `T` in an anonymous `MAP_SHARED` mapping, zero-initialised and pre-faulted.
///
/// A clone made before fork(2) names the same memory in parent and child. The mapping has no name, so nothing is left
/// behind however the processes end.
pub struct Shared<T> {
    mapping: Arc<Mapping>,
    _type: std::marker::PhantomData<T>,
}

impl<T: Shareable> Shared<T> {
    /// `mmap(MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE)`. Fails with `ENOMEM`.
    pub fn zeroed() -> io::Result<Self> {
        let mapping = Mapping::anonymous(size_of::<T>(), Pages::Base)?;
        Ok(Shared { mapping: Arc::new(mapping), _type: std::marker::PhantomData })
    }

    /// As `zeroed`, with `init` run before anybody else can have the value.
    pub fn initialized(init: impl FnOnce(&mut T) -> io::Result<()>) -> io::Result<Self> {
        let shared = Self::zeroed()?;
        // SAFETY: as in `deref`; nobody else knows of the mapping yet, so the access is exclusive.
        init(unsafe { shared.mapping.start.cast::<T>().as_mut() })?;
        Ok(shared)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared { mapping: Arc::clone(&self.mapping), _type: std::marker::PhantomData }
    }
}

impl<T: Shareable> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the mapping is page-aligned, at least size_of::<T>() long, zero-initialised (valid by `Shareable`),
        // and there for as long as `self` lives; shared changes go through atomics by `Shareable`.
        unsafe { self.mapping.start.cast::<T>().as_ref() }
    }
}

/// A private byte buffer: page-aligned, pre-faulted, and locked in memory where the limit allows.
///
/// Made by the party that uses it, after fork(2): a buffer inherited over fork would be copied on its first write.
pub struct Buffer {
    mapping: Mapping,
    len: usize,
    /// Whether mlock(2) succeeded; it fails beyond RLIMIT_MEMLOCK.
    pub locked: bool,
}

impl Buffer {
    /// A zeroed buffer of `len` bytes. Fails with `ENOMEM`; a refused mlock(2) is no error, see [`Buffer::locked`].
    pub fn new(len: usize) -> io::Result<Self> {
        let mapping = Mapping::populated(len.max(1), MapFlags::MAP_PRIVATE, Pages::Base)?;
        // SAFETY: the range is a live mapping of this length.
        let locked = unsafe { mlock(mapping.start.cast(), mapping.len) }.is_ok();
        Ok(Buffer { mapping, len, locked })
    }
}

impl Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: `len` bytes are mapped, initialised (zero pages) and owned by `self`.
        unsafe { std::slice::from_raw_parts(self.mapping.start.as_ptr(), self.len) }
    }
}

impl std::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.mapping.start.as_ptr(), self.len) }
    }
}

/// Memory mapped into this process, at least until dropped; never empty.
///
/// A forked child has it too, shared or copied on write as it was mapped.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    len: usize,
    unmap: fn(NonNull<u8>, usize),
}

// SAFETY: a mapping is plain memory, owned; what its users do with it is governed by `Shareable`, by `&mut`, or by the
// `unsafe` it takes to follow a raw pointer.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

#[allow(clippy::len_without_is_empty)] // never empty
impl Mapping {
    /// `mmap(MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE)` of `len` zeroed bytes; with huge pages also `MAP_HUGETLB`, and
    /// `len` rounded up to whole ones. Fails with `ENOMEM`.
    pub fn anonymous(len: usize, pages: Pages) -> io::Result<Mapping> {
        Mapping::populated(len, MapFlags::MAP_SHARED, pages)
    }

    /// `mmap(fd, MAP_SHARED)` of the first `len` bytes of an object that is at least so long, and `fault_in`. `pages`
    /// is what the object is made of; `len` is rounded up to whole huge pages.
    pub fn of(fd: impl AsFd, len: usize, pages: Pages) -> io::Result<Mapping> {
        let mapping = Mapping::untouched_of(fd, len, pages)?;
        mapping.fault_in()?;
        Ok(mapping)
    }

    fn populated(len: usize, sharing: MapFlags, pages: Pages) -> io::Result<Mapping> {
        Mapping::without_object(len, sharing | MapFlags::MAP_POPULATE, pages)
    }

    fn without_object(len: usize, flags: MapFlags, pages: Pages) -> io::Result<Mapping> {
        let length = length(pages.round_up(len)?)?;
        let (call, huge) = match pages {
            Pages::Base => ("mmap", MapFlags::empty()),
            Pages::Huge => ("mmap(MAP_HUGETLB)", MapFlags::MAP_HUGETLB),
        };
        // Miri has no other mapping; its threads share this one as well.
        let flags = if cfg!(miri) { MapFlags::MAP_PRIVATE } else { flags | huge };
        // SAFETY: an anonymous mapping at an address of the kernel's choice overlaps nothing.
        let start = unsafe { mmap_anonymous(None, length, READ_WRITE, flags) }
            .map_err(|errno| pages.refused(call, length.get(), errno))?;
        Ok(Mapping { start: start.cast(), len: length.get(), unmap })
    }

    /// The `len` bytes from `start`, which `unmap` gives back.
    ///
    /// # Safety
    /// They are mapped for reading and writing, and nobody else unmaps them.
    pub(super) unsafe fn adopt(start: NonNull<u8>, len: usize, unmap: fn(NonNull<u8>, usize)) -> Mapping {
        Mapping { start, len, unmap }
    }

    /// The first byte, page-aligned.
    #[inline]
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// How many bytes there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// `madvise(MADV_POPULATE_WRITE)`: completes the page tables of this process, for writing. A child does so after
    /// fork(2), which copies no page tables of shared memory.
    ///
    /// Fails with `EFAULT` where a touch would end the process by SIGBUS. Before Linux 5.14 it can only touch.
    pub fn fault_in(&self) -> io::Result<()> {
        // SAFETY: the range is a live mapping; populating it changes no byte.
        match unsafe { madvise(self.start.cast(), self.len, MmapAdvise::MADV_POPULATE_WRITE) } {
            Ok(()) => Ok(()),
            Err(Errno::EINVAL) => {
                self.touch();
                Ok(())
            }
            Err(errno) => {
                let cause = match errno {
                    Errno::EFAULT => "; the mapped object is shorter, or its file system is full",
                    _ => "",
                };
                Err(refused(format_args!("madvise(MADV_POPULATE_WRITE) of {} bytes", self.len), errno, cause))
            }
        }
    }

    /// Reads a byte of each page: 4096 bytes are the smallest page Linux has.
    fn touch(&self) {
        for offset in (0..self.len).step_by(4096) {
            // SAFETY: the byte is mapped; a volatile read of memory that others may write, whose value is not used.
            unsafe { self.start.add(offset).read_volatile() };
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        (self.unmap)(self.start, self.len);
    }
}

const READ_WRITE: ProtFlags = ProtFlags::PROT_READ.union(ProtFlags::PROT_WRITE);

fn length(len: usize) -> io::Result<NonZeroUsize> {
    let empty = || io::Error::new(io::ErrorKind::InvalidInput, "mmap of 0 bytes: a mapping has at least one");
    NonZeroUsize::new(len).ok_or_else(empty)
}

fn unmap(start: NonNull<u8>, len: usize) {
    // SAFETY: a `Mapping` gives back its own range once, when nobody refers to it any more. An error leaves it mapped,
    // harmlessly.
    let _ = unsafe { munmap(start.cast(), len) };
}

/// `memfd_create(MFD_CLOEXEC)` and `ftruncate(2)`: memory without a name, `len` zeroed bytes long; with huge pages also
/// `MFD_HUGETLB`, and `len` rounded up to whole ones. That there are too few shows when it is mapped.
pub fn memfd_create(len: usize, pages: Pages) -> io::Result<OwnedFd> {
    let len = pages.round_up(len)?;
    let (call, huge) = match pages {
        Pages::Base => ("memfd_create", MFdFlags::empty()),
        Pages::Huge => ("memfd_create(MFD_HUGETLB)", MFdFlags::MFD_HUGETLB),
    };
    let fd = memfd::memfd_create("ipcmark", MFdFlags::MFD_CLOEXEC | huge)
        .map_err(|errno| pages.refused(call, len, errno))?;
    ftruncate(&fd, len as libc::off_t).map_err(|errno| pages.refused("ftruncate of a memfd", len, errno))?;
    Ok(fd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::huge_pages::tests::judge;
    use crate::sys::testing;
    use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

    // SAFETY: AtomicU32 is valid when zero and holds no address.
    unsafe impl Shareable for AtomicU32 {}

    #[test]
    fn clones_name_the_same_memory() {
        let one = Shared::<AtomicU32>::zeroed().unwrap();
        let other = one.clone();
        one.store(7, Ordering::Relaxed);
        assert_eq!(other.load(Ordering::Relaxed), 7);
    }

    #[test]
    fn buffers_are_zeroed_and_writable_to_the_last_byte() {
        let mut buffer = Buffer::new(4097).unwrap();
        assert!(buffer.iter().all(|&b| b == 0));
        buffer[4096] = 1;
        assert_eq!(buffer.len(), 4097);
    }

    #[test]
    fn what_init_writes_is_there_from_the_start() {
        let shared = Shared::<AtomicU32>::initialized(|word| {
            *word.get_mut() = 7;
            Ok(())
        });
        assert_eq!(shared.unwrap().load(Ordering::Relaxed), 7);
    }

    /// The first byte of `mapping`.
    fn byte(mapping: &Mapping) -> &AtomicU8 {
        // SAFETY: the byte is mapped as long as `mapping` lives, and reached through atomics only.
        unsafe { AtomicU8::from_ptr(mapping.as_ptr()) }
    }

    #[test]
    fn mappings_of_one_descriptor_are_the_same_memory() {
        let fd = memfd_create(5000, Pages::Base).unwrap();
        let (one, other) = (Mapping::of(&fd, 5000, Pages::Base).unwrap(), Mapping::of(&fd, 1, Pages::Base).unwrap());
        byte(&one).store(7, Ordering::Relaxed);
        assert_eq!((byte(&other).load(Ordering::Relaxed), one.len(), other.len()), (7, 5000, 1));
    }

    #[test]
    fn an_anonymous_mapping_is_shared_with_a_forked_child() {
        let mapping = Mapping::anonymous(5000, Pages::Base).unwrap();
        let child = testing::fork(|| {
            mapping.touch();
            let populated = mapping.fault_in().is_ok();
            byte(&mapping).store(7, Ordering::Relaxed);
            populated
        });
        assert!(child.succeeded());
        assert_eq!(byte(&mapping).load(Ordering::Relaxed), 7);
    }

    #[test]
    fn mapping_more_than_there_is_fails_before_it_is_touched() {
        let whole = Mapping::anonymous(1, Pages::Base).unwrap();
        // SAFETY: the range is mapped; whether the kernel knows the advice is all that is asked.
        if unsafe { madvise(whole.start.cast(), 1, MmapAdvise::MADV_POPULATE_WRITE) }.is_err() {
            return eprintln!("skipped: MADV_POPULATE_WRITE wants Linux 5.14");
        }
        let fd = memfd_create(1, Pages::Base).unwrap();
        let error = Mapping::of(&fd, 1 << 20, Pages::Base).unwrap_err().to_string();
        assert!(error.contains("the mapped object is shorter"), "{error}");
    }

    #[test]
    fn an_empty_mapping_is_refused() {
        assert_eq!(Mapping::anonymous(0, Pages::Base).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn huge_pages_come_whole_or_with_how_to_get_them() {
        let of_memfd = memfd_create(1, Pages::Huge).and_then(|fd| Mapping::of(&fd, 1, Pages::Huge));
        for outcome in [Mapping::anonymous(1, Pages::Huge), of_memfd] {
            if let Some(mapping) = judge(outcome) {
                assert_eq!(mapping.len(), Pages::Huge.round_up(1).unwrap());
                mapping.fault_in().unwrap();
            }
        }
    }
}
