//! A POSIX semaphore of value one as a mutex: sem_wait(3) and sem_post(3).
//!
//! The value is a futex word, so only who sleeps, or wakes, calls the kernel. Whoever posts need not be who has waited, so the
//! semaphore knows no holder: a dead one leaves it taken.

use std::io;
use std::ops::Deref;

use ipcmark_harness::sys::memory::{Shareable, Shared};
use ipcmark_harness::sys::names;
use ipcmark_harness::sys::semaphore::{NamedSemaphore, Semaphore};

use crate::descriptor::{named, until_done};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, AfterDeath, Lock};

pub(super) static PRIVATE: Mechanism = Mechanism {
    name: "posix-sem-mutex-private",
    summary: "an unnamed POSIX semaphore of value one, for the threads of one process",
    reach: Reach::Threads,
    support: support::<Unnamed<true>>,
    shapes: &[shapes::lock::<ByPost<Unnamed<true>>>()],
    ..SHARED
};

pub(super) static SHARED: Mechanism = Mechanism {
    name: "posix-sem-mutex",
    summary: "an unnamed POSIX semaphore of value one in shared memory",
    family: Family::Mutex,
    reach: Reach::Both,
    references: &["sem_overview(7)", "sem_init(3)", "sem_wait(3)"],
    support: support::<Unnamed<false>>,
    rank: Rank::Common,
    shapes: &[shapes::lock::<ByPost<Unnamed<false>>>()],
};

pub(super) static NAMED: Mechanism = Mechanism {
    name: "named-sem-mutex",
    summary: "a POSIX semaphore of value one, made by sem_open and unlinked at once",
    references: &["sem_overview(7)", "sem_open(3)", "sem_wait(3)"],
    support: support::<NamedSemaphore>,
    shapes: &[shapes::lock::<ByPost<NamedSemaphore>>()],
    ..SHARED
};

fn support<H: Handle>() -> Support {
    H::many(1).into()
}

/// One party's hold on a semaphore.
trait Handle: Deref<Target = Semaphore> + Send + Sized + 'static {
    /// As [`Lock::AFTER_DEATH`].
    const AFTER_DEATH: Option<AfterDeath> = Some(AfterDeath::Stuck);
    /// A new semaphore of value 1, for so many parties.
    fn many(parties: usize) -> io::Result<Vec<Self>>;
}

/// On lines of its own.
#[repr(C, align(128))]
struct Own(Semaphore);

#[allow(unsafe_code)]
// SAFETY: a shareable value, and padding.
unsafe impl Shareable for Own {}

struct Unnamed<const PRIVATE: bool>(Shared<Own>);

impl<const PRIVATE: bool> Deref for Unnamed<PRIVATE> {
    type Target = Semaphore;
    #[inline(always)]
    fn deref(&self) -> &Semaphore {
        &self.0.0
    }
}

impl<const PRIVATE: bool> Handle for Unnamed<PRIVATE> {
    const AFTER_DEATH: Option<AfterDeath> = if PRIVATE { None } else { Some(AfterDeath::Stuck) };

    fn many(parties: usize) -> io::Result<Vec<Self>> {
        let init = |own: &mut Own| if PRIVATE { own.0.init_private(1) } else { own.0.init(1) };
        let semaphore = Shared::initialized(init)?;
        Ok((0..parties).map(|_| Unnamed(semaphore.clone())).collect())
    }
}

impl Handle for NamedSemaphore {
    fn many(parties: usize) -> io::Result<Vec<Self>> {
        let name = names::next();
        names::held(|| {
            let first = NamedSemaphore::create(&name, 1)?;
            let others: io::Result<Vec<_>> = (1..parties).map(|_| NamedSemaphore::open(&name)).collect();
            NamedSemaphore::unlink(&name).map_err(|errno| named("sem_unlink", errno))?;
            Ok(std::iter::once(first).chain(others?).collect())
        })
    }
}

struct ByPost<H>(H);

impl<H: Handle> Lock for ByPost<H> {
    const AFTER_DEATH: Option<AfterDeath> = H::AFTER_DEATH;

    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        Ok(H::many(setup.parties)?.into_iter().map(ByPost).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        until_done("sem_wait", || self.0.wait())?;
        let result = critical();
        self.0.post().map_err(|errno| named("sem_post", errno))?;
        Ok(result)
    }
}
