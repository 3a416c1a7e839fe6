//! Unix stream sockets as the standard library gives them: `UnixStream::pair`, through `Read` and `Write`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::byte_stream::{read_whole, write_whole};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "std-unix-stream",
    summary: "a connected pair of Unix stream sockets of Rust's standard library, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["std::os::unix::net::UnixStream", "unix(7)"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::transport::<StdUnixStream>()],
};

struct StdUnixStream(UnixStream);

impl Transport for StdUnixStream {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(setup.waiting == Waiting::Spin)?;
        far.set_nonblocking(setup.waiting == Waiting::Spin)?;
        Ok((StdUnixStream(near), StdUnixStream(far)))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        write_whole(&mut self.0, message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        read_whole(&mut self.0, message)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}
