//! mmap(2) memory: values shared across fork(2), and buffers that are pre-faulted and locked before the clock starts.
#![allow(unsafe_code)] // mapping memory and giving it a type

use std::io;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use nix::sys::mman::{MapFlags, ProtFlags, mlock, mmap_anonymous, munmap};

/// Types that may lie in memory shared between processes.
///
/// # Safety
/// A value must be valid when all its bytes are zero, must hold no address, reference or descriptor, and must be changed
/// through atomics only.
pub unsafe trait Shareable: Sync {}

/// One `T` in an anonymous `MAP_SHARED` mapping, zero-initialised and pre-faulted.
///
/// A clone made before fork(2) names the same memory in parent and child. The mapping has no name, so nothing is left
/// behind however the processes end.
pub struct Shared<T> {
    region: Arc<Region>,
    _type: std::marker::PhantomData<T>,
}

impl<T: Shareable> Shared<T> {
    /// `mmap(MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE)`. Fails with `ENOMEM`.
    pub fn zeroed() -> io::Result<Self> {
        let region = Region::map(size_of::<T>(), MapFlags::MAP_SHARED)?;
        Ok(Shared { region: Arc::new(region), _type: std::marker::PhantomData })
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared { region: Arc::clone(&self.region), _type: std::marker::PhantomData }
    }
}

impl<T: Shareable> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the region is page-aligned, at least size_of::<T>() long, zero-initialised (valid by `Shareable`), and
        // mapped for as long as `self` lives; shared changes go through atomics by `Shareable`.
        unsafe { self.region.start.cast::<T>().as_ref() }
    }
}

/// A private byte buffer: page-aligned, pre-faulted, and locked in memory where the limit allows.
///
/// Made by the party that uses it, after fork(2): a buffer inherited over fork would be copied on its first write.
pub struct Buffer {
    region: Region,
    len: usize,
    /// Whether mlock(2) succeeded; it fails beyond RLIMIT_MEMLOCK.
    pub locked: bool,
}

impl Buffer {
    /// A zeroed buffer of `len` bytes. Fails with `ENOMEM`; a refused mlock(2) is no error, see [`Buffer::locked`].
    pub fn new(len: usize) -> io::Result<Self> {
        let region = Region::map(len.max(1), MapFlags::MAP_PRIVATE)?;
        // SAFETY: the range is a live mapping of this length.
        let locked = unsafe { mlock(region.start.cast(), region.len) }.is_ok();
        Ok(Buffer { region, len, locked })
    }
}

impl Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: `len` bytes of the region are mapped, initialised (zero pages) and owned by `self`.
        unsafe { std::slice::from_raw_parts(self.region.start.as_ptr(), self.len) }
    }
}

impl std::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.region.start.as_ptr(), self.len) }
    }
}

/// An owned anonymous mapping; `munmap(2)` on drop.
struct Region {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a region is plain memory, owned; what its users do with it is governed by `Shareable` or by `&mut`.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    fn map(len: usize, sharing: MapFlags) -> io::Result<Self> {
        let length = NonZeroUsize::new(len).ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: an anonymous mapping at an address of the kernel's choice overlaps nothing.
        let start = unsafe { mmap_anonymous(None, length, access, sharing | MapFlags::MAP_POPULATE) }?;
        Ok(Region { start: start.cast(), len })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `map` and nobody refers to it any more. An error leaves it mapped, harmlessly.
        let _ = unsafe { munmap(self.start.cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

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
}
