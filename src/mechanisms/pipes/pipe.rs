//! Anonymous pipes: two pipe2(2)s, one a direction, read(2) and write(2); of the default capacity, or enlarged.
//!
//! Writes of up to `PIPE_BUF` bytes are atomic, so several writers may share one pipe; and as a reader holds the pipe's lock
//! while it reads, several readers of whole messages may share one, too.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

use crate::descriptor::{named, read_all, wait_by, write_all};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, FanIn, FanOut, Transport};

pub(super) static DEFAULT: Mechanism = Mechanism {
    name: "pipe",
    summary: "anonymous pipes, one a direction, default capacity",
    family: Family::Pipe,
    reach: Reach::Both,
    references: &["pipe(2)", "pipe(7)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::transport::<Pipe<0>>(), shapes::fan_in::<Pipe<0>>(), shapes::fan_out::<Pipe<0>>()],
};

pub(super) static ENLARGED: Mechanism = Mechanism {
    name: "pipe-1mib",
    summary: "anonymous pipes enlarged to 1 MiB by F_SETPIPE_SZ, the default of fs.pipe-max-size",
    family: Family::Pipe,
    reach: Reach::Both,
    references: &["pipe(7)", "F_SETPIPE_SZ in fcntl(2)"],
    support: || match new_pipe(ENLARGED_BYTES) {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    },
    rank: Rank::Common,
    shapes: &[shapes::transport::<Pipe<ENLARGED_BYTES>>()],
};

pub(super) const ENLARGED_BYTES: usize = 1 << 20;
/// The capacity is left as the kernel makes it.
pub(super) const DEFAULT_BYTES: usize = 0;

struct Pipe<const CAPACITY: usize> {
    reader: OwnedFd,
    writer: OwnedFd,
}

/// The reading and the writing end of a pipe of this capacity.
pub(super) fn new_pipe(capacity: usize) -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    if capacity != DEFAULT_BYTES {
        let refused = |errno| {
            let call = format!("F_SETPIPE_SZ to {capacity} bytes");
            let limits = "see fs.pipe-max-size and fs.pipe-user-pages-soft";
            io::Error::other(format!("{}; {limits}", named(&call, errno)))
        };
        fcntl(&writer, FcntlArg::F_SETPIPE_SZ(capacity as i32)).map_err(refused)?;
    }
    Ok((reader, writer))
}

impl<const CAPACITY: usize> Transport for Pipe<CAPACITY> {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near_reader, far_writer) = new_pipe(CAPACITY)?;
        let (far_reader, near_writer) = new_pipe(CAPACITY)?;
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

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.reader.as_fd())
    }
}

impl<const CAPACITY: usize> FanIn for Pipe<CAPACITY> {
    type Reader = Self;

    fn supports_fan_in(setup: &Setup) -> Support {
        atomic(setup.payload_bytes)
    }

    fn fan_in(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        let (one, other) = Self::pair(setup)?;
        let others = (1..setup.parties - 1).map(|_| other.duplicate()).collect::<io::Result<Vec<_>>>()?;
        Ok((one, [other].into_iter().chain(others).collect()))
    }
}

impl<const CAPACITY: usize> FanOut for Pipe<CAPACITY> {
    fn supports_fan_out(setup: &Setup) -> Support {
        atomic(setup.payload_bytes)
    }

    fn fan_out(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        Self::fan_in(setup)
    }
}

impl<const CAPACITY: usize> Pipe<CAPACITY> {
    fn duplicate(&self) -> io::Result<Self> {
        Ok(Pipe { reader: self.reader.try_clone()?, writer: self.writer.try_clone()? })
    }
}

/// Whether messages stay whole beside others.
pub(super) fn atomic(payload_bytes: usize) -> Support {
    let most = libc::PIPE_BUF;
    if payload_bytes <= most {
        return Support::Available;
    }
    Support::Missing(format!("a message of {payload_bytes} bytes is not written atomically: PIPE_BUF is {most} bytes"))
}
