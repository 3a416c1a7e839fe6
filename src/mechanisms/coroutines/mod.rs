//! Tasks that leave the CPU to each other without the kernel. Each counts its turns on the side that is resumed.

mod corosensei;
mod future;
mod may;
mod own_switch;
mod tokio_tasks;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &own_switch::MECHANISM,
    &corosensei::MECHANISM,
    &may::MECHANISM,
    &future::MECHANISM,
    &tokio_tasks::YIELD,
    &tokio_tasks::CHANNEL,
];
