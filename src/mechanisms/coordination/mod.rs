//! What keeps parties in step beside locks: permits, barriers, philosophers, and values that are made once.

mod condvar_permits;
mod dining;
mod futex_permits;
mod once_cells;
mod posix_permits;
mod pthread_barrier;
mod sense_barrier;
mod std_barrier;
mod sysv_permits;
mod tokio_permits;
mod wait_group;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &posix_permits::MECHANISM,
    &futex_permits::MECHANISM,
    &sysv_permits::MECHANISM,
    &condvar_permits::OF_STD,
    &tokio_permits::MECHANISM,
    &pthread_barrier::MECHANISM,
    &sense_barrier::MECHANISM,
    &std_barrier::MECHANISM,
    &wait_group::MECHANISM,
    &dining::ORDERED,
    &dining::TIMED,
    &dining::POLITE,
    &dining::ONE_LOCK,
    &dining::DETECTED,
    &once_cells::ONCE_LOCK,
    &once_cells::LAZY_LOCK,
];
