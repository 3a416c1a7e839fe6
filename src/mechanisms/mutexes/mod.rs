//! Locks whose waiters sleep, at least after a while.

mod by_guard;
mod eventfd;
mod file_locks;
mod futex_mutex;
mod parking_lot;
mod posix_sem;
mod pthread;
mod std_mutex;
mod sysv_sem;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &std_mutex::MECHANISM,
    &parking_lot::MUTEX,
    &parking_lot::FAIR,
    &parking_lot::REENTRANT,
    &pthread::NORMAL,
    &pthread::ADAPTIVE,
    &pthread::RECURSIVE,
    &pthread::ERROR_CHECKING,
    &pthread::SHARED,
    &pthread::ROBUST,
    &pthread::INHERITING,
    &futex_mutex::PRIVATE,
    &futex_mutex::SHARED,
    &posix_sem::PRIVATE,
    &posix_sem::SHARED,
    &posix_sem::NAMED,
    &sysv_sem::PLAIN,
    &sysv_sem::UNDONE,
    &file_locks::FLOCK,
    &file_locks::RECORD,
    &file_locks::OFD,
    &eventfd::MECHANISM,
    &by_guard::TOKIO,
    &by_guard::ASYNC_LOCK,
];
