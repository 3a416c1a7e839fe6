//! TCP over the IPv4 loopback interface, `TCP_NODELAY` on, default buffers, read(2) and write(2).

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use nix::sys::socket::{setsockopt, sockopt};

use crate::descriptor::{read_all, wait_by, write_all};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Rendezvous, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "tcp",
    summary: "a TCP connection over IPv4 loopback, TCP_NODELAY, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["tcp(7)", "ip(7)"],
    support,
    rank: Rank::Headline,
    shapes: &[shapes::transport::<Tcp>(), shapes::rendezvous::<Tcp>()],
};

fn support() -> Support {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, 0)) {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(format!("bind to 127.0.0.1: {error}; is the loopback interface up?")),
    }
}

struct Tcp(OwnedFd);

impl Transport for Tcp {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let near = TcpStream::connect(listener.local_addr()?)?;
        let far = accept_from(&listener, &near)?;
        Ok((Tcp::new(near, setup.waiting)?, Tcp::new(far, setup.waiting)?))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        write_all(&self.0, message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        read_all(&self.0, message)
    }
}

impl Tcp {
    fn new(end: TcpStream, waiting: Waiting) -> io::Result<Tcp> {
        end.set_nodelay(true)?;
        wait_by(&end, waiting)?;
        Ok(Tcp(end.into()))
    }
}

/// Where a connection is made: the address, or who listens there.
enum Place {
    Near(SocketAddr, Waiting),
    Far(TcpListener, Waiting),
}

impl Rendezvous for Tcp {
    type Place = Place;

    fn places(setup: &Setup) -> io::Result<(Place, Place)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok((Place::Near(listener.local_addr()?, setup.waiting), Place::Far(listener, setup.waiting)))
    }

    /// Closes by a reset: else each connection would keep its port in TIME_WAIT for a minute, and after 28,000 of them
    /// (net.ipv4.ip_local_port_range) there would be none left.
    fn open_near(place: &mut Place) -> io::Result<Self> {
        let Place::Near(address, waiting) = place else { return Err(io::ErrorKind::InvalidInput.into()) };
        let end = TcpStream::connect(*address)?;
        setsockopt(&end, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 })?;
        Tcp::new(end, *waiting)
    }

    fn open_far(place: &mut Place) -> io::Result<Self> {
        let Place::Far(listener, waiting) = place else { return Err(io::ErrorKind::InvalidInput.into()) };
        Tcp::new(listener.accept()?.0, *waiting)
    }
}

/// The connection that `near` made; anybody on this host can reach the port, and is turned away.
fn accept_from(listener: &TcpListener, near: &TcpStream) -> io::Result<TcpStream> {
    loop {
        let (far, from) = listener.accept()?;
        if from == near.local_addr()? {
            return Ok(far);
        }
    }
}
