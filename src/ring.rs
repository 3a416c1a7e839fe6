//! A byte ring for one producer and one consumer in shared memory, with its waiting.
//!
//! How it works:
//! - Messages lie in the ring as frames of whole cache lines: an 8-byte header, the bytes, padding. The header **is** the
//!   flag: zero until the frame is complete, then its length and a mark. The consumer polls the header that comes next, so
//!   a message costs the transfer of the lines it lies in, and no index travels with it (Giacomoni et al., FastForward,
//!   PPoPP 2008).
//! - Whatever an earlier lap left where a header may come is zeroed a few lines ahead of time, after a frame has been
//!   published: so the producer owns those lines already when it needs them.
//! - The lines of a short message that the consumer is known to wait for are pushed towards the shared cache (cldemote): a
//!   round trip between two cores of the development machine fell from 1.40 to 1.2 times that of two bare flags. In a
//!   stream the same instruction costs fivefold, so there it is left out. Older CPUs take it as a no-op.
//! - `head`, how far the consumer has come, lies on a line of its own; the producer looks at it only when the room it
//!   knows of runs out (Lee et al., MCRingBuffer, IPDPS 2010).
//! - A message longer than a quarter of the ring crosses in several frames, so that copying in and out overlap.
//! - To block, a party waits by its [`Sleeper`](crate::manner::Sleeper), and the other looks for sleepers after each step.

mod data;
/// What the protocol stands on; in its model (`models/`) that is loom's.
mod ground {
    pub(super) use std::hint::spin_loop;
    pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
}
mod protocol;

pub use data::CAPACITY;
pub use protocol::{Consumer, Producer, Ring};

#[cfg(test)]
mod tests;
