//! Pipes, FIFOs and pseudo-terminals.

mod fifo;
mod pipe;
mod pty;
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
];
