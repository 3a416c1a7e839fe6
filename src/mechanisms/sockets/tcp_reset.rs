//! TCP connections that are made again and again, and closed by a reset: `SO_LINGER` of 0 seconds at the connecting end.
//!
//! Neither end stays in TIME_WAIT, so nothing is left of a connection. What was sent and not yet read would be lost, so programs do
//! it to be rid of a connection, or to save ports where they are many. It spares the wait for the other end's FIN and the last
//! acknowledgement: compare `connect` of `tcp`.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::socket::{SockaddrStorage, setsockopt, sockopt};

use super::connection::{Connection, Route};
use super::tcp::{self, NODELAY, Tcp};
use crate::descriptor::named;
use crate::mechanism::{Mechanism, Rank, Shape};
use crate::shapes;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "tcp-reset",
    summary: "tcp whose connecting end closes by a reset (SO_LINGER of 0 s), for connections that are made again and again",
    references: &["SO_LINGER in socket(7)", "ABORT in Transmission Control Protocol, RFC 9293"],
    rank: Rank::Common,
    shapes: &[
        // Between making and closing it is tcp, and not measured again.
        Shape { workloads: &[], ..shapes::transport::<Connection<TcpReset>>() },
        shapes::rendezvous::<Connection<TcpReset>>(),
    ],
    ..tcp::TCP
};

struct TcpReset;

type Plain = Tcp<4, NODELAY>;

impl Route for TcpReset {
    type Address = SockaddrStorage;

    fn anywhere() -> SockaddrStorage {
        Plain::anywhere()
    }

    fn port(address: &SockaddrStorage) -> u32 {
        Plain::port(address)
    }

    fn is_here(address: &SockaddrStorage, port: u32) -> bool {
        Plain::is_here(address, port)
    }

    fn prepare(end: &OwnedFd) -> io::Result<()> {
        Plain::prepare(end)
    }

    fn prepare_short_lived(near: &OwnedFd) -> io::Result<()> {
        let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
        setsockopt(near, sockopt::Linger, &at_once).map_err(|errno| named("setsockopt(SO_LINGER)", errno))
    }
}
