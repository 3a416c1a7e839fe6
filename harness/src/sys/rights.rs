//! SCM_RIGHTS, unix(7): a descriptor that goes along with the bytes of a message. nix has it, with two allocations a message.
#![allow(unsafe_code)] // msghdr points to buffers, and a number that comes becomes an owned descriptor

use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

const FD_BYTES: u32 = size_of::<c_int>() as u32;
/// Where one descriptor fits exactly: with padding, two would.
// SAFETY: it only computes.
const LEN: usize = unsafe { libc::CMSG_LEN(FD_BYTES) } as usize;
/// The same, padded.
// SAFETY: as above.
const SPACE: usize = unsafe { libc::CMSG_SPACE(FD_BYTES) } as usize;

/// Room for one control message.
#[repr(C)]
union Control {
    header: libc::cmsghdr,
    bytes: [u8; SPACE],
}

impl Control {
    fn zeroed() -> Control {
        Control { bytes: [0; SPACE] }
    }
}

/// `sendmsg(MSG_NOSIGNAL)` of `bytes` and a duplicate of `fd`; returns how many bytes went.
///
/// Fails as sendmsg(2) does, and with `ETOOMANYREFS` when more descriptors than `RLIMIT_NOFILE` are under way.
#[inline]
pub fn send_descriptor(socket: impl AsFd, bytes: &[u8], fd: impl AsFd) -> nix::Result<usize> {
    let mut control = Control::zeroed();
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: all the pointers are to live values of at least the lengths given; the kernel writes to none of them. There is
    // room for one header with one descriptor behind it, so `CMSG_FIRSTHDR` is not null.
    unsafe {
        let header = message(&mut part, &mut control, SPACE);
        let first = libc::CMSG_FIRSTHDR(&header);
        (*first).cmsg_level = libc::SOL_SOCKET;
        (*first).cmsg_type = libc::SCM_RIGHTS;
        (*first).cmsg_len = LEN as _;
        libc::CMSG_DATA(first).cast::<c_int>().write_unaligned(fd.as_fd().as_raw_fd());
        let sent = libc::sendmsg(socket.as_fd().as_raw_fd(), &header, libc::MSG_NOSIGNAL);
        Errno::result(sent).map(|len| len as usize)
    }
}

/// `recvmsg(MSG_CMSG_CLOEXEC)`: how many bytes came, and the descriptor, if one did.
///
/// None came where none was sent, and where this process has `RLIMIT_NOFILE` of them already. Of several, all but the
/// first are closed by the kernel.
#[inline]
pub fn receive_descriptor(socket: impl AsFd, bytes: &mut [u8]) -> nix::Result<(usize, Option<OwnedFd>)> {
    let mut control = Control::zeroed();
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: all the pointers are to live values of at least the lengths given, which nobody else uses. Of the control
    // messages only the kernel's own is read, and what lies behind a header of `LEN` bytes is a descriptor made for us.
    unsafe {
        let mut header = message(&mut part, &mut control, LEN);
        let received = libc::recvmsg(socket.as_fd().as_raw_fd(), &mut header, libc::MSG_CMSG_CLOEXEC);
        let len = Errno::result(received)? as usize;
        let first = libc::CMSG_FIRSTHDR(&header);
        let is_rights = !first.is_null()
            && (*first).cmsg_level == libc::SOL_SOCKET
            && (*first).cmsg_type == libc::SCM_RIGHTS
            && (*first).cmsg_len as usize == LEN;
        let fd = is_rights.then(|| OwnedFd::from_raw_fd(libc::CMSG_DATA(first).cast::<RawFd>().read_unaligned()));
        Ok((len, fd))
    }
}

/// One part of bytes, and `control_len` bytes of control messages.
fn message(part: &mut libc::iovec, control: &mut Control, control_len: usize) -> libc::msghdr {
    // SAFETY: a msghdr is integers and pointers, which may be zero and null.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = part;
    header.msg_iovlen = 1;
    header.msg_control = std::ptr::from_mut(control).cast();
    header.msg_controllen = control_len as _;
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    use nix::unistd::{pipe, read, write};

    fn sockets() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap()
    }

    #[test]
    fn a_descriptor_arrives_with_its_bytes_and_is_the_same_file() {
        let ((one, other), (reader, writer)) = (sockets(), pipe().unwrap());
        assert_eq!(send_descriptor(&one, b"four", &writer), Ok(4));
        let mut bytes = [0; 8];
        let (len, came) = receive_descriptor(&other, &mut bytes).unwrap();
        assert_eq!(&bytes[..len], b"four");
        assert_eq!(write(came.unwrap(), b"x"), Ok(1));
        assert_eq!(read(&reader, &mut [0; 2]), Ok(1));
    }

    #[test]
    fn bytes_alone_bring_no_descriptor_and_the_end_brings_neither() {
        let (one, other) = sockets();
        write(&one, b"four").unwrap();
        drop(one);
        for expected in [4, 0] {
            let (len, came) = receive_descriptor(&other, &mut [0; 8]).unwrap();
            assert_eq!((len, came.is_none()), (expected, true));
        }
    }

    #[test]
    fn nobody_there_is_an_error_and_no_signal() {
        let (one, other) = sockets();
        drop(other);
        assert_eq!(send_descriptor(&one, b"x", &one), Err(Errno::EPIPE));
    }
}
