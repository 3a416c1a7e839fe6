//! The memory of the ring: how it is divided, and how headers and bytes in it are reached.
#![allow(unsafe_code)] // raw access to memory that another process writes, too

use super::ground::AtomicU64;

/// Bytes of the ring itself: a power of two, so that positions wrap by a mask; half of it fits the smallest L2 caches in use.
pub const CAPACITY: usize = 256 * 1024;
/// A cache line.
pub(super) const LINE: u64 = 64;
/// Messages from so long on begin on a line of their own: a long copy between places that lie differently in their lines is slower,
/// and one more line in seventeen is no matter.
pub(super) const ALIGNED: usize = 1024;
/// Headers, which are read and written as a whole, and bytes; all zero at first.
#[repr(C, align(128))]
pub(super) struct Data([AtomicU64; CAPACITY / 8]);

impl Data {
    /// The header at this position, which is a multiple of its own length.
    #[inline(always)]
    pub(super) fn header(&self, position: u64) -> &AtomicU64 {
        // The mask keeps the index in bounds, which the compiler can see.
        &self.0[(position as usize & (CAPACITY - 1)) / 8]
    }

    /// `cldemote`: the line at this position will be read by another core next (Intel SDM vol. 2; a hint without effect
    /// on what the program sees, and a no-op where the CPU does not know it).
    #[inline(always)]
    pub(super) fn demote(&self, position: u64) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            let line: *const AtomicU64 = self.header(position);
            // SAFETY: the address is in bounds, and the instruction changes no memory, register or flag.
            unsafe { std::arch::asm!("cldemote [{}]", in(reg) line, options(nostack, preserves_flags)) };
        }
        #[cfg(any(not(target_arch = "x86_64"), miri))]
        let _ = position;
    }

    #[inline(always)]
    pub(super) fn copy_in(&self, position: u64, bytes: &[u8]) {
        let (at, first) = self.split(position, bytes.len());
        let start = self.0.as_ptr().cast::<u8>().cast_mut();
        // SAFETY: both parts lie within the data (`split`); the frame is not published, so the consumer does not look.
        // The memory is shared through atomics, whose interior may be written through a shared reference.
        unsafe {
            copy(bytes.as_ptr(), start.add(at), first);
            if first < bytes.len() {
                copy(bytes.as_ptr().add(first), start, bytes.len() - first);
            }
        }
    }

    #[inline(always)]
    pub(super) fn copy_out(&self, position: u64, bytes: &mut [u8]) {
        let (at, first) = self.split(position, bytes.len());
        let start = self.0.as_ptr().cast::<u8>();
        // SAFETY: both parts lie within the data (`split`); the frame is published and its room not given back, so the
        // producer does not write.
        unsafe {
            copy(start.add(at), bytes.as_mut_ptr(), first);
            if first < bytes.len() {
                copy(start, bytes.as_mut_ptr().add(first), bytes.len() - first);
            }
        }
    }

    /// Where `len` bytes (at most the capacity) from `position` begin, and how many fit before the wrap.
    #[inline(always)]
    fn split(&self, position: u64, len: usize) -> (usize, usize) {
        assert!(len <= CAPACITY, "a frame is never longer than the ring");
        let at = position as usize & (CAPACITY - 1);
        (at, len.min(CAPACITY - at))
    }
}

/// As `ptr::copy_nonoverlapping`, whose contract it has: of 16 to 128 bytes in place, for a call of memcpy(3) takes as long as the
/// copying. Without a loop, of which the compiler would make that call.
#[inline(always)]
unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: promised by the caller.
    unsafe {
        match len {
            16..=32 => both_ends::<[u8; 16]>(from, to, len),
            33..=64 => both_ends::<[u8; 32]>(from, to, len),
            65..=128 => both_ends::<[u8; 64]>(from, to, len),
            _ => std::ptr::copy_nonoverlapping(from, to, len),
        }
    }
}

/// The same where `len` is one to two `T`s, which are arrays of bytes: the first and the last of them, which may overlap.
#[inline(always)]
unsafe fn both_ends<T>(from: *const u8, to: *mut u8, len: usize) {
    let last_at = len - size_of::<T>();
    // SAFETY: promised by the caller; bytes have no alignment, and both lie within `len`.
    unsafe {
        let (first, last) = (from.cast::<T>().read(), from.add(last_at).cast::<T>().read());
        to.cast::<T>().write(first);
        to.add(last_at).cast::<T>().write(last);
    }
}
