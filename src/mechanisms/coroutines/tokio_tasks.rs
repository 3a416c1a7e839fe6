//! Two tasks on tokio's current-thread runtime: they yield to each other, or send each other a word.
//!
//! The tasks are started anew for each batch: some microseconds in two thousand.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use ipcmark_harness::clock::Clock;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, yield_now};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{Deed, Operation, operation};

pub(super) static YIELD: Mechanism = Mechanism {
    name: "tokio-yield",
    summary: "two tasks on tokio's current-thread runtime that yield to each other",
    family: Family::Coroutine,
    reach: Reach::Threads,
    references: &["docs.rs/tokio, task::yield_now"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[operation::<Yielding>()],
};

pub(super) static CHANNEL: Mechanism = Mechanism {
    name: "tokio-channel",
    summary: "two tasks on tokio's current-thread runtime that send each other a word through channels of one",
    shapes: &[operation::<Sending>()],
    references: &["docs.rs/tokio, sync::mpsc"],
    ..YIELD
};

/// What both have.
struct Tasks {
    runtime: Runtime,
    switches: Rc<Cell<u64>>,
}

impl Tasks {
    fn new() -> io::Result<Tasks> {
        Ok(Tasks { runtime: Builder::new_current_thread().build()?, switches: Rc::default() })
    }

    /// Both to their end.
    fn run(
        &self,
        one: impl Future<Output = ()> + 'static,
        other: impl Future<Output = ()> + 'static,
    ) -> io::Result<()> {
        let tasks = LocalSet::new();
        let (one, other) = (tasks.spawn_local(one), tasks.spawn_local(other));
        self.runtime.block_on(tasks.run_until(async { one.await.and(other.await) })).map_err(io::Error::other)
    }
}

struct Yielding(Tasks);

impl Operation for Yielding {
    const DEED: Deed = Deed::RESUME;
    const IN_A_TURN: u64 = 2;

    fn prepare(_: &Setup, _: &Clock) -> io::Result<Yielding> {
        Tasks::new().map(Yielding)
    }

    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        let task = || {
            let switches = Rc::clone(&self.0.switches);
            async move {
                for _ in 0..turns {
                    yield_now().await;
                    switches.set(switches.get() + 1);
                }
            }
        };
        self.0.run(task(), task())
    }

    fn counted(&mut self) -> u64 {
        self.0.switches.get()
    }
}

struct Sending(Tasks);

impl Operation for Sending {
    const DEED: Deed = Deed::RESUME;
    const IN_A_TURN: u64 = 2;

    fn prepare(_: &Setup, _: &Clock) -> io::Result<Sending> {
        Tasks::new().map(Sending)
    }

    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        let ((ping, mut pinged), (pong, mut ponged)) = (mpsc::channel(1), mpsc::channel(1));
        let (near, far) = (Rc::clone(&self.0.switches), Rc::clone(&self.0.switches));
        let asks = async move {
            for turn in 0..turns {
                if ping.send(turn).await.is_err() || ponged.recv().await != Some(turn) {
                    return;
                }
                near.set(near.get() + 1);
            }
        };
        let answers = async move {
            while let Some(turn) = pinged.recv().await {
                far.set(far.get() + 1);
                if pong.send(turn).await.is_err() {
                    return;
                }
            }
        };
        self.0.run(asks, answers)
    }

    fn counted(&mut self) -> u64 {
        self.0.switches.get()
    }
}
