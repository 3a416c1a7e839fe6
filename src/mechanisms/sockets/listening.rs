//! Sockets that listen, connect and accept, whatever their family: what std has for TCP and for Unix streams only.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{Backlog, SockFlag, SockType, SockaddrLike, accept4, bind, connect, listen, socket};

use crate::descriptor::{named, until_done};

/// A blocking socket with this address.
pub(super) fn bound(kind: SockType, address: &dyn SockaddrLike) -> io::Result<OwnedFd> {
    let socket = unbound(kind, address)?;
    bind(socket.as_raw_fd(), address).map_err(|errno| named("bind", errno))?;
    Ok(socket)
}

/// A blocking socket that is listening at this address.
pub(super) fn listening(kind: SockType, address: &dyn SockaddrLike) -> io::Result<OwnedFd> {
    let listener = bound(kind, address)?;
    listen(&listener, Backlog::MAXCONN).map_err(|errno| named("listen", errno))?;
    Ok(listener)
}

/// A blocking socket whose other end is at this address.
pub(super) fn connected(kind: SockType, address: &dyn SockaddrLike) -> io::Result<OwnedFd> {
    let socket = unbound(kind, address)?;
    connect_to(&socket, address)?;
    Ok(socket)
}

/// connect(2). Not called again after a signal: it goes on by itself then, and this one would say EALREADY or EISCONN.
pub(super) fn connect_to(socket: &OwnedFd, address: &dyn SockaddrLike) -> io::Result<()> {
    connect(socket.as_raw_fd(), address).map_err(|errno| named("connect", errno))
}

/// The next connection, blocking.
pub(super) fn accepted(listener: &OwnedFd) -> io::Result<OwnedFd> {
    let fd = until_done("accept4", || accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC))?;
    #[allow(unsafe_code)]
    // SAFETY: accept4(2) has just made this descriptor, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn unbound(kind: SockType, address: &dyn SockaddrLike) -> io::Result<OwnedFd> {
    let family = address.family().ok_or_else(|| named("socket", Errno::EAFNOSUPPORT))?;
    socket(family, kind, SockFlag::SOCK_CLOEXEC, None).map_err(|errno| named("socket", errno))
}
