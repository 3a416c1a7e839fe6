//! A pseudo-terminal: the near end is the master, the far one the slave, raw both ways: no lines, no echo, no signals.
//!
//! What is written goes into a buffer of the other side's port, which a kernel worker hands on to its line discipline
//! (`flush_to_ldisc`); only then a reader is woken. So a message takes a third party, which runs wherever the scheduler
//! puts it: `same-cpu` pins the two ends only, and two ends that spin on the only two CPUs keep it waiting for the
//! scheduler's tick, milliseconds a message. A read gives at most 4095 bytes, what the line discipline holds
//! (`N_TTY_BUF_SIZE`), and about four times as much is under way before the writer waits (`pty_write`).
//!
//! Who is left reads what was sent, then gets `EIO`, if the slave was closed. If the master was, that is a hang-up, which
//! discards what the slave has not read.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::pty::{OpenptyResult, openpty};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

use crate::descriptor::{named, read_all, wait_by, write_all};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "pty",
    summary: "a pseudo-terminal in raw mode, between its master and its slave",
    family: Family::Pipe,
    reach: Reach::Both,
    references: &["pty(7)", "openpty(3)", "cfmakeraw in termios(3)"],
    support,
    rank: Rank::Common,
    shapes: &[shapes::transport::<Pty>()],
};

fn support() -> Support {
    match open() {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(format!("{error}; is /dev/pts mounted, and kernel.pty.max not reached?")),
    }
}

/// The master and the slave of a new one.
fn open() -> io::Result<(OwnedFd, OwnedFd)> {
    let OpenptyResult { master, slave } = openpty(None, None).map_err(|errno| named("openpty", errno))?;
    let mut modes = tcgetattr(&slave)?;
    cfmakeraw(&mut modes);
    // The master's own modes are raw from the start.
    tcsetattr(&slave, SetArg::TCSANOW, &modes)?;
    Ok((master, slave))
}

struct Pty(OwnedFd);

impl Transport for Pty {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (master, slave) = open()?;
        wait_by(&master, setup.waiting)?;
        wait_by(&slave, setup.waiting)?;
        Ok((Pty(master), Pty(slave)))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        write_all(&self.0, message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        read_all(&self.0, message)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}
