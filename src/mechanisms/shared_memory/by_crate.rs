//! Memory mapped by the `shared_memory` crate: POSIX shared memory, unlinked as soon as all who need it have mapped it.

use std::io;

use ipcmark_harness::sys::names;
use nix::errno::Errno;
use nix::sys::mman::shm_unlink;
use shared_memory::ShmemError::{self, MapCreateFailed, MapOpenFailed, UnknownOsError};
use shared_memory::{Shmem, ShmemConf};

use super::mapping::{Mapped, Mapping, Memory, new_name, room_in_dev_shm};

/// `shm_open(3)` by the crate: a file in /dev/shm, mapped by each party.
pub(super) struct PosixShmCrate;

impl Mapping for PosixShmCrate {
    const REFERENCES: [&'static str; 2] = ["shm_open(3)", "shared_memory 0.12 (crate)"];

    fn may_have(len: usize) -> io::Result<()> {
        room_in_dev_shm(len)
    }

    fn several(len: usize, parties: usize) -> io::Result<Vec<Memory>> {
        Self::may_have(len)?;
        let name = new_name();
        names::held(|| {
            let mut first =
                ShmemConf::new().os_id(&name).size(len).create().map_err(|e| explained("create", len, e))?;
            let more = || ShmemConf::new().os_id(&name).open().map_err(|e| explained("open", len, e));
            let others: io::Result<Vec<Shmem>> = (1..parties).map(|_| more()).collect();
            // Ours to unlink, now: the crate would do it on drop, in every forked copy.
            first.set_owner(false);
            shm_unlink(name.as_str())?;
            Ok([first].into_iter().chain(others?).map(|mapped| Box::new(ByCrate(mapped)) as Memory).collect())
        })
    }
}

/// The crate's mapping.
struct ByCrate(Shmem);

#[allow(unsafe_code)]
// SAFETY: a mapping is plain memory; moving the handle to another thread moves no memory.
unsafe impl Send for ByCrate {}

impl Mapped for ByCrate {
    fn start(&self) -> *mut u8 {
        self.0.as_ptr()
    }

    /// Reads a byte of each page.
    fn fault_in(&self) -> io::Result<()> {
        let start = self.0.as_ptr();
        for offset in (0..self.0.len()).step_by(4096) {
            #[allow(unsafe_code)]
            // SAFETY: the byte is mapped; a volatile read of shared memory whose value is not used.
            unsafe {
                start.add(offset).read_volatile();
            }
        }
        Ok(())
    }
}

/// The crate's errors carry the bare error number, or none.
fn explained(call: &str, len: usize, error: ShmemError) -> io::Error {
    let cause = match error {
        MapCreateFailed(errno) | MapOpenFailed(errno) | UnknownOsError(errno) => {
            format!("{}; is /dev/shm mounted and writable?", Errno::from_raw(errno as i32))
        }
        other => other.to_string(),
    };
    io::Error::other(format!("shared_memory: {call} of {len} bytes: {cause}"))
}
