//! A System V semaphore, semget(2): semop(2) takes a permit and gives it back, a system call each, waiter or not.

use std::io;
use std::sync::Arc;

use ipcmark_harness::sys::names;
use ipcmark_harness::sys::sysv::semaphore::Semaphore;

use crate::descriptor::until_done;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Permits};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "sysv-permits",
    summary: "a System V semaphore: a system call for each permit taken or given back",
    family: Family::Coordination,
    reach: Reach::Both,
    references: &["sysvipc(7)", "semop(2)"],
    support: || Support::from(new_semaphore(1)),
    rank: Rank::Common,
    shapes: &[shapes::permits::<SysvPermits>()],
};

/// It keeps its key as long as it is there; the process that made it removes it with its last handle.
fn new_semaphore(permits: usize) -> io::Result<Semaphore> {
    Semaphore::create(names::key(), permits as libc::c_int)
}

struct SysvPermits(Arc<Semaphore>);

impl Permits for SysvPermits {
    fn handles(setup: &Setup, permits: usize) -> io::Result<Vec<Self>> {
        let semaphore = Arc::new(new_semaphore(permits)?);
        Ok((0..setup.parties).map(|_| SysvPermits(Arc::clone(&semaphore))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, inside: impl FnOnce() -> R) -> io::Result<R> {
        until_done("semop of -1", || self.0.operate(-1, 0))?;
        let result = inside();
        until_done("semop of 1", || self.0.operate(1, 0))?;
        Ok(result)
    }
}
