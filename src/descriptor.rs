//! Messages over a descriptor: read(2) and write(2) until all bytes have crossed, blocking or polled.
//!
//! A byte stream may take or give less than asked for; a signal may interrupt; a descriptor in non-blocking mode says
//! `EAGAIN` where a blocking one would sleep, and is asked again at once: that is what `spin` means for kernel objects.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socketpair, sockopt};
use nix::unistd::{read, write};

use crate::mechanism::{Support, Waiting};

/// Sets `O_NONBLOCK` where the parties spin.
pub fn wait_by(fd: &impl AsFd, waiting: Waiting) -> io::Result<()> {
    if waiting == Waiting::Spin {
        let flags =
            OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL).map_err(|errno| named("fcntl(F_GETFL)", errno))?);
        set_flags(fd, flags | OFlag::O_NONBLOCK)?;
    }
    Ok(())
}

/// `F_SETFL` in fcntl(2).
pub fn set_flags(fd: &impl AsFd, flags: OFlag) -> io::Result<()> {
    fcntl(fd, FcntlArg::F_SETFL(flags)).map(drop).map_err(|errno| named("fcntl(F_SETFL)", errno))
}

/// Another descriptor of what this one is of.
pub fn duplicated(fd: &impl AsFd) -> io::Result<OwnedFd> {
    let done = fd.as_fd().try_clone_to_owned();
    done.map_err(|error| io::Error::new(error.kind(), format!("fcntl(F_DUPFD_CLOEXEC): {error}")))
}

/// `write(2)` until all of `message` is written.
#[inline]
pub fn write_all(fd: &impl AsFd, mut message: &[u8]) -> io::Result<()> {
    while !message.is_empty() {
        match write(fd, message) {
            Ok(written) => message = &message[written..],
            Err(Errno::EAGAIN) => std::hint::spin_loop(),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(named("write", errno)),
        }
    }
    Ok(())
}

/// `read(2)` until `message` is full; `UnexpectedEof` at the end of the stream.
#[inline]
pub fn read_all(fd: &impl AsFd, mut message: &mut [u8]) -> io::Result<()> {
    while !message.is_empty() {
        match read(fd, message) {
            Ok(0) => return Err(ended()),
            Ok(got) => message = &mut message[got..],
            Err(Errno::EAGAIN) => std::hint::spin_loop(),
            Err(Errno::EINTR) => {}
            // A socket was reset, a terminal hung up.
            Err(Errno::ECONNRESET | Errno::EIO) => return Err(ended()),
            Err(errno) => return Err(named("read", errno)),
        }
    }
    Ok(())
}

/// `read(2)` until the other end has closed a byte stream; `InvalidData` when a byte comes instead.
pub fn await_end(fd: &impl AsFd) -> io::Result<()> {
    match until_done("read", || read(fd, &mut [0]))? {
        0 => Ok(()),
        more => Err(other_length(more, 0)),
    }
}

/// `write(2)` of one message to a socket that keeps boundaries: all of it or nothing.
#[inline]
pub fn write_message(fd: &impl AsFd, message: &[u8]) -> io::Result<()> {
    until_done("write", || write(fd, message)).map(drop)
}

/// `read(2)` of one message from a socket that keeps boundaries; `InvalidData` when it is shorter than `message`. A longer
/// one is cut by the kernel: senders of this suite send the setup's size.
#[inline]
pub fn read_message(fd: &impl AsFd, message: &mut [u8]) -> io::Result<()> {
    match until_done("read", || read(fd, message))? {
        len if len == message.len() => Ok(()),
        0 => read_last_message(fd, message),
        len => Err(other_length(len, message.len())),
    }
}

/// The end is certain when it is reported twice: between looking for a message and looking whether there is another end the
/// kernel lets that one send a message and go (`__unix_dgram_recvmsg`, seen on Linux 6.18).
#[cold]
fn read_last_message(fd: &impl AsFd, message: &mut [u8]) -> io::Result<()> {
    match until_done("read", || read(fd, message))? {
        0 => Err(ended()),
        len if len == message.len() => Ok(()),
        len => Err(other_length(len, message.len())),
    }
}

/// Calls again where a signal interrupted, or where a descriptor that does not block had nothing to give or no room.
#[inline(always)]
pub fn until_done<R>(name: &str, mut call: impl FnMut() -> nix::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Ok(result) => return Ok(result),
            Err(Errno::EAGAIN) => std::hint::spin_loop(),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(named(name, errno)),
        }
    }
}

/// A message of another length than the one expected.
#[cold]
pub fn other_length(came: usize, wanted: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a message of {came} bytes came, {wanted} were expected"))
}

/// `socketpair(AF_UNIX, kind)` with default buffers, both ends waiting in this way.
pub fn unix_pair(kind: SockType, waiting: Waiting) -> io::Result<(OwnedFd, OwnedFd)> {
    let (near, far) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?;
    wait_by(&near, waiting)?;
    wait_by(&far, waiting)?;
    Ok((near, far))
}

/// Whether a Unix socket that keeps boundaries takes messages of `payload_bytes`: the kernel wants 32 bytes of the send
/// buffer for itself (`unix_dgram_sendmsg`).
pub fn fits_send_buffer(kind: SockType, payload_bytes: usize) -> Support {
    let buffer = unix_pair(kind, Waiting::Block).and_then(|(end, _)| Ok(getsockopt(&end, sockopt::SndBuf)?));
    match buffer {
        Ok(buffer) if payload_bytes + 32 > buffer => Support::Missing(format!(
            "a message of {payload_bytes} bytes exceeds the send buffer of {buffer} bytes (net.core.wmem_default)"
        )),
        _ => Support::Available,
    }
}

/// The other end is gone.
#[cold]
pub fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the other end is gone")
}

/// `errno` with the call that returned it.
#[cold]
pub fn named(call: &str, errno: Errno) -> io::Error {
    io::Error::new(io::Error::from(errno).kind(), format!("{call}: {errno}"))
}
