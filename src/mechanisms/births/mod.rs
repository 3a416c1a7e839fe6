//! How tasks come to be and go: processes, threads, coroutines, and jobs for threads that live.

mod forks;
mod pools;
mod programs;
mod threads;
mod user_tasks;

use std::collections::BTreeMap;
use std::io;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::sys::birth::Sign;
use ipcmark_harness::sys::memory::Shared;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &forks::FORK,
    &forks::FORK_HUGE,
    &forks::VFORK,
    &forks::CLONE3,
    &programs::POSIX_SPAWN,
    &programs::FORK_EXEC,
    &threads::PTHREAD,
    &threads::PTHREAD_SMALL,
    &threads::PTHREAD_DETACHED,
    &threads::STD_THREAD,
    &threads::SCOPED_THREAD,
    &user_tasks::COROSENSEI,
    &user_tasks::TOKIO,
    &pools::CROSSBEAM,
    &pools::RAYON,
];

/// Newborns that leave a sign: how many, and how long each took to run.
struct Births {
    sign: Shared<Sign>,
    clock: Clock,
    /// Of the last facts.
    seen: u64,
    to_running_ns: f64,
}

impl Births {
    fn new(clock: &Clock) -> io::Result<Births> {
        Ok(Births { sign: Shared::zeroed()?, clock: *clock, seen: 0, to_running_ns: 0.0 })
    }

    /// So many, one after the other.
    #[inline(always)]
    fn repeat(&mut self, turns: u64, mut birth: impl FnMut(&Shared<Sign>, &Clock) -> io::Result<()>) -> io::Result<()> {
        for _ in 0..turns {
            let called = self.clock.start();
            birth(&self.sign, &self.clock)?;
            self.to_running_ns += self.clock.ns_between(called, self.sign.at_ticks());
        }
        Ok(())
    }

    fn counted(&self) -> u64 {
        self.sign.count()
    }

    fn facts(&mut self) -> BTreeMap<String, f64> {
        let born = self.sign.count() - self.seen;
        let ns = std::mem::take(&mut self.to_running_ns);
        self.seen += born;
        (born > 0).then(|| ("to_running_ns".to_owned(), ns / born as f64)).into_iter().collect()
    }
}
