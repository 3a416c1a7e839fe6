//! TCP over the IPv4 loopback interface, `TCP_NODELAY` on, default buffers, read(2) and write(2).

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use crate::descriptor::{read_all, wait_by, write_all};
use crate::mechanism::{Family, Mechanism, Reach, Setup, Support, Transport};
use crate::{contract, workloads};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "tcp",
    summary: "a TCP connection over IPv4 loopback, TCP_NODELAY, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["tcp(7)", "ip(7)"],
    support,
    workloads: workloads::transport::<Tcp>(),
    contract: contract::transport::<Tcp>(),
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
        for end in [&near, &far] {
            end.set_nodelay(true)?;
            wait_by(end, setup.waiting)?;
        }
        Ok((Tcp(near.into()), Tcp(far.into())))
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

/// The connection that `near` made; anybody on this host can reach the port, and is turned away.
fn accept_from(listener: &TcpListener, near: &TcpStream) -> io::Result<TcpStream> {
    loop {
        let (far, from) = listener.accept()?;
        if from == near.local_addr()? {
            return Ok(far);
        }
    }
}
