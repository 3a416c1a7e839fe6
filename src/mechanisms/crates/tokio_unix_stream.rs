//! Unix stream sockets through tokio: each end on a current-thread runtime of its own, one `block_on` an operation.
//!
//! - A socket is tried first, and awaited by epoll_wait(2) only when it had nothing, or no room. A runtime that is busy with
//!   many connections would look at epoll once for all of them; here each wait is for one.
//! - The pair is made before the fork, by the standard library. A runtime owns an epoll instance, which a fork would share:
//!   each party makes its own in `settle`.
//! - Blocking only: a future that is not ready waits for epoll.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream as StdUnixStream;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};

use crate::descriptor::ended;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Waiting};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "tokio-unix-stream",
    summary: "Unix stream sockets through tokio, a current-thread runtime at either end",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["tokio 1 (crate)", "unix(7)", "epoll(7)"],
    support: || new_runtime().into(),
    rank: Rank::Common,
    shapes: &[shapes::transport::<TokioUnixStream>()],
};

enum TokioUnixStream {
    /// As it crosses the fork.
    Unsettled(Option<StdUnixStream>),
    /// The stream before the runtime it is registered with: fields drop in this order.
    Settled(UnixStream, Runtime),
}

impl Transport for TokioUnixStream {
    const BOUNDARIES: bool = false;
    const WAITINGS: &'static [Waiting] = &[Waiting::Block];

    fn pair(_: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = StdUnixStream::pair()?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        Ok((TokioUnixStream::Unsettled(Some(near)), TokioUnixStream::Unsettled(Some(far))))
    }

    fn settle(&mut self) -> io::Result<()> {
        let TokioUnixStream::Unsettled(stream) = self else { return Ok(()) };
        let stream = stream.take().ok_or_else(unsettled)?;
        let runtime = new_runtime()?;
        let stream = {
            let _inside = runtime.enter();
            UnixStream::from_std(stream)?
        };
        *self = TokioUnixStream::Settled(stream, runtime);
        Ok(())
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let TokioUnixStream::Settled(stream, runtime) = self else { return Err(unsettled()) };
        runtime.block_on(stream.write_all(message))
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let TokioUnixStream::Settled(stream, runtime) = self else { return Err(unsettled()) };
        match runtime.block_on(stream.read_exact(message)) {
            Ok(_) => Ok(()),
            // It was closed with unread bytes in it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(ended()),
            Err(error) => Err(error),
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            TokioUnixStream::Unsettled(stream) => stream.as_ref().map(AsFd::as_fd),
            TokioUnixStream::Settled(stream, _) => Some(stream.as_fd()),
        }
    }
}

fn new_runtime() -> io::Result<Runtime> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("a runtime, by epoll_create1 and eventfd: {error}"));
    Builder::new_current_thread().enable_io().build().map_err(named)
}

#[cold]
fn unsettled() -> io::Error {
    io::Error::other("an end of tokio-unix-stream was used before `settle`")
}
