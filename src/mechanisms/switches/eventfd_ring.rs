//! An eventfd for each place: write(2) passes the token, read(2) takes it.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::{read, write};

use crate::descriptor::{duplicated, named, until_done};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup};
use crate::shapes::{self, TokenRing};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "eventfd-ring",
    summary: "a token from task to task by an eventfd for each",
    family: Family::Switch,
    reach: Reach::Tasks,
    references: &["eventfd(2)"],
    support: || counter().into(),
    rank: Rank::Common,
    shapes: &[shapes::token_ring::<Events>()],
};

struct Events {
    inbound: EventFd,
    /// The next place's counter.
    outbound: OwnedFd,
}

impl TokenRing for Events {
    fn places(setup: &Setup) -> io::Result<Vec<Self>> {
        let inbound: Vec<EventFd> = (0..setup.parties).map(|_| counter()).collect::<io::Result<_>>()?;
        let mut outbound = inbound.iter().map(duplicated).collect::<io::Result<Vec<_>>>()?;
        outbound.rotate_left(1);
        Ok(inbound.into_iter().zip(outbound).map(|(inbound, outbound)| Events { inbound, outbound }).collect())
    }

    #[inline]
    fn pass(&mut self) -> io::Result<()> {
        until_done("write to an eventfd", || write(&self.outbound, &1_u64.to_ne_bytes())).map(drop)
    }

    #[inline]
    fn take(&mut self) -> io::Result<()> {
        let mut count = [0; 8];
        until_done("read of an eventfd", || read(&self.inbound, &mut count)).map(drop)
    }
}

fn counter() -> io::Result<EventFd> {
    let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_SEMAPHORE;
    EventFd::from_value_and_flags(0, flags).map_err(|errno| named("eventfd", errno))
}
