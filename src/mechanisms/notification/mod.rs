//! Nothing but the message that there is news.

mod auto_reset_event;
mod condvar;
mod eventfd;
mod futex;
mod io_uring_msg_ring;
mod pidfd_exit;
mod pipe_byte;
mod posix_sem;
mod signals;
mod sysv_sem;
mod thread_park;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &futex::MECHANISM,
    &eventfd::MECHANISM,
    &signals::STANDARD,
    &signals::QUEUED,
    &signals::BY_DESCRIPTOR,
    &posix_sem::UNNAMED,
    &posix_sem::NAMED,
    &sysv_sem::MECHANISM,
    &condvar::OF_PTHREAD,
    &condvar::PRIVATE,
    &condvar::OF_STD,
    &condvar::OF_PARKING_LOT,
    &auto_reset_event::MECHANISM,
    &pipe_byte::MECHANISM,
    &io_uring_msg_ring::MECHANISM,
    &pidfd_exit::MECHANISM,
    &thread_park::OF_STD,
    &thread_park::OF_PARKING_LOT,
    &thread_park::OF_CROSSBEAM,
];
