//! Unix, TCP, UDP and vsock sockets.

mod tcp;
mod unix_dgram;
mod unix_seqpacket;
mod unix_stream;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] =
    &[&unix_stream::MECHANISM, &unix_dgram::MECHANISM, &unix_seqpacket::MECHANISM, &tcp::MECHANISM];
