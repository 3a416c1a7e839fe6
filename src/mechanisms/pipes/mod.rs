//! Pipes, FIFOs and pseudo-terminals.

mod pipe;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[&pipe::DEFAULT, &pipe::ENLARGED];
