//! A System V semaphore of value one as a mutex: semop(2), twice a system call. With `SEM_UNDO` the kernel keeps account of
//! what each process has taken, and gives it back when the process ends, however it does.
//!
//! The kernel takes it for the waiter who has waited longest before that one wakes up: where several want it, each
//! acquisition costs a wake-up.

use std::any::Any;
use std::io;
use std::sync::Arc;

use ipcmark_harness::sys::names;
use ipcmark_harness::sys::sysv::semaphore::Semaphore;

use crate::descriptor::until_done;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup};
use crate::shapes::{self, AfterDeath, Lock};

pub(super) static PLAIN: Mechanism = Mechanism {
    name: "sysv-sem-mutex",
    summary: "a System V semaphore of value one, which a dead holder leaves taken",
    family: Family::Mutex,
    reach: Reach::Both,
    references: &["sysvipc(7)", "semop(2)"],
    support: || new_semaphore().into(),
    rank: Rank::Common,
    shapes: &[shapes::lock::<BySemop<false>>()],
};

pub(super) static UNDONE: Mechanism = Mechanism {
    name: "sysv-sem-mutex-undo",
    summary: "a System V semaphore of value one and SEM_UNDO, which the kernel gives back for a dead holder",
    shapes: &[shapes::lock::<BySemop<true>>()],
    ..PLAIN
};

/// `UNDO`: with `SEM_UNDO`.
struct BySemop<const UNDO: bool>(Arc<Semaphore>);

impl<const UNDO: bool> BySemop<UNDO> {
    const FLAGS: libc::c_int = if UNDO { libc::SEM_UNDO } else { 0 };
}

impl<const UNDO: bool> Lock for BySemop<UNDO> {
    const AFTER_DEATH: Option<AfterDeath> = Some(if UNDO { AfterDeath::Free } else { AfterDeath::Stuck });

    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let semaphore = new_semaphore()?;
        Ok((0..setup.parties).map(|_| BySemop(Arc::clone(&semaphore))).collect())
    }

    /// The set is removed when the process that made it drops its last handle.
    fn kept(&self) -> Option<Box<dyn Any>> {
        Some(Box::new(Arc::clone(&self.0)))
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        until_done("semop", || self.0.operate(-1, Self::FLAGS))?;
        let result = critical();
        until_done("semop", || self.0.operate(1, Self::FLAGS))?;
        Ok(result)
    }
}

/// One of value 1.
fn new_semaphore() -> io::Result<Arc<Semaphore>> {
    Semaphore::create(names::key(), 1).map(Arc::new)
}
