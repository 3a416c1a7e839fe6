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

use crate::mechanism::{Mechanism, Point, Setup, Support, Waiting};
use crate::shapes::{Deed, Operation, least_memory};

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

/// One way to be born, and what it takes.
trait Birth: Sized + 'static {
    const MEMORY_BYTES: &'static [Point<usize>] = &[];

    fn prepare(setup: &Setup) -> io::Result<Self>;

    /// Makes one, which leaves a sign, and waits until it is gone.
    fn one(&mut self, sign: &Shared<Sign>, clock: &Clock) -> io::Result<()>;

    fn supports(setup: &Setup) -> Support {
        let _ = setup;
        Support::Available
    }
}

/// Newborns that leave a sign: how many, and how long each took to run.
struct Births<B> {
    birth: B,
    sign: Shared<Sign>,
    clock: Clock,
    /// Of the last facts.
    seen: u64,
    to_running_ns: f64,
}

impl<B: Birth> Operation for Births<B> {
    const DEED: Deed = Deed::SPAWN;
    const MEMORY_BYTES: &'static [Point<usize>] = B::MEMORY_BYTES;

    fn prepare(setup: &Setup, clock: &Clock) -> io::Result<Self> {
        let birth = B::prepare(setup)?;
        Ok(Births { birth, sign: Shared::zeroed()?, clock: *clock, seen: 0, to_running_ns: 0.0 })
    }

    /// One after the other.
    #[inline(always)]
    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        for _ in 0..turns {
            let called = self.clock.start();
            self.birth.one(&self.sign, &self.clock)?;
            self.to_running_ns += self.clock.ns_between(called, self.sign.at_ticks());
        }
        Ok(())
    }

    fn counted(&mut self) -> u64 {
        self.sign.count()
    }

    fn facts(&mut self) -> BTreeMap<String, f64> {
        let born = self.sign.count() - self.seen;
        let ns = std::mem::take(&mut self.to_running_ns);
        self.seen += born;
        (born > 0).then(|| ("to_running_ns".to_owned(), ns / born as f64)).into_iter().collect()
    }

    fn supports(setup: &Setup) -> Support {
        B::supports(setup)
    }
}

/// Tries one, with the least memory that is offered.
fn tried<O: Operation>() -> Support {
    let setup = least_memory::<O>(&Setup::new(PeerKind::Thread, Placement::SameCpu, Waiting::Own, 0));
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
