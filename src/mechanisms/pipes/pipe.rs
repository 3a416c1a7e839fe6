//! Anonymous pipes: two pipe2(2)s, one a direction, read(2) and write(2); of the default capacity, or enlarged.
//!
//! Writes of up to `PIPE_BUF` bytes are atomic, so several writers may share one pipe; and as a reader holds the pipe's lock
//! while it reads, several readers of whole messages may share one, too.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

use super::vmsplice::{page_bytes, slots};
use crate::descriptor::{duplicated, named, read_all, wait_by, write_all};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, FanIn, FanOut, Transport};

pub(super) static DEFAULT: Mechanism = Mechanism {
    name: "pipe",
    summary: "anonymous pipes, one a direction, default capacity",
    family: Family::Pipe,
    reach: Reach::Both,
    references: &["pipe(2)", "pipe(7)"],
    support: || new_pipe(DEFAULT_BYTES).and_then(|(reader, _)| has_default_capacity(reader)).into(),
    rank: Rank::Headline,
    shapes: &[
        shapes::transport::<Pipe<Anonymous<DEFAULT_BYTES>>>(),
        shapes::fan_in::<Pipe<Anonymous<DEFAULT_BYTES>>>(),
        shapes::fan_out::<Pipe<Anonymous<DEFAULT_BYTES>>>(),
    ],
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
    shapes: &[shapes::transport::<Pipe<Anonymous<ENLARGED_BYTES>>>()],
};

pub(super) const ENLARGED_BYTES: usize = 1 << 20;
/// The capacity is left as the kernel makes it.
pub(super) const DEFAULT_BYTES: usize = 0;

/// One end of two pipes, each made by `S`.
pub(super) struct Pipe<S> {
    reader: OwnedFd,
    writer: OwnedFd,
    _source: PhantomData<S>,
}

/// How a pipe comes to be.
pub(super) trait Source: Send + 'static {
    /// The reading and the writing end of a new one.
    fn open() -> io::Result<(OwnedFd, OwnedFd)>;
}

/// pipe2(2), then `F_SETPIPE_SZ` where a capacity is wanted.
pub(super) struct Anonymous<const CAPACITY: usize>;

impl<const CAPACITY: usize> Source for Anonymous<CAPACITY> {
    fn open() -> io::Result<(OwnedFd, OwnedFd)> {
        new_pipe(CAPACITY)
    }
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

/// Whether the kernel gave this pipe what it gives usually, and not two pages (pipe(7)).
pub(in crate::mechanisms) fn has_default_capacity(pipe: impl AsFd) -> io::Result<()> {
    let (bytes, usual) = (fcntl(pipe, FcntlArg::F_GETPIPE_SZ), slots(DEFAULT_BYTES) * page_bytes());
    let bytes = bytes.map_err(|errno| named("fcntl(F_GETPIPE_SZ)", errno))? as usize;
    if bytes >= usual {
        return Ok(());
    }
    let why = "this user's pipes have had all pages of fs.pipe-user-pages-soft";
    Err(io::Error::other(format!("a new pipe has a capacity of {bytes} bytes instead of {usual}: {why}")))
}

impl<S: Source> Transport for Pipe<S> {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near_reader, far_writer) = S::open()?;
        let (far_reader, near_writer) = S::open()?;
        let end = |reader, writer| Self::new(reader, writer, setup.waiting);
        Ok((end(near_reader, near_writer)?, end(far_reader, far_writer)?))
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

impl<S: Source> FanIn for Pipe<S> {
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

impl<S: Source> FanOut for Pipe<S> {
    fn supports_fan_out(setup: &Setup) -> Support {
        atomic(setup.payload_bytes)
    }

    fn fan_out(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        Self::fan_in(setup)
    }
}

impl<S: Source> Pipe<S> {
    pub(super) fn new(reader: OwnedFd, writer: OwnedFd, waiting: Waiting) -> io::Result<Self> {
        wait_by(&reader, waiting)?;
        wait_by(&writer, waiting)?;
        Ok(Pipe { reader, writer, _source: PhantomData })
    }

    fn duplicate(&self) -> io::Result<Self> {
        Ok(Pipe { reader: duplicated(&self.reader)?, writer: duplicated(&self.writer)?, _source: PhantomData })
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
