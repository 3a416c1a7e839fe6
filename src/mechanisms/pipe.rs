//! Anonymous pipes: two `pipe2(2)`s of the default capacity, one a direction, read(2) and write(2).

use std::io;
use std::os::fd::OwnedFd;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use crate::descriptor::{read_all, wait_by, write_all};
use crate::mechanism::{Family, Mechanism, Reach, Setup, Support, Transport};
use crate::{contract, workloads};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "pipe",
    summary: "anonymous pipes, one a direction, default capacity",
    family: Family::Pipe,
    reach: Reach::Both,
    references: &["pipe(2)", "pipe(7)"],
    support: || Support::Available,
    workloads: workloads::transport::<Pipe>(),
    contract: contract::transport::<Pipe>(),
};

struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Transport for Pipe {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near_reader, far_writer) = pipe2(OFlag::O_CLOEXEC)?;
        let (far_reader, near_writer) = pipe2(OFlag::O_CLOEXEC)?;
        for fd in [&near_reader, &near_writer, &far_reader, &far_writer] {
            wait_by(fd, setup.waiting)?;
        }
        Ok((Pipe { reader: near_reader, writer: near_writer }, Pipe { reader: far_reader, writer: far_writer }))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        write_all(&self.writer, message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        read_all(&self.reader, message)
    }
}
