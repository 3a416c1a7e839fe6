//! `ioctl(TIOCGWINSZ)`: how wide a terminal is.
#![allow(unsafe_code)] // an ioctl(2) that writes a struct

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::libc;

/// The columns of the terminal at `fd`; none where it is no terminal, or does not know.
pub fn columns(fd: impl AsFd) -> Option<u16> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the call writes one `winsize`, to a live one.
    Errno::result(unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) }).ok()?;
    Some(size.ws_col).filter(|columns| *columns > 0)
}

#[cfg(test)]
mod tests {
    use nix::pty::{Winsize, openpty};

    use super::*;

    #[test]
    fn a_terminal_tells_its_width_and_a_pipe_has_none() {
        let size = Winsize { ws_row: 24, ws_col: 81, ws_xpixel: 0, ws_ypixel: 0 };
        let terminal = openpty(&size, None).unwrap();
        assert_eq!(columns(&terminal.slave), Some(81));
        assert_eq!(columns(nix::unistd::pipe().unwrap().0), None);
    }
}
