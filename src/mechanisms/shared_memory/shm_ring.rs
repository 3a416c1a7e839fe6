//! A byte ring in POSIX shared memory, mapped by both ends through the `shared_memory` crate.
//!
//! One object holds two rings, one a direction (see `ring` for how they work). The object is unlinked as soon as both
//! ends have mapped it. A peer that is killed says nothing: its end shows only in its process's end.

use std::io;

use ipcmark_harness::sys::names;
use nix::sys::statvfs::statvfs;
use shared_memory::{Shmem, ShmemConf};

use crate::manner::Manner;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::ring::{Consumer, Producer, Ring};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "shm-ring",
    summary: "single-producer rings in POSIX shared memory (shared_memory crate); futex, spin, or spin then futex",
    family: Family::SharedMemory,
    reach: Reach::Both,
    references: &[
        "shm_open(3)",
        "mmap(2)",
        "futex(2)",
        "shared_memory 0.12 (crate)",
        "Giacomoni et al., FastForward, PPoPP 2008",
    ],
    support,
    rank: Rank::Headline,
    shapes: &[shapes::transport::<ShmRing>()],
};

/// Both rings, as they lie in the object.
const OBJECT_BYTES: usize = 2 * size_of::<Ring>();

fn support() -> Support {
    match Mapping::pair() {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    }
}

struct ShmRing {
    inbound: Consumer,
    outbound: Producer,
    /// Whether something came in since the last message went out: then the other end waits for the next one.
    answering: bool,
    // After the ends that point into it.
    mapping: Mapping,
}

impl Transport for ShmRing {
    const BOUNDARIES: bool = true;
    const WAITINGS: &'static [Waiting] = &[Waiting::Block, Waiting::Spin, Waiting::Adaptive];

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let manner = Manner::of(setup);
        let (near, far) = Mapping::pair()?;
        Ok((ShmRing::new(near, 0, manner), ShmRing::new(far, 1, manner)))
    }

    fn settle(&mut self) -> io::Result<()> {
        self.mapping.fault_in();
        Ok(())
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.outbound.send(message, self.answering);
        self.answering = false;
        Ok(())
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        self.answering = true;
        self.inbound.recv(message)
    }

    fn hang_up(&mut self) {
        self.outbound.close();
    }
}

impl ShmRing {
    /// The end that reads ring `inbound` (0 or 1) and writes the other.
    fn new(mapping: Mapping, inbound: usize, manner: Manner) -> ShmRing {
        let rings = mapping.0.as_ptr().cast::<Ring>();
        #[allow(unsafe_code)]
        // SAFETY: the object holds two rings (`OBJECT_BYTES`), zeroed by the kernel and page-aligned; it stays mapped as
        // long as `mapping`, which is dropped last; each ring gets one producer and one consumer, one at either end.
        let (inbound, outbound) =
            unsafe { (Consumer::new(rings.add(inbound), manner), Producer::new(rings.add(1 - inbound), manner)) };
        ShmRing { inbound, outbound, answering: true, mapping }
    }
}

/// One end's mapping of the object.
struct Mapping(Shmem);

#[allow(unsafe_code)]
// SAFETY: a mapping is plain memory; moving the handle to another thread moves no memory.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Creates an object, maps it twice, and unlinks its name.
    fn pair() -> io::Result<(Mapping, Mapping)> {
        room_for_the_object()?;
        let name = format!("/{}", names::next());
        names::held(|| {
            let mut near =
                ShmemConf::new().os_id(&name).size(OBJECT_BYTES).create().map_err(|e| explained("create", e))?;
            let far = ShmemConf::new().os_id(&name).open().map_err(|e| explained("open", e));
            // Ours to unlink, now: the crate would do it on drop, in every forked copy.
            near.set_owner(false);
            nix::sys::mman::shm_unlink(name.as_str())?;
            Ok((Mapping(near), Mapping(far?)))
        })
    }

    /// Touches every page, so that the page table of this process is complete.
    fn fault_in(&self) {
        let start = self.0.as_ptr();
        for offset in (0..self.0.len()).step_by(4096) {
            #[allow(unsafe_code)]
            // SAFETY: the byte is mapped; a volatile read of shared memory whose value is not used.
            unsafe {
                start.add(offset).read_volatile();
            }
        }
    }
}

/// A full /dev/shm would show only as SIGBUS at the first touch.
fn room_for_the_object() -> io::Result<()> {
    let Ok(fs) = statvfs("/dev/shm") else { return Ok(()) };
    let free = fs.blocks_available() * fs.fragment_size();
    if free < OBJECT_BYTES as u64 {
        return Err(io::Error::other(format!("/dev/shm has {free} bytes free, the rings need {OBJECT_BYTES}")));
    }
    Ok(())
}

/// The crate's errors carry the bare error number, or none.
fn explained(call: &str, error: shared_memory::ShmemError) -> io::Error {
    use shared_memory::ShmemError::{MapCreateFailed, MapOpenFailed, UnknownOsError};
    let cause = match error {
        MapCreateFailed(errno) | MapOpenFailed(errno) | UnknownOsError(errno) => {
            format!("{}; is /dev/shm mounted and writable?", nix::errno::Errno::from_raw(errno as i32))
        }
        other => other.to_string(),
    };
    io::Error::other(format!("shared_memory: {call} of {OBJECT_BYTES} bytes: {cause}"))
}
