//! How tasks come to be and go: processes, threads, coroutines, and jobs for threads that live.

mod forks;
mod pools;
mod programs;
mod threads;
mod user_tasks;

use std::collections::BTreeMap;
use std::io;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::Placement;
use ipcmark_harness::sys::birth::Sign;
use ipcmark_harness::sys::memory::Shared;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};

use crate::mechanism::{Mechanism, Setup, Support, Waiting};
use crate::shapes::Operation;

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

/// Tries one, with the least memory that is offered.
fn tried<O: Operation>() -> Support {
    let setup = Setup {
        memory_bytes: O::MEMORY_BYTES.iter().map(|point| point.0).min(),
        ..Setup::new(PeerKind::Thread, Placement::SameCpu, Waiting::Own, 0)
    };
    let tried = O::prepare(&setup, &Clock::vdso()).and_then(|mut operation| operation.repeat(1));
    match tried {
        Err(error) if is_refused(&error) => Support::Missing(format!("{error}; {}", limit_of_tasks())),
        tried => tried.into(),
    }
}

/// Whether the kernel has no room for another task: some libraries wrap its error in one of their own.
fn is_refused(error: &io::Error) -> bool {
    let wrapped = format!("(os error {})", Errno::EAGAIN as i32);
    error.raw_os_error() == Some(Errno::EAGAIN as i32) || error.to_string().contains(&wrapped)
}

fn limit_of_tasks() -> String {
    let allowed = match getrlimit(Resource::RLIMIT_NPROC) {
        Ok((libc::RLIM_INFINITY, _)) | Err(_) => "any number of".into(),
        Ok((soft, _)) => soft.to_string(),
    };
    format!(
        "RLIMIT_NPROC allows {allowed} processes and threads of this user, raise it with `ulimit -u`; pids.max of the control group \
         and kernel.threads-max limit them, too"
    )
}
