//! System V semaphores: semop(2) on a set of one, one a direction. Every operation is a system call.
//!
//! A set keeps its key as long as it is there, and once removed it is gone for those who use it, too. So the process that
//! made it removes it when it closes its end; what a killed one left is found by the key.

use std::io;
use std::sync::Arc;

use ipcmark_harness::sys::names;
use ipcmark_harness::sys::sysv::semaphore::Semaphore;

use crate::descriptor::until_done;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Wakeup};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "sysv-sem",
    summary: "a System V semaphore, one a direction; IPC_NOWAIT again and again to poll",
    family: Family::Notification,
    reach: Reach::Both,
    references: &["sysvipc(7)", "semop(2)"],
    support: || match new_semaphore() {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    },
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Semaphores>()],
};

struct Semaphores {
    inbound: Arc<Semaphore>,
    outbound: Arc<Semaphore>,
    flags: libc::c_int,
}

impl Wakeup for Semaphores {
    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (there, back) = (new_semaphore()?, new_semaphore()?);
        let flags = if setup.waiting == Waiting::Spin { libc::IPC_NOWAIT } else { 0 };
        let near = Semaphores { inbound: Arc::clone(&back), outbound: Arc::clone(&there), flags };
        Ok((near, Semaphores { inbound: there, outbound: back, flags }))
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        until_done("semop", || self.outbound.operate(1, 0))
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        until_done("semop", || self.inbound.operate(-1, self.flags))
    }
}

/// One of value 0.
fn new_semaphore() -> io::Result<Arc<Semaphore>> {
    Semaphore::create(names::key(), 0).map(Arc::new)
}
