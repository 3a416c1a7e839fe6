//! eventfd(2) in semaphore mode, with the value one, as a mutex: read(2) takes it, write(2) gives it back. Both are always
//! system calls. The counter knows no holder: a dead one leaves it taken.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::{read, write};

use crate::descriptor::{named, until_done};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup};
use crate::shapes::{self, AfterDeath, Lock};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "eventfd-mutex",
    summary: "an eventfd in semaphore mode, of value one",
    family: Family::Mutex,
    reach: Reach::Both,
    references: &["eventfd(2)"],
    support: || counter().into(),
    rank: Rank::Common,
    shapes: &[shapes::lock::<ByCounter>()],
};

struct ByCounter(Arc<OwnedFd>);

impl Lock for ByCounter {
    const AFTER_DEATH: Option<AfterDeath> = Some(AfterDeath::Stuck);

    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let counter = Arc::new(OwnedFd::from(counter()?));
        Ok((0..setup.parties).map(|_| ByCounter(Arc::clone(&counter))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let mut count = [0; 8];
        until_done("read of an eventfd", || read(&self.0, &mut count))?;
        let result = critical();
        until_done("write to an eventfd", || write(&self.0, &1_u64.to_ne_bytes()))?;
        Ok(result)
    }
}

/// One of value 1.
fn counter() -> io::Result<EventFd> {
    let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_SEMAPHORE;
    EventFd::from_value_and_flags(1, flags).map_err(|errno| named("eventfd", errno))
}
