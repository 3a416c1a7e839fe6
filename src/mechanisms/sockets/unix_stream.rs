//! Unix stream sockets: one `socketpair(AF_UNIX, SOCK_STREAM)`, default buffers, read(2) and write(2).

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::socket::SockType;

use crate::descriptor::{read_all, unix_pair, write_all};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "unix-stream",
    summary: "a connected pair of Unix stream sockets, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["unix(7)", "socketpair(2)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::transport::<UnixStream>()],
};

struct UnixStream(OwnedFd);

impl Transport for UnixStream {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = unix_pair(SockType::Stream, setup.waiting)?;
        Ok((UnixStream(near), UnixStream(far)))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        write_all(&self.0, message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        read_all(&self.0, message)
    }
}
