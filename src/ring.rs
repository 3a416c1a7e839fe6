//! A byte ring for one producer and one consumer in shared memory, with its waiting.
//!
//! How it works:
//! - Messages lie in the ring as frames, one behind the other: an 8-byte header, the bytes, padding to the next multiple of 8.
//!   The header **is** the flag: zero until the frame is complete, then its length and a mark. The consumer polls the header that
//!   comes next, so a message costs the transfer of the lines it lies in, and no index travels with it (Giacomoni et al.,
//!   FastForward, PPoPP 2008). Frames are not padded to whole lines: a message of 64 bytes would take two instead of 1.125.
//! - Before a frame is published, the header after it is zeroed: an earlier lap may have left anything there.
//! - A party that has caught up with the other in a stream waits for a third of a microsecond, once, before it looks again
//!   (FastForward's temporal slipping): at the other's heels every message would cost two crossings of the line that both are
//!   at. One that awaits an answer looks again at once.
//! - Where a message has the length that is wanted, the place of the next header is computed from that length and not from the
//!   header that was read: so the CPU fetches several lines at once, as from a ring of slots.
//! - The lines of a short message that the consumer is known to wait for are pushed towards the shared cache (cldemote, which
//!   Intel's server processors have; others, AMD's among them, take it as a no-op): with frames of whole lines, a round trip
//!   between two cores of a Sapphire Rapids machine fell from 1.40 to 1.2 times that of two bare flags. In a stream the same
//!   instruction costs fivefold, so there it is left out.
//! - `head`, how far the consumer has come, lies on a line of its own; the producer looks at it only when the room it
//!   knows of runs out (Lee et al., MCRingBuffer, IPDPS 2010).
//! - A message longer than a quarter of the ring crosses in several frames, so that copying in and out overlap.
//! - To block, a party waits by its [`Sleeper`](crate::manner::Sleeper), and the other looks for sleepers after each step.

mod data;
/// What the protocol stands on; in its model (`models/`) that is loom's.
mod ground {
    pub(super) use std::hint::spin_loop;
    pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    /// Pause instructions for the time in which some ten lines cross between two cores: 16 take 0.35 µs on Zen 5 (*observed*).
    pub(super) fn fall_behind() {
        (0..16).for_each(|_| spin_loop());
    }
}
mod protocol;

pub use data::CAPACITY;
pub use protocol::{Consumer, Producer, Ring};

#[cfg(test)]
mod tests;
