//! What keeps parties in step beside locks: permits, barriers, philosophers.

mod condvar_permits;
mod futex_permits;
mod posix_permits;
mod sysv_permits;
mod tokio_permits;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &posix_permits::MECHANISM,
    &futex_permits::MECHANISM,
    &sysv_permits::MECHANISM,
    &condvar_permits::OF_STD,
    &tokio_permits::MECHANISM,
];
