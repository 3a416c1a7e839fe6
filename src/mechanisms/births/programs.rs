//! Another program in a new process: a static one that only exits, of some hundred bytes, in memory.
//!
//! That it ran is seen from its exit code; it has no clock to say when.

use std::io;
use std::marker::PhantomData;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::sys::birth::{Program, by_fork_and_exec, by_posix_spawn};

use super::tried;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup};
use crate::shapes::{Deed, Operation, operation};

pub(super) static POSIX_SPAWN: Mechanism = Mechanism {
    name: "posix-spawn",
    summary: "posix_spawn of a static program that only exits, and wait",
    family: Family::Spawn,
    reach: Reach::Processes,
    references: &["posix_spawn(3)", "memfd_create(2)"],
    support: tried::<Started<PosixSpawn>>,
    rank: Rank::Headline,
    shapes: &[operation::<Started<PosixSpawn>>()],
};

pub(super) static FORK_EXEC: Mechanism = Mechanism {
    name: "fork-exec",
    summary: "fork, execve of a static program that only exits, and wait",
    references: &["fork(2)", "execve(2)"],
    support: tried::<Started<ForkExec>>,
    rank: Rank::Common,
    shapes: &[operation::<Started<ForkExec>>()],
    ..POSIX_SPAWN
};

trait Start: 'static {
    fn one(program: &Program) -> io::Result<()>;
}

struct PosixSpawn;
struct ForkExec;

impl Start for PosixSpawn {
    fn one(program: &Program) -> io::Result<()> {
        by_posix_spawn(program)
    }
}

impl Start for ForkExec {
    fn one(program: &Program) -> io::Result<()> {
        by_fork_and_exec(program)
    }
}

struct Started<S> {
    program: Program,
    ended: u64,
    _how: PhantomData<S>,
}

impl<S: Start> Operation for Started<S> {
    const DEED: Deed = Deed::SPAWN;

    fn prepare(_: &Setup, _: &Clock) -> io::Result<Self> {
        Ok(Started { program: Program::new()?, ended: 0, _how: PhantomData })
    }

    #[inline(always)]
    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        for _ in 0..turns {
            S::one(&self.program)?;
            // Only a program that ran ends with its own exit code, and any other is an error.
            self.ended += 1;
        }
        Ok(())
    }

    fn counted(&mut self) -> u64 {
        self.ended
    }
}
