//! A byte ring in POSIX shared memory, mapped by both ends through the `shared_memory` crate.
//!
//! One object holds two rings, one a direction (see `ring` for how they work). The object is unlinked as soon as both
//! ends have mapped it. A peer that is killed says nothing: its end shows only in its process's end.

use std::io;

use super::by_crate::PosixShmCrate;
use super::mapping::{Mapping, Memory};
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
    match PosixShmCrate::several(OBJECT_BYTES, 1) {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    }
}

struct ShmRing {
    inbound: Consumer,
    outbound: Producer,
    /// Whether something came in since the last message went out: then the other end waits for the next one; if not, what comes
    /// next is an answer.
    answering: bool,
    // After the ends that point into it.
    mapping: Memory,
}

impl Transport for ShmRing {
    const BOUNDARIES: bool = true;
    const WAITINGS: &'static [Waiting] = &[Waiting::Block, Waiting::Spin, Waiting::Adaptive];

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let manner = Manner::of(setup);
        let [near, far] = PosixShmCrate::pair(OBJECT_BYTES)?;
        Ok((ShmRing::new(near, 0, manner), ShmRing::new(far, 1, manner)))
    }

    fn settle(&mut self) -> io::Result<()> {
        self.mapping.fault_in()
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.outbound.send(message, self.answering);
        self.answering = false;
        Ok(())
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let awaited = !std::mem::replace(&mut self.answering, true);
        self.inbound.recv(message, awaited)
    }

    fn hang_up(&mut self) {
        self.outbound.close();
    }
}

impl ShmRing {
    /// The end that reads ring `inbound` (0 or 1) and writes the other.
    fn new(mapping: Memory, inbound: usize, manner: Manner) -> ShmRing {
        let rings = mapping.start().cast::<Ring>();
        #[allow(unsafe_code)]
        // SAFETY: the object holds two rings (`OBJECT_BYTES`), zeroed by the kernel and page-aligned; it stays mapped as
        // long as `mapping`, which is dropped last; each ring gets one producer and one consumer, one at either end.
        let (inbound, outbound) =
            unsafe { (Consumer::new(rings.add(inbound), manner), Producer::new(rings.add(1 - inbound), manner)) };
        ShmRing { inbound, outbound, answering: true, mapping }
    }
}
