//! Messages over a descriptor: read(2) and write(2) until all bytes have crossed, blocking or polled.
//!
//! A byte stream may take or give less than asked for; a signal may interrupt; a descriptor in non-blocking mode says
//! `EAGAIN` where a blocking one would sleep, and is asked again at once: that is what `spin` means for kernel objects.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{read, write};

use crate::mechanism::Waiting;

/// Sets `O_NONBLOCK` where the parties spin.
pub fn wait_by(fd: &impl AsFd, waiting: Waiting) -> io::Result<()> {
    if waiting == Waiting::Spin {
        let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
        fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    }
    Ok(())
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
            Err(Errno::ECONNRESET) => return Err(ended()),
            Err(errno) => return Err(named("read", errno)),
        }
    }
    Ok(())
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
