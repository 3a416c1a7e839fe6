//! Byte streams over a connection that one end makes to an address where the other listens: default buffers, read(2) and
//! write(2). What an address is, is all in which TCP and vsock differ.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{SockType, SockaddrLike, getpeername, getsockname};

use super::listening::{accepted, connected, listening};
use super::watched::Watched;
use crate::descriptor::{await_end, read_all, wait_by, write_all};
use crate::mechanism::{Setup, Waiting};
use crate::shapes::{FanIn, Rendezvous, Transport};

/// How a connection is made.
pub(super) trait Route: 'static {
    type Address: SockaddrLike + Send + 'static;

    /// Whether an end that connects again and again closes after the other one, and not at once.
    const NEAR_CLOSES_LAST: bool = false;

    /// Here, at a port of the kernel's choice.
    fn anywhere() -> Self::Address;

    /// Whether these are the address of one socket.
    fn is_same(one: &Self::Address, other: &Self::Address) -> bool;

    /// Sets the options of an end.
    fn prepare(_: &OwnedFd) -> io::Result<()> {
        Ok(())
    }

    /// Sets further options of an end that connects again and again.
    fn prepare_short_lived(_: &OwnedFd) -> io::Result<()> {
        Ok(())
    }

    /// Who listens anywhere, and where that is.
    fn listener() -> io::Result<(OwnedFd, Self::Address)> {
        let listener = listening(SockType::Stream, &Self::anywhere())?;
        let address = getsockname(listener.as_raw_fd())?;
        Ok((listener, address))
    }

    /// Both ends of a connection, blocking.
    fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
        let (listener, address) = Self::listener()?;
        let near = connected(SockType::Stream, &address)?;
        let near_address = getsockname(near.as_raw_fd())?;
        loop {
            // Anybody on this host can reach the port, and is turned away.
            let far = accepted(&listener)?;
            if Self::is_same(&getpeername(far.as_raw_fd())?, &near_address) {
                return Ok((near, far));
            }
        }
    }
}

/// One end.
pub(super) struct Connection<R> {
    fd: OwnedFd,
    _route: PhantomData<fn() -> R>,
}

impl<R: Route> Connection<R> {
    fn new(fd: OwnedFd, waiting: Waiting) -> io::Result<Self> {
        R::prepare(&fd)?;
        wait_by(&fd, waiting)?;
        Ok(Connection { fd, _route: PhantomData })
    }
}

impl<R: Route> Transport for Connection<R> {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = R::pair()?;
        Ok((Connection::new(near, setup.waiting)?, Connection::new(far, setup.waiting)?))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        write_all(&self.fd, message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        read_all(&self.fd, message)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd.as_fd())
    }
}

/// A connection for each writer.
impl<R: Route> FanIn for Connection<R> {
    type Reader = Watched<Self>;

    fn fan_in(setup: &Setup) -> io::Result<(Self::Reader, Vec<Self>)> {
        Watched::of_pairs(setup)
    }
}

/// Where a connection is made: the address, or who listens there.
pub(super) enum Place<A> {
    Near(A, Waiting),
    Far(OwnedFd, Waiting),
}

impl<R: Route> Rendezvous for Connection<R> {
    type Place = Place<R::Address>;

    fn places(setup: &Setup) -> io::Result<(Self::Place, Self::Place)> {
        let (listener, address) = R::listener()?;
        Ok((Place::Near(address, setup.waiting), Place::Far(listener, setup.waiting)))
    }

    fn open_near(place: &mut Self::Place) -> io::Result<Self> {
        let Place::Near(address, waiting) = place else { return Err(io::ErrorKind::InvalidInput.into()) };
        let end = connected(SockType::Stream, address)?;
        R::prepare_short_lived(&end)?;
        Connection::new(end, *waiting)
    }

    fn open_far(place: &mut Self::Place) -> io::Result<Self> {
        let Place::Far(listener, waiting) = place else { return Err(io::ErrorKind::InvalidInput.into()) };
        Connection::new(accepted(listener)?, *waiting)
    }

    fn close_near(self) -> io::Result<()> {
        if R::NEAR_CLOSES_LAST { await_end(&self.fd) } else { Ok(()) }
    }
}
