//! A coroutine with a stack of its own, as the crate corosensei gives it.

use std::io;

use corosensei::{Coroutine, CoroutineResult};
use ipcmark_harness::clock::Clock;

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{Deed, Operation, operation};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "corosensei",
    summary: "a coroutine with a stack of its own: the crate corosensei",
    family: Family::Coroutine,
    reach: Reach::Threads,
    references: &["docs.rs/corosensei"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[operation::<Stackful>()],
};

struct Stackful {
    coroutine: Coroutine<(), u64, ()>,
    switches: u64,
}

impl Operation for Stackful {
    const DEED: Deed = Deed::RESUME;
    const IN_A_TURN: u64 = 2;

    fn prepare(_: &Setup, _: &Clock) -> io::Result<Stackful> {
        let coroutine = Coroutine::new(|yielder, ()| {
            for resumed in 1.. {
                yielder.suspend(resumed);
            }
        });
        Ok(Stackful { coroutine, switches: 0 })
    }

    #[inline(always)]
    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        let mut resumed = 0;
        for _ in 0..turns {
            match self.coroutine.resume(()) {
                CoroutineResult::Yield(times) => resumed = times,
                CoroutineResult::Return(()) => return Err(io::Error::other("the coroutine has ended")),
            }
        }
        self.switches = resumed * 2;
        Ok(())
    }

    fn counted(&mut self) -> u64 {
        self.switches
    }
}

impl Drop for Stackful {
    /// It never ends, so its stack is not unwound: nothing on it needs to be.
    fn drop(&mut self) {
        #[allow(unsafe_code)]
        // SAFETY: the coroutine's stack holds an integer and a reference to its own yielder, nothing with a destructor.
        unsafe {
            self.coroutine.force_reset();
        }
    }
}
