//! A task stopping and another one running in its place: rings round which a token goes, by what wakes the next task.

mod eventfd_ring;
mod pipe_ring;
mod sem_ring;
mod word_ring;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &word_ring::BY_FUTEX,
    &pipe_ring::MECHANISM,
    &eventfd_ring::MECHANISM,
    &sem_ring::MECHANISM,
    &word_ring::BY_YIELD,
];
