//! A local socket of the `interprocess` crate: on Linux a Unix stream socket, here with an abstract name.
//!
//! The crate has no anonymous pair: a listener is bound to an unpredictable abstract name, connected to, and dropped. Such a
//! name is no file and goes with the listener, whatever is killed; but whoever is in the network namespace may connect to
//! it, so the end that was accepted is asked who its peer is.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use interprocess::local_socket::traits::{Listener as _, Stream as _, StreamCommon as _};
use interprocess::local_socket::{GenericNamespaced, Listener, ListenerOptions, Name, Stream, ToNsName};
use ipcmark_harness::sys::names;

use super::byte_stream::{read_whole, write_whole};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Rendezvous, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "interprocess-local-socket",
    summary: "a local socket of the interprocess crate: a Unix stream socket, met by an abstract name",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["interprocess 2.4 (crate)", "unix(7)"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::transport::<LocalSocket>(), shapes::rendezvous::<LocalSocket>()],
};

struct LocalSocket(Stream);

impl LocalSocket {
    fn new(stream: Stream, waiting: Waiting) -> io::Result<LocalSocket> {
        stream.set_nonblocking(waiting == Waiting::Spin)?;
        Ok(LocalSocket(stream))
    }
}

impl Transport for LocalSocket {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (mut near, mut far) = Self::places(setup)?;
        // The kernel completes a connection by the listener's backlog: neither call waits for the other.
        Ok((Self::open_near(&mut near)?, Self::open_far(&mut far)?))
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
        let Stream::UdSocket(socket) = &self.0;
        Some(socket.as_fd())
    }
}

/// Where a connection is made: the name, or who listens there and for which process.
enum Place {
    Near(Name<'static>, Waiting),
    Far(Listener, u32, Waiting),
}

impl Rendezvous for LocalSocket {
    type Place = Place;

    fn places(setup: &Setup) -> io::Result<(Place, Place)> {
        let name = names::next().to_ns_name::<GenericNamespaced>()?;
        let listener = ListenerOptions::new().name(name.borrow()).create_sync()?;
        Ok((Place::Near(name, setup.waiting), Place::Far(listener, std::process::id(), setup.waiting)))
    }

    fn open_near(place: &mut Place) -> io::Result<Self> {
        let Place::Near(name, waiting) = place else { return Err(io::ErrorKind::InvalidInput.into()) };
        LocalSocket::new(Stream::connect(name.borrow())?, *waiting)
    }

    fn open_far(place: &mut Place) -> io::Result<Self> {
        let Place::Far(listener, near, waiting) = place else { return Err(io::ErrorKind::InvalidInput.into()) };
        loop {
            let stream = listener.accept()?;
            if stream.peer_creds()?.pid().map(|pid| pid as u32) == Some(*near) {
                return LocalSocket::new(stream, *waiting);
            }
        }
    }
}
