//! Byte streams over a connection that one end makes to an address where the other listens: default buffers, read(2) and
//! write(2). What an address is, is all in which TCP and vsock differ.
//!
//! Any process of this host can reach a port that listens. The near end therefore says in memory which port it connects from, and
//! the far end turns away each connection from another: before it has read a byte of it, so that a stranger that is silent delays
//! no cell. Where connections are timed this is in the time, one getsockname(2) at the one end and one getpeername(2) at the
//! other, as a server that looks at its clients has it, and as SO_PEERCRED is with Unix sockets.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::sys::memory::{Shareable, Shared};
use nix::errno::Errno;
use nix::sys::socket::{SockType, SockaddrLike, getpeername, getsockname};

use super::listening::{accepted, connected, listening};
use super::watched::Watched;
use crate::descriptor::{await_end, named, read_all, wait_by, write_all};
use crate::mechanism::{Setup, Waiting};
use crate::shapes::{FanIn, Rendezvous, Transport};

/// How a connection is made.
pub(super) trait Route: 'static {
    type Address: SockaddrLike + Send + 'static;

    /// Whether an end that connects again and again closes after the other one, and not at once.
    const NEAR_CLOSES_LAST: bool = false;

    /// Here, at a port of the kernel's choice.
    fn anywhere() -> Self::Address;

    /// The port of an address.
    fn port(address: &Self::Address) -> u32;

    /// Whether this is where a socket of this host is that connects from `port`.
    fn is_here(address: &Self::Address, port: u32) -> bool;

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
        let port = Self::port_of(&near)?;
        loop {
            let far = accepted(&listener)?;
            if Self::is_connected_to(&far, port)? {
                return Ok((near, far));
            }
        }
    }

    fn port_of(near: &OwnedFd) -> io::Result<u32> {
        Ok(Self::port(&getsockname(near.as_raw_fd())?))
    }

    fn is_connected_to(far: &OwnedFd, port: u32) -> io::Result<bool> {
        match getpeername(far.as_raw_fd()) {
            Ok(address) => Ok(Self::is_here(&address, port)),
            // A stranger that has closed its end already.
            Err(Errno::ENOTCONN) => Ok(false),
            Err(errno) => Err(named("getpeername", errno)),
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

/// Which port the near end connects from: how many connections there were, and in the lower half the port of the last one. There is
/// one at a time: the next is made when the last message of this one has come.
#[repr(transparent)]
struct Introduction(AtomicU64);

#[allow(unsafe_code)]
// SAFETY: an atomic integer, valid when zero, and no address.
unsafe impl Shareable for Introduction {}

impl Introduction {
    fn say(&self, count: u32, port: u32) {
        // Release: pairs with the Acquire in `port_of`.
        self.0.store(u64::from(count) << 32 | u64::from(port), Ordering::Release);
    }

    /// The port of connection `count`, which the near end is about to make or to tell of.
    fn port_of(&self, count: u32) -> u32 {
        loop {
            let said = self.0.load(Ordering::Acquire);
            if (said >> 32) as u32 == count {
                return said as u32;
            }
            // The near end may be on this CPU.
            std::thread::yield_now();
        }
    }
}

/// Where a connection is made: the address, or who listens there; with how many were made so far.
pub(super) enum Place<A> {
    Near(A, Meets),
    Far(OwnedFd, Meets),
}

/// What both places have.
pub(super) struct Meets {
    waiting: Waiting,
    introduction: Shared<Introduction>,
    count: u32,
}

impl<R: Route> Rendezvous for Connection<R> {
    type Place = Place<R::Address>;

    fn places(setup: &Setup) -> io::Result<(Self::Place, Self::Place)> {
        let (listener, address) = R::listener()?;
        let introduction = Shared::<Introduction>::zeroed()?;
        let meets = || Meets { waiting: setup.waiting, introduction: introduction.clone(), count: 0 };
        Ok((Place::Near(address, meets()), Place::Far(listener, meets())))
    }

    fn open_near(place: &mut Self::Place) -> io::Result<Self> {
        let Place::Near(address, meets) = place else { return Err(io::ErrorKind::InvalidInput.into()) };
        let end = connected(SockType::Stream, address)?;
        meets.count = meets.count.wrapping_add(1);
        meets.introduction.say(meets.count, R::port_of(&end)?);
        R::prepare_short_lived(&end)?;
        Connection::new(end, meets.waiting)
    }

    fn open_far(place: &mut Self::Place) -> io::Result<Self> {
        let Place::Far(listener, meets) = place else { return Err(io::ErrorKind::InvalidInput.into()) };
        meets.count = meets.count.wrapping_add(1);
        loop {
            let end = accepted(listener)?;
            if R::is_connected_to(&end, meets.introduction.port_of(meets.count))? {
                return Connection::new(end, meets.waiting);
            }
        }
    }

    fn close_near(self) -> io::Result<()> {
        if R::NEAR_CLOSES_LAST { await_end(&self.fd) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use ipcmark_harness::parties::PeerKind;
    use ipcmark_harness::placement::Placement;

    use super::*;
    use crate::mechanisms::sockets::tcp::{NODELAY, Tcp};

    type Tcp4 = Tcp<4, NODELAY>;

    /// Strangers: one is silent, one has closed its end, one sends what the near end might send.
    #[test]
    fn a_stranger_who_connects_first_is_turned_away() {
        let setup = Setup::new(PeerKind::Thread, Placement::Unpinned, Waiting::Block, 1);
        let (mut near_place, mut far_place) = Connection::<Tcp4>::places(&setup).unwrap();
        let Place::Near(address, _) = &near_place else { panic!("the near place has the address") };
        let stranger = || connected(SockType::Stream, address).unwrap();
        let (_silent, gone, loud) = (stranger(), stranger(), stranger());
        let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
        nix::sys::socket::setsockopt(&gone, nix::sys::socket::sockopt::Linger, &at_once).unwrap();
        drop(gone);
        nix::unistd::write(&loud, b"x").unwrap();
        for n in 0..3 {
            let mut near = Connection::<Tcp4>::open_near(&mut near_place).unwrap();
            near.send(&[n]).unwrap();
            let mut far = Connection::<Tcp4>::open_far(&mut far_place).unwrap();
            let mut got = [9];
            far.recv(&mut got).unwrap();
            assert_eq!(got, [n]);
        }
    }
}
