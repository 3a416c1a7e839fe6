//! Messages over any `Read` and `Write` of a library: its own calls, until all bytes have crossed, blocking or polled.

use std::io::{self, ErrorKind, Read, Write};

use crate::descriptor::ended;

/// `write` until all of `message` is written.
#[inline]
pub(super) fn write_whole(to: &mut impl Write, mut message: &[u8]) -> io::Result<()> {
    while !message.is_empty() {
        match to.write(message) {
            Ok(0) => return Err(ended()),
            Ok(written) => message = &message[written..],
            Err(error) => again(error)?,
        }
    }
    Ok(())
}

/// `read` until `message` is full; `UnexpectedEof` once the other end is gone.
#[inline]
pub(super) fn read_whole(from: &mut impl Read, mut message: &mut [u8]) -> io::Result<()> {
    while !message.is_empty() {
        match from.read(message) {
            Ok(0) => return Err(ended()),
            Ok(got) => message = &mut message[got..],
            Err(error) => again(error)?,
        }
    }
    Ok(())
}

/// What is no failure: in non-blocking mode there was nothing, or no room; a signal interrupted.
#[inline]
fn again(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::WouldBlock => {
            std::hint::spin_loop();
            Ok(())
        }
        ErrorKind::Interrupted => Ok(()),
        // A Unix socket was closed with unread bytes in it.
        ErrorKind::ConnectionReset => Err(ended()),
        _ => Err(error),
    }
}
