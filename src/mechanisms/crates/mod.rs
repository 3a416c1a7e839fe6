//! What other mechanisms are built on, as Rust's standard library and crates give it: their own cost shows beside the raw call.

mod byte_stream;
mod iceoryx2;
#[cfg(feature = "rivals")]
mod iceoryx2_event;
#[cfg(feature = "rivals")]
mod iceoryx2_place;
#[cfg(feature = "rivals")]
mod iceoryx2_pub_sub;
mod interprocess_local_socket;
mod interprocess_pipe;
mod ipc_channel;
mod std_pipe;
mod std_unix_stream;
mod tokio_unix_stream;
mod zeromq_ipc;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &std_pipe::MECHANISM,
    &std_unix_stream::MECHANISM,
    &interprocess_pipe::UNNAMED,
    &interprocess_pipe::FIFO,
    &interprocess_local_socket::MECHANISM,
    &ipc_channel::TYPED,
    &ipc_channel::BYTES,
    &tokio_unix_stream::MECHANISM,
    &zeromq_ipc::MECHANISM,
    &iceoryx2::PUB_SUB,
    &iceoryx2::EVENT,
];
