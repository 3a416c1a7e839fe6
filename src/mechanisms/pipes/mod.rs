//! Pipes, FIFOs and pseudo-terminals.

mod fifo;
mod pipe;
mod pty;
#[cfg(feature = "test-mechanisms")]
mod slowed;
mod splice;
mod vmsplice;

pub(super) use self::pipe::has_default_capacity;
use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &pipe::DEFAULT,
    &pipe::ENLARGED,
    &fifo::IN_MEMORY,
    &fifo::ON_DISK,
    &vmsplice::DEFAULT,
    &vmsplice::ENLARGED,
    &vmsplice::GIFT,
    &splice::MECHANISM,
    &pty::MECHANISM,
    #[cfg(feature = "test-mechanisms")]
    &slowed::TIMED,
    #[cfg(feature = "test-mechanisms")]
    &slowed::SLOWED,
];
