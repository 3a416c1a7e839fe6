//! Unix, TCP, UDP and vsock sockets.

mod connection;
mod io_uring;
mod lent;
mod listening;
mod meeting;
mod tcp;
mod tcp_reset;
mod tcp_zerocopy;
mod udp;
mod unix;
mod unix_dgram;
mod unix_many;
mod unix_seqpacket;
mod unix_stream;
mod vsock;
mod watched;
mod window;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &unix_stream::MECHANISM,
    &unix_stream::PATH,
    &unix_stream::ABSTRACT,
    &unix_dgram::MECHANISM,
    &unix_dgram::PATH,
    &unix_dgram::ABSTRACT,
    &unix_seqpacket::MECHANISM,
    &unix_seqpacket::PATH,
    &unix_seqpacket::ABSTRACT,
    &io_uring::MECHANISM,
    &tcp::MECHANISM,
    &tcp::NAGLE,
    &tcp::IPV6,
    &tcp_reset::MECHANISM,
    &tcp_zerocopy::MECHANISM,
    &udp::MECHANISM,
    &udp::SENDTO,
    &vsock::MECHANISM,
];
