//! POSIX semaphores, one a direction: sem_post(3) and sem_wait(3), or sem_trywait(3) again and again to poll.
//!
//! The value is a futex word in shared memory either way; a named semaphore only has its memory from a file. So they are
//! system calls only where somebody sleeps or is to be woken.

use std::io;
use std::ops::Deref;

use ipcmark_harness::sys::memory::Shared;
use ipcmark_harness::sys::names;
use ipcmark_harness::sys::semaphore::{NamedSemaphore, Semaphore};

use crate::descriptor::until_done;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Wakeup};

const POSIX: Mechanism = Mechanism {
    name: "posix-sem",
    summary: "an unnamed POSIX semaphore in shared memory, one a direction",
    family: Family::Notification,
    reach: Reach::Both,
    references: &["sem_overview(7)", "sem_init(3)", "sem_post(3)"],
    support: support::<Shared<Semaphore>>,
    rank: Rank::Headline,
    shapes: &[shapes::wakeup::<Semaphores<Shared<Semaphore>>>()],
};

pub(super) static UNNAMED: Mechanism = POSIX;

pub(super) static NAMED: Mechanism = Mechanism {
    name: "named-sem",
    summary: "a POSIX semaphore made by sem_open and unlinked at once, one a direction",
    references: &["sem_overview(7)", "sem_open(3)"],
    support: support::<NamedSemaphore>,
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Semaphores<NamedSemaphore>>()],
    ..POSIX
};

fn support<H: Handle>() -> Support {
    match H::twice() {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    }
}

/// One party's hold on a semaphore.
trait Handle: Deref<Target = Semaphore> + Send + Sized + 'static {
    /// A new semaphore of value 0, for both parties.
    fn twice() -> io::Result<(Self, Self)>;
}

impl Handle for Shared<Semaphore> {
    fn twice() -> io::Result<(Self, Self)> {
        let semaphore = Shared::initialized(|semaphore: &mut Semaphore| semaphore.init(0))?;
        Ok((semaphore.clone(), semaphore))
    }
}

impl Handle for NamedSemaphore {
    fn twice() -> io::Result<(Self, Self)> {
        let name = names::next();
        names::held(|| {
            let near = NamedSemaphore::create(&name, 0)?;
            let far = NamedSemaphore::open(&name);
            NamedSemaphore::unlink(&name)?;
            Ok((near, far?))
        })
    }
}

struct Semaphores<H> {
    inbound: H,
    outbound: H,
    waiting: Waiting,
}

impl<H: Handle> Wakeup for Semaphores<H> {
    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let ((near_in, far_out), (far_in, near_out)) = (H::twice()?, H::twice()?);
        let end = |inbound, outbound| Semaphores { inbound, outbound, waiting: setup.waiting };
        Ok((end(near_in, near_out), end(far_in, far_out)))
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        until_done("sem_post", || self.outbound.post())
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        match self.waiting {
            Waiting::Spin => until_done("sem_trywait", || self.inbound.try_wait()),
            _ => until_done("sem_wait", || self.inbound.wait()),
        }
    }
}
