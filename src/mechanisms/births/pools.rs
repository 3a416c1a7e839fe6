//! A job for a thread that lives: handed over, done, and its end waited for. What spawning a thread for each job is to be
//! compared with.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use ipcmark_harness::clock::Clock;
use rayon_core::{ThreadPool, ThreadPoolBuilder};

use super::tried;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup};
use crate::shapes::{Deed, Operation, operation};

pub(super) static CROSSBEAM: Mechanism = Mechanism {
    name: "crossbeam-pool",
    summary: "a job for the one thread behind a crossbeam channel, whose answer comes through another",
    family: Family::Spawn,
    reach: Reach::Threads,
    references: &["docs.rs/crossbeam-channel"],
    support: tried::<Channels>,
    rank: Rank::Common,
    shapes: &[operation::<Channels>()],
};

pub(super) static RAYON: Mechanism = Mechanism {
    name: "rayon-pool",
    summary: "a job for a rayon pool of one thread: install, which waits for its end",
    references: &["docs.rs/rayon-core, ThreadPool::install"],
    support: tried::<Rayon>,
    shapes: &[operation::<Rayon>()],
    ..CROSSBEAM
};

type Job = Box<dyn FnOnce() + Send>;

struct Channels {
    /// None only while it is dropped: the thread ends when there is no sender.
    jobs: Option<Sender<Job>>,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
    count: Arc<AtomicU64>,
}

impl Operation for Channels {
    const DEED: Deed = Deed::DISPATCH;

    fn prepare(_: &Setup, _: &Clock) -> io::Result<Self> {
        let ((jobs, received), (says_so, done)) = (bounded::<Job>(1), bounded(1));
        let thread = std::thread::Builder::new().spawn(move || {
            for job in received {
                job();
                let _ = says_so.send(());
            }
        })?;
        Ok(Channels { jobs: Some(jobs), done, thread: Some(thread), count: Arc::default() })
    }

    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        let gone = || io::Error::other("the pool's thread has ended");
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        for _ in 0..turns {
            let count = Arc::clone(&self.count);
            // Relaxed: the answer orders it.
            jobs.send(Box::new(move || _ = count.fetch_add(1, Ordering::Relaxed))).map_err(|_| gone())?;
            self.done.recv().map_err(|_| gone())?;
        }
        Ok(())
    }

    fn counted(&mut self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Channels {
    fn drop(&mut self) {
        self.jobs = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Rayon {
    pool: ThreadPool,
    count: AtomicU64,
}

impl Operation for Rayon {
    const DEED: Deed = Deed::DISPATCH;

    fn prepare(_: &Setup, _: &Clock) -> io::Result<Self> {
        let pool = ThreadPoolBuilder::new().num_threads(1).build().map_err(io::Error::other)?;
        Ok(Rayon { pool, count: AtomicU64::new(0) })
    }

    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        for _ in 0..turns {
            // Relaxed: `install` returns when it is done.
            self.pool.install(|| self.count.fetch_add(1, Ordering::Relaxed));
        }
        Ok(())
    }

    fn counted(&mut self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
