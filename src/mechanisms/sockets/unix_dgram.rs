//! Unix datagram sockets: one `socketpair(AF_UNIX, SOCK_DGRAM)`, default buffers, read(2) and write(2).
//!
//! They are reliable and keep order, unlike datagrams between hosts; a full queue (net.unix.max_dgram_qlen) holds the sender
//! back. Nothing tells a receiver that the other end is gone: unix_release_sock tells connected types only.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::socket::SockType;

use crate::descriptor::{fits_send_buffer, read_message, unix_pair, write_message};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "unix-dgram",
    summary: "a connected pair of Unix datagram sockets, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["unix(7)", "socketpair(2)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::transport::<UnixDgram>()],
};

struct UnixDgram(OwnedFd);

impl Transport for UnixDgram {
    const BOUNDARIES: bool = true;
    const REPORTS_END: bool = false;

    fn supports(setup: &Setup) -> Support {
        fits_send_buffer(SockType::Datagram, setup.payload_bytes)
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = unix_pair(SockType::Datagram, setup.waiting)?;
        Ok((UnixDgram(near), UnixDgram(far)))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        write_message(&self.0, message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        read_message(&self.0, message)
    }
}
