//! Tasks without the kernel: made, resumed to their end, dropped.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};
use ipcmark_harness::clock::Clock;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{Deed, Operation, operation};

pub(super) static COROSENSEI: Mechanism = Mechanism {
    name: "corosensei-spawn",
    summary: "a coroutine of the crate corosensei on a stack that was there, run to its end",
    family: Family::Spawn,
    reach: Reach::Threads,
    references: &["docs.rs/corosensei"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[operation::<Stackful>()],
};

pub(super) static TOKIO: Mechanism = Mechanism {
    name: "tokio-spawn",
    summary: "a task on tokio's current-thread runtime, spawned and awaited",
    references: &["docs.rs/tokio, task::spawn_local"],
    shapes: &[operation::<Task>()],
    ..COROSENSEI
};

struct Stackful {
    stack: Option<DefaultStack>,
    ran: Rc<Cell<u64>>,
}

impl Operation for Stackful {
    const DEED: Deed = Deed::SPAWN;

    fn prepare(_: &Setup, _: &Clock) -> io::Result<Self> {
        Ok(Stackful { stack: Some(DefaultStack::new(64 << 10)?), ran: Rc::default() })
    }

    #[inline(always)]
    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        for _ in 0..turns {
            let stack = self.stack.take().ok_or_else(|| io::Error::other("the stack is gone"))?;
            let ran = Rc::clone(&self.ran);
            let mut coroutine = Coroutine::<(), (), (), _>::with_stack(stack, move |_, ()| ran.set(ran.get() + 1));
            if let CoroutineResult::Yield(()) = coroutine.resume(()) {
                return Err(io::Error::other("the coroutine has not ended"));
            }
            self.stack = Some(coroutine.into_stack());
        }
        Ok(())
    }

    fn counted(&mut self) -> u64 {
        self.ran.get()
    }
}

struct Task {
    runtime: Runtime,
    ran: Rc<Cell<u64>>,
}

impl Operation for Task {
    const DEED: Deed = Deed::SPAWN;

    fn prepare(_: &Setup, _: &Clock) -> io::Result<Self> {
        Ok(Task { runtime: Builder::new_current_thread().build()?, ran: Rc::default() })
    }

    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        let tasks = LocalSet::new();
        let ran = &self.ran;
        let all = async {
            for _ in 0..turns {
                let ran = Rc::clone(ran);
                tasks.spawn_local(async move { ran.set(ran.get() + 1) }).await?;
            }
            Ok(())
        };
        self.runtime.block_on(tasks.run_until(all)).map_err(|error: tokio::task::JoinError| io::Error::other(error))
    }

    fn counted(&mut self) -> u64 {
        self.ran.get()
    }
}
