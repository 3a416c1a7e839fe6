//! One byte through a pipe, the oldest way to wake somebody who may be waiting for other descriptors, too.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use crate::descriptor::{read_all, wait_by, write_all};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Wakeup};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "pipe-byte",
    summary: "one byte through an anonymous pipe, one a direction",
    family: Family::Notification,
    reach: Reach::Both,
    references: &["pipe(2)", "pipe(7)"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Pipes>()],
};

struct Pipes {
    inbound: OwnedFd,
    outbound: OwnedFd,
}

impl Wakeup for Pipes {
    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (far_in, near_out) = pipe2(OFlag::O_CLOEXEC)?;
        let (near_in, far_out) = pipe2(OFlag::O_CLOEXEC)?;
        // The writers are never full, and block in name only.
        wait_by(&near_in, setup.waiting)?;
        wait_by(&far_in, setup.waiting)?;
        Ok((Pipes { inbound: near_in, outbound: near_out }, Pipes { inbound: far_in, outbound: far_out }))
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        write_all(&self.outbound, &[1])
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        read_all(&self.inbound, &mut [0])
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.inbound.as_fd())
    }
}
