//! Unix sequenced-packet sockets: one `socketpair(AF_UNIX, SOCK_SEQPACKET)`, default buffers, read(2) and write(2).

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::socket::SockType;

use crate::descriptor::{fits_send_buffer, read_message, unix_pair, write_message};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "unix-seqpacket",
    summary: "a connected pair of Unix sequenced-packet sockets, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["unix(7)", "socketpair(2)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::transport::<UnixSeqpacket>()],
};

struct UnixSeqpacket(OwnedFd);

impl Transport for UnixSeqpacket {
    const BOUNDARIES: bool = true;

    fn supports(setup: &Setup) -> Support {
        fits_send_buffer(SockType::SeqPacket, setup.payload_bytes)
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = unix_pair(SockType::SeqPacket, setup.waiting)?;
        Ok((UnixSeqpacket(near), UnixSeqpacket(far)))
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
