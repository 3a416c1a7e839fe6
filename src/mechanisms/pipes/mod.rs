//! Pipes, FIFOs and pseudo-terminals.

mod pipe;
mod splice;
mod vmsplice;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] =
    &[&pipe::DEFAULT, &pipe::ENLARGED, &vmsplice::DEFAULT, &vmsplice::ENLARGED, &vmsplice::GIFT, &splice::MECHANISM];
