//! A POSIX semaphore, sem_overview(7): sem_wait(3) takes a permit, sem_post(3) gives it back. System calls only where somebody
//! sleeps or is to be woken.

use std::io;

use ipcmark_harness::sys::memory::Shared;
use ipcmark_harness::sys::semaphore::Semaphore;

use crate::descriptor::until_done;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Permits};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "posix-permits",
    summary: "an unnamed POSIX semaphore in shared memory",
    family: Family::Coordination,
    reach: Reach::Both,
    references: &["sem_overview(7)", "sem_init(3)", "sem_wait(3)"],
    support: || Support::from(new_semaphore(1)),
    rank: Rank::Headline,
    shapes: &[shapes::permits::<PosixPermits>()],
};

fn new_semaphore(permits: usize) -> io::Result<Shared<Semaphore>> {
    Shared::initialized(|semaphore: &mut Semaphore| semaphore.init(permits as u32))
}

struct PosixPermits(Shared<Semaphore>);

impl Permits for PosixPermits {
    fn handles(setup: &Setup, permits: usize) -> io::Result<Vec<Self>> {
        let semaphore = new_semaphore(permits)?;
        Ok((0..setup.parties).map(|_| PosixPermits(Shared::clone(&semaphore))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, inside: impl FnOnce() -> R) -> io::Result<R> {
        until_done("sem_wait", || self.0.wait())?;
        let result = inside();
        until_done("sem_post", || self.0.post())?;
        Ok(result)
    }
}
