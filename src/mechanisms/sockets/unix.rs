//! Unix sockets of every type: what their transports share, however the ends have met; read(2) and write(2), default
//! buffers.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sys::socket::SockType;
use nix::unistd::{Pid, getpid};

use super::listening::{connected, listening};
use super::meeting::{Meeting, Name, Named, accepted_from};
use crate::descriptor::{duplicated, fits_send_buffer, read_all, read_message, wait_by, write_all, write_message};
use crate::mechanism::{Setup, Support, Waiting};
use crate::shapes::{Rendezvous, Transport};

/// One end, of a socket of type `K` that met its peer by `M`.
pub(super) struct Unix<K, M> {
    fd: OwnedFd,
    _made: PhantomData<fn() -> (K, M)>,
}

/// A type of socket.
pub(super) trait Kind: 'static {
    const TYPE: SockType;
}

/// A type whose sockets listen and accept.
pub(super) trait Connected: Kind {}

pub(super) struct Stream;
pub(super) struct Dgram;
pub(super) struct Seqpacket;

impl Kind for Stream {
    const TYPE: SockType = SockType::Stream;
}
impl Kind for Dgram {
    const TYPE: SockType = SockType::Datagram;
}
impl Kind for Seqpacket {
    const TYPE: SockType = SockType::SeqPacket;
}
impl Connected for Stream {}
impl Connected for Seqpacket {}

impl<K: Kind, M: Meeting> Unix<K, M> {
    pub(super) fn new(fd: OwnedFd, waiting: Waiting) -> io::Result<Self> {
        wait_by(&fd, waiting)?;
        Ok(Unix { fd, _made: PhantomData })
    }

    /// Another one of the same socket.
    pub(super) fn duplicate(&self) -> io::Result<Self> {
        Ok(Unix { fd: duplicated(&self.fd)?, _made: PhantomData })
    }
}

impl<K: Kind, M: Meeting> Transport for Unix<K, M> {
    const BOUNDARIES: bool = !matches!(K::TYPE, SockType::Stream);
    /// unix_release_sock tells the other end of connected types only.
    const REPORTS_END: bool = !matches!(K::TYPE, SockType::Datagram);

    fn supports(setup: &Setup) -> Support {
        if Self::BOUNDARIES { fits_send_buffer(K::TYPE, setup.payload_bytes) } else { Support::Available }
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = M::pair(K::TYPE)?;
        Ok((Unix::new(near, setup.waiting)?, Unix::new(far, setup.waiting)?))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        if Self::BOUNDARIES { write_message(&self.fd, message) } else { write_all(&self.fd, message) }
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        if Self::BOUNDARIES { read_message(&self.fd, message) } else { read_all(&self.fd, message) }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd.as_fd())
    }
}

/// Where a connection is made: the name, or who listens there for whom.
pub(super) enum Place {
    Near(Name, Waiting),
    Far(OwnedFd, Pid, Waiting),
}

impl<K: Connected, N: Named> Rendezvous for Unix<K, N> {
    type Place = Place;

    fn places(setup: &Setup) -> io::Result<(Place, Place)> {
        let name = N::name()?;
        let listener = listening(K::TYPE, &name.address)?;
        Ok((Place::Near(name, setup.waiting), Place::Far(listener, getpid(), setup.waiting)))
    }

    fn open_near(place: &mut Place) -> io::Result<Self> {
        let Place::Near(name, waiting) = place else { return Err(io::ErrorKind::InvalidInput.into()) };
        Unix::new(connected(K::TYPE, &name.address)?, *waiting)
    }

    fn open_far(place: &mut Place) -> io::Result<Self> {
        let Place::Far(listener, process, waiting) = place else { return Err(io::ErrorKind::InvalidInput.into()) };
        Unix::new(accepted_from(listener, *process)?, *waiting)
    }
}
