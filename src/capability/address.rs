//! The address by which the ends found each other.

use std::io;
use std::os::fd::AsRawFd;

use nix::sys::socket::{SockaddrStorage, getsockname};

use super::ends::{SMALL_BYTES, pair};
use crate::shapes::erased::{End, TransportKind};

/// The address of either end's descriptor, where that is a socket that has one: no socketpair has.
pub(super) fn address(kind: &TransportKind) -> io::Result<Option<SockaddrStorage>> {
    let (near, far) = pair(kind, SMALL_BYTES)?;
    let of = |end: &dyn End| getsockname::<SockaddrStorage>(end.descriptor()?.as_raw_fd()).ok();
    let named = |address: &SockaddrStorage| {
        address.as_unix_addr().is_none_or(|unix| unix.path().is_some() || unix.as_abstract().is_some())
    };
    Ok([of(&*near), of(&*far)].into_iter().flatten().find(named))
}

/// A family that is routed.
pub(super) fn is_routed(address: &SockaddrStorage) -> bool {
    address.as_sockaddr_in().is_some() || address.as_sockaddr_in6().is_some()
}
