//! eventfd(2): two counters in semaphore mode, one a direction; write(2) adds one, read(2) takes one.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::{read, write};

use crate::descriptor::{duplicated, named, until_done};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Waiting};
use crate::shapes::{self, Wakeup};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "eventfd",
    summary: "an eventfd in semaphore mode, one a direction",
    family: Family::Notification,
    reach: Reach::Both,
    references: &["eventfd(2)"],
    support: || counter(Waiting::Block).into(),
    rank: Rank::Headline,
    shapes: &[shapes::wakeup::<Events>()],
};

struct Events {
    inbound: EventFd,
    /// The other end's counter.
    outbound: OwnedFd,
}

impl Wakeup for Events {
    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (there, back) = (counter(setup.waiting)?, counter(setup.waiting)?);
        let (to_there, to_here) = (duplicated(&there)?, duplicated(&back)?);
        Ok((Events { inbound: back, outbound: to_there }, Events { inbound: there, outbound: to_here }))
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        until_done("write to an eventfd", || write(&self.outbound, &1_u64.to_ne_bytes())).map(drop)
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        let mut count = [0; 8];
        until_done("read of an eventfd", || read(&self.inbound, &mut count)).map(drop)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.inbound.as_fd())
    }
}

fn counter(waiting: Waiting) -> io::Result<EventFd> {
    let mut flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_SEMAPHORE;
    if waiting == Waiting::Spin {
        flags |= EfdFlags::EFD_NONBLOCK;
    }
    EventFd::from_value_and_flags(0, flags).map_err(|errno| named("eventfd", errno))
}
