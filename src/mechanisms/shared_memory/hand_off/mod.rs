//! HOW one party tells another that it has done a step: a count that one adds to and the other takes from.

mod condvar;
mod eventfd;
mod flag;
mod named_sem;
mod sem;
mod sysv_sem;

use std::io;
use std::os::fd::BorrowedFd;

use ipcmark_harness::sys::memory::Shareable;

use crate::manner::Manner;
use crate::mechanism::Waiting;

pub(super) use condvar::Condvar;
pub(super) use eventfd::Eventfd;
pub(super) use flag::Flag;
pub(super) use named_sem::NamedSem;
pub(super) use sem::Sem;
pub(super) use sysv_sem::SysvSem;

/// A count of steps, zero at first, that parties share; each holds a clone. One takes, one or several post.
///
/// What a party wrote before `post` is visible to the one whose `wait` took that step.
pub(super) trait HandOff: Clone + Send + 'static {
    /// Man pages.
    const REFERENCES: [&'static str; 2];
    /// The ways of waiting it has.
    const WAITINGS: &'static [Waiting];

    /// What of it lies in the shared memory, if anything.
    type Word: Shareable;

    /// The handle, and what the kernel keeps of it. `posters`: how many will post.
    fn new(manner: Manner, posters: usize) -> io::Result<Self>;

    /// Makes the zeroed word usable, before anybody else has it.
    fn init(&self, word: &mut Self::Word) -> io::Result<()> {
        let _ = word;
        Ok(())
    }

    /// Adds one.
    fn post(&mut self, word: &Self::Word) -> io::Result<()>;

    /// Takes one, waiting for it; never returns without.
    fn wait(&mut self, word: &Self::Word) -> io::Result<()>;

    /// The descriptor that is readable while there is one to take, where there is one.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// All of it lies in the shared memory: whoever maps that can join.
pub(super) trait InMemory: HandOff {}

/// Nothing of it lies in the shared memory.
pub(super) struct Elsewhere;

#[allow(unsafe_code)]
// SAFETY: it has no bytes.
unsafe impl Shareable for Elsewhere {}
