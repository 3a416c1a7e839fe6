//! A mutex, a condition variable and the count they guard, in memory that both parties share; one of each a direction.
//!
//! The notifier signals after it has unlocked, so that the woken party does not run into the lock.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::sys::memory::{Shareable, Shared};
use ipcmark_harness::sys::monitor::{Monitor, Robustness};

use crate::descriptor::named;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Wakeup};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "condvar",
    summary: "a count under a process-shared pthread mutex, with its condition variable, one a direction",
    family: Family::Notification,
    reach: Reach::Both,
    references: &["pthread_cond_wait(3)", "pthread_condattr_setpshared(3)"],
    support: || match Counted::new() {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    },
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Condvars>()],
};

struct Condvars {
    inbound: Shared<Counted>,
    outbound: Shared<Counted>,
}

#[repr(C)]
struct Counted {
    monitor: Monitor,
    /// Notifications not taken. Relaxed throughout: the mutex orders its uses.
    count: AtomicU32,
}

#[allow(unsafe_code)]
// SAFETY: both fields are shareable.
unsafe impl Shareable for Counted {}

impl Counted {
    fn new() -> io::Result<Shared<Counted>> {
        Shared::initialized(|counted: &mut Counted| counted.monitor.init(Robustness::Stalled))
    }

    #[inline]
    fn add(&self) -> nix::Result<()> {
        self.monitor.with_lock(|_| self.count.store(self.count.load(Ordering::Relaxed) + 1, Ordering::Relaxed))?;
        self.monitor.signal()
    }

    #[inline]
    fn take(&self) -> nix::Result<()> {
        self.monitor.with_lock(|locked| {
            while self.count.load(Ordering::Relaxed) == 0 {
                locked.wait()?;
            }
            self.count.store(self.count.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
            Ok(())
        })?
    }
}

impl Wakeup for Condvars {
    const WAITINGS: &'static [Waiting] = &[Waiting::Block];

    fn pair(_: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = (Counted::new()?, Counted::new()?);
        Ok((Condvars { inbound: near.clone(), outbound: far.clone() }, Condvars { inbound: far, outbound: near }))
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        self.outbound.add().map_err(|errno| named("a pthread call", errno))
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        self.inbound.take().map_err(|errno| named("a pthread call", errno))
    }
}
