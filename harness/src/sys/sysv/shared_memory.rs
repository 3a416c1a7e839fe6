//! System V shared memory, shmget(2).
#![allow(unsafe_code)] // attaching memory

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use nix::errno::Errno;

use super::{Kind, Object, explain_create, named_by};
use crate::sys::huge_pages::Pages;
use crate::sys::memory::Mapping;
use crate::sys::refused;

/// A segment under its key; removed when the process that made it drops it. The memory stays until it is attached
/// nowhere, so a segment is best dropped as soon as all who need it have attached it.
#[derive(Debug)]
pub struct Segment {
    object: Object<Segment>,
    len: usize,
}

impl Segment {
    /// `shmget(key, len, IPC_CREAT | IPC_EXCL | 0600)` of zeroed bytes; with huge pages also `SHM_HUGETLB`, and `len`
    /// rounded up to whole ones. Fails when the key is in use, and at `kernel.shmmax`, `kernel.shmall` and
    /// `kernel.shmmni`.
    pub fn create(key: i32, len: usize, pages: Pages) -> io::Result<Segment> {
        named_by(key)?;
        let len = pages.round_up(len)?;
        let huge = if pages == Pages::Huge { libc::SHM_HUGETLB } else { 0 };
        // SAFETY: the call takes no pointer.
        let created = Object::create(|flags| unsafe { libc::shmget(key, len, flags | huge) });
        let object = created.map_err(|errno| match (pages, errno) {
            (Pages::Huge, Errno::ENOMEM | Errno::EPERM) => pages.refused("shmget(SHM_HUGETLB)", len, errno),
            _ => explain_create::<Self>(format_args!("a segment of {len} bytes"), key, errno),
        })?;
        Ok(Segment { object, len })
    }

    /// `shmat(2)` for reading and writing, and `Mapping::fault_in`; `shmdt(2)` when the mapping is dropped.
    pub fn attach(&self) -> io::Result<Mapping> {
        let mapping = self.attach_untouched()?;
        mapping.fault_in()?;
        Ok(mapping)
    }

    /// As `attach`, and without page tables.
    pub fn attach_untouched(&self) -> io::Result<Mapping> {
        // SAFETY: the kernel chooses an address where nothing is mapped.
        let start = unsafe { libc::shmat(self.object.id, std::ptr::null(), 0) };
        let failed = start.addr() == usize::MAX;
        let Some(start) = NonNull::new(start.cast::<u8>()).filter(|_| !failed) else {
            return Err(refused(format_args!("shmat of {} bytes", self.len), Errno::last(), ""));
        };
        // SAFETY: the whole segment has just been attached there, and only the mapping detaches it.
        Ok(unsafe { Mapping::adopt(start, self.len, detach) })
    }
}

fn detach(start: NonNull<u8>, _len: usize) {
    // SAFETY: a `Mapping` gives its range back once, when nobody refers to it any more.
    let _ = unsafe { libc::shmdt(start.as_ptr().cast()) };
}

impl Kind for Segment {
    const GET: &'static str = "shmget";
    const LIMITS: &'static [&'static str] = &["shmmax", "shmall", "shmmni"];

    fn find(key: i32) -> nix::Result<c_int> {
        // SAFETY: the call takes no pointer.
        Errno::result(unsafe { libc::shmget(key, 0, 0) })
    }

    fn permissions(id: c_int) -> nix::Result<libc::ipc_perm> {
        let mut status = MaybeUninit::<libc::shmid_ds>::zeroed();
        // SAFETY: the call writes one status, to a live one; all zeros are a status, too.
        unsafe {
            Errno::result(libc::shmctl(id, libc::IPC_STAT, status.as_mut_ptr()))?;
            Ok(status.assume_init().shm_perm)
        }
    }

    fn remove(id: c_int) -> nix::Result<()> {
        // SAFETY: IPC_RMID ignores the pointer.
        Errno::result(unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) }).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;
    use crate::sys::huge_pages::tests::judge;
    use crate::sys::testing;

    fn last_byte(mapping: &Mapping) -> &AtomicU8 {
        // SAFETY: the byte is mapped as long as `mapping` lives, and reached through atomics only.
        unsafe { AtomicU8::from_ptr(mapping.as_ptr().add(mapping.len() - 1)) }
    }

    #[test]
    fn memory_attached_twice_outlives_its_key_and_is_shared_with_a_child() {
        let key = testing::key();
        let segment = Segment::create(key, 5000, Pages::Base).unwrap();
        let (near, far) = (segment.attach().unwrap(), segment.attach().unwrap());
        assert_ne!(near.as_ptr(), far.as_ptr());
        drop(segment);
        assert_eq!(Segment::find(key), Err(Errno::ENOENT));
        let child = testing::fork(|| {
            last_byte(&far).store(7, Ordering::Relaxed);
            far.len() == 5000
        });
        assert!(child.succeeded());
        assert_eq!(last_byte(&near).load(Ordering::Relaxed), 7);
    }

    #[test]
    fn a_forked_copy_removes_nothing() {
        let mut segment = Some(Segment::create(testing::key(), 1, Pages::Base).unwrap());
        assert!(testing::fork(|| segment.take().is_some()).succeeded());
        segment.unwrap().attach().unwrap();
    }

    #[test]
    fn dropping_an_attachment_detaches_it() {
        let segment = Segment::create(testing::key(), 1, Pages::Base).unwrap();
        drop(segment.attach().unwrap());
        let mut status = MaybeUninit::<libc::shmid_ds>::zeroed();
        // SAFETY: as in `permissions`.
        let attached = unsafe {
            libc::shmctl(segment.object.id, libc::IPC_STAT, status.as_mut_ptr());
            status.assume_init().shm_nattch
        };
        assert_eq!(attached, 0);
    }

    #[test]
    fn a_size_that_is_not_allowed_is_refused_with_the_limits() {
        let error = Segment::create(testing::key(), 0, Pages::Base).unwrap_err().to_string();
        assert!(error.contains("a segment of 0 bytes") && error.contains("kernel.shmmax is "), "{error}");
    }

    #[test]
    fn huge_pages_come_or_with_how_to_get_them() {
        if let Some(segment) = judge(Segment::create(testing::key(), 1, Pages::Huge)) {
            segment.attach().unwrap();
        }
    }
}
