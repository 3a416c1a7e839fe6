//! Nothing but the message that there is news.

mod eventfd;
mod futex;
mod io_uring_msg_ring;
mod pipe_byte;
mod thread_park;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &futex::MECHANISM,
    &eventfd::MECHANISM,
    &pipe_byte::MECHANISM,
    &io_uring_msg_ring::MECHANISM,
    &thread_park::OF_STD,
    &thread_park::OF_PARKING_LOT,
    &thread_park::OF_CROSSBEAM,
];
