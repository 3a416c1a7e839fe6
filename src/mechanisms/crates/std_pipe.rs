//! Pipes as the standard library gives them: two of `std::io::pipe`, one a direction, through `Read` and `Write`.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use super::byte_stream::{read_whole, write_whole};
use crate::descriptor::wait_by;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::mechanisms::pipes::has_default_capacity;
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "std-pipe",
    summary: "pipes of Rust's standard library, one a direction, default capacity",
    family: Family::Pipe,
    reach: Reach::Both,
    references: &["std::io::pipe (Rust 1.87)", "pipe(7)"],
    support: support::<PipeReader>,
    rank: Rank::Common,
    shapes: &[shapes::transport::<Pipe<PipeReader>>()],
};

/// Whether there is one, as large as its summary says.
pub(super) fn support<R: Reader>() -> Support {
    R::open().and_then(|(reader, _)| has_default_capacity(reader)).into()
}

/// The reading end of a library's pipe.
pub(super) trait Reader: Read + AsFd + Send + Sized + 'static {
    type Writer: Write + AsFd + Send + 'static;

    /// A new pipe.
    fn open() -> io::Result<(Self, Self::Writer)>;
}

impl Reader for PipeReader {
    type Writer = PipeWriter;

    fn open() -> io::Result<(PipeReader, PipeWriter)> {
        io::pipe()
    }
}

/// One end of two pipes.
pub(super) struct Pipe<R: Reader> {
    inbound: R,
    outbound: R::Writer,
}

impl<R: Reader> Transport for Pipe<R> {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let ((near_in, far_out), (far_in, near_out)) = (R::open()?, R::open()?);
        let end = |inbound, outbound| -> io::Result<Self> {
            // fcntl(2): the standard library has no non-blocking mode for its pipes.
            wait_by(&inbound, setup.waiting)?;
            wait_by(&outbound, setup.waiting)?;
            Ok(Pipe { inbound, outbound })
        };
        Ok((end(near_in, near_out)?, end(far_in, far_out)?))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        write_whole(&mut self.outbound, message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        read_whole(&mut self.inbound, message)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.inbound.as_fd())
    }
}
