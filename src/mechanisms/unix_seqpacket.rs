//! Unix sequenced-packet sockets: one `socketpair(AF_UNIX, SOCK_SEQPACKET)`, default buffers, read(2) and write(2).

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use crate::descriptor::{fits_send_buffer, read_message, wait_by, write_message};
use crate::mechanism::{Family, Mechanism, Reach, Setup, Support, Transport};
use crate::{contract, workloads};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "unix-seqpacket",
    summary: "a connected pair of Unix sequenced-packet sockets, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["unix(7)", "socketpair(2)"],
    support: || Support::Available,
    workloads: workloads::transport::<UnixSeqpacket>(),
    contract: contract::transport::<UnixSeqpacket>(),
};

struct UnixSeqpacket(OwnedFd);

fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

impl Transport for UnixSeqpacket {
    const BOUNDARIES: bool = true;

    fn supports(setup: &Setup) -> Support {
        pair().map_or(Support::Available, |(end, _)| fits_send_buffer(&end, setup.payload_bytes))
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = pair()?;
        wait_by(&near, setup.waiting)?;
        wait_by(&far, setup.waiting)?;
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
