//! TCP over the loopback interface: over IPv4 or IPv6, with or without Nagle's algorithm.
//!
//! Where connections are made again and again they are closed by FIN, the accepting end first, as a server does that closes after
//! its answer. The end that is first stays in TIME_WAIT for a minute (TCP_TIMEWAIT_LEN). At the accepting end that takes memory
//! and no port: when the same port connects again, its SYN ends the wait (tcp_timewait_state_process, RFC 6191). At the connecting
//! end each would keep a port, of which there are 28,232 (net.ipv4.ip_local_port_range). For the accepting end to be
//! first in any order of running, the connecting one waits for the end of the stream. A close without TIME_WAIT: [`super::tcp_reset`].

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use nix::sys::socket::{SockaddrIn, SockaddrIn6, SockaddrStorage, setsockopt, sockopt};

use super::connection::{Connection, Route};
use crate::descriptor::named;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Support};
use crate::shapes;

pub(super) const TCP: Mechanism = Mechanism {
    name: "tcp",
    summary: "a TCP connection over IPv4 loopback, TCP_NODELAY, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["tcp(7)", "ip(7)"],
    support: || match Tcp::<4, NODELAY>::pair() {
        Ok(_) => Support::Available,
        Err(error) => {
            Support::Missing(format!("a TCP connection to 127.0.0.1: {error}; is the loopback interface up?"))
        }
    },
    rank: Rank::Headline,
    shapes: &[
        shapes::transport::<Connection<Tcp<4, NODELAY>>>(),
        shapes::fan_in::<Connection<Tcp<4, NODELAY>>>(),
        shapes::rendezvous::<Connection<Tcp<4, NODELAY>>>(),
    ],
};

pub(super) static MECHANISM: Mechanism = TCP;

pub(super) static NAGLE: Mechanism = Mechanism {
    name: "tcp-nagle",
    summary: "a TCP connection over IPv4 loopback without TCP_NODELAY: small messages wait until the ones before are acknowledged",
    references: &["TCP_NODELAY in tcp(7)", "Nagle, Congestion Control in IP/TCP Internetworks, RFC 896"],
    rank: Rank::Common,
    shapes: &[shapes::transport::<Connection<Tcp<4, DELAY>>>()],
    ..TCP
};

pub(super) static IPV6: Mechanism = Mechanism {
    name: "tcp-ipv6",
    summary: "a TCP connection over IPv6 loopback, TCP_NODELAY, default buffers",
    references: &["tcp(7)", "ipv6(7)"],
    support: || match Tcp::<6, NODELAY>::pair() {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(format!(
            "a TCP connection to ::1: {error}; is the loopback interface up, and IPv6 not off \
             (net.ipv6.conf.lo.disable_ipv6, or ipv6.disable=1 at boot)?"
        )),
    },
    rank: Rank::Common,
    shapes: &[shapes::transport::<Connection<Tcp<6, NODELAY>>>(), shapes::rendezvous::<Connection<Tcp<6, NODELAY>>>()],
    ..TCP
};

pub(super) const NODELAY: bool = true;
const DELAY: bool = false;

/// Over this version of IP, with this value of `TCP_NODELAY`.
pub(super) struct Tcp<const IP: u8, const NODELAY: bool>;

impl<const IP: u8, const NODELAY: bool> Route for Tcp<IP, NODELAY> {
    type Address = SockaddrStorage;

    const NEAR_CLOSES_LAST: bool = true;

    fn anywhere() -> SockaddrStorage {
        let loopback = if IP == 6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
        SocketAddr::new(loopback, 0).into()
    }

    fn port(address: &SockaddrStorage) -> u32 {
        let v4 = address.as_sockaddr_in().map(SockaddrIn::port);
        v4.or_else(|| address.as_sockaddr_in6().map(SockaddrIn6::port)).unwrap_or_default().into()
    }

    fn is_here(address: &SockaddrStorage, port: u32) -> bool {
        let is_loopback = match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
            (Some(v4), _) => v4.ip() == Ipv4Addr::LOCALHOST,
            (_, Some(v6)) => v6.ip() == Ipv6Addr::LOCALHOST,
            _ => false,
        };
        is_loopback && Self::port(address) == port
    }

    fn prepare(end: &OwnedFd) -> io::Result<()> {
        setsockopt(end, sockopt::TcpNoDelay, &NODELAY).map_err(|errno| named("setsockopt(TCP_NODELAY)", errno))
    }
}
