//! The scheduling policies of sched(7), each as a thread under it sees it.
//!
//! Timers of threads without real-time policy may be late on purpose, by 50 us unless prctl(2) says otherwise, so that several
//! wake the CPU once: `sched-other-on-time` is `sched-other` with that slack taken away, which real-time threads never have.

use std::io;

use ipcmark_harness::sys::scheduling::{self, Policy as Kernels};
use nix::sys::prctl::{get_timerslack, set_timerslack};

use crate::descriptor::named;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Support};
use crate::shapes::{self, Policy};

pub(super) static OTHER: Mechanism = Mechanism {
    name: "sched-other",
    summary: "the policy that every thread has at first: fair shares",
    references: &["sched(7)", "PR_SET_TIMERSLACK in prctl(2)"],
    support: support::<Other>,
    shapes: &[shapes::policy::<Other>()],
    ..DEADLINE
};

pub(super) static OTHER_ON_TIME: Mechanism = Mechanism {
    name: "sched-other-on-time",
    summary: "the same with a timer slack of 1 ns instead of 50 us",
    support: support::<OnTime>,
    shapes: &[shapes::policy::<OnTime>()],
    ..OTHER
};

pub(super) static BATCH: Mechanism = Mechanism {
    name: "sched-batch",
    summary: "fair shares, and a wake-up takes the CPU from nobody",
    support: support::<Batch>,
    shapes: &[shapes::policy::<Batch>()],
    ..OTHER
};

pub(super) static IDLE: Mechanism = Mechanism {
    name: "sched-idle",
    summary: "what others leave",
    support: support::<Idle>,
    shapes: &[shapes::policy::<Idle>()],
    ..OTHER
};

pub(super) static FIFO: Mechanism = Mechanism {
    name: "sched-fifo",
    summary: "real-time, priority 1: before everybody without, until it sleeps",
    references: &["sched(7)", "sched_setattr(2)"],
    support: support::<Fifo>,
    shapes: &[shapes::policy::<Fifo>()],
    ..OTHER
};

pub(super) static RR: Mechanism = Mechanism {
    name: "sched-rr",
    summary: "real-time, priority 1, in time slices among those of one priority",
    support: support::<RoundRobin>,
    shapes: &[shapes::policy::<RoundRobin>()],
    ..FIFO
};

pub(super) static DEADLINE: Mechanism = Mechanism {
    name: "sched-deadline",
    summary: "a fifth of each period granted, before everybody else; on no CPU in particular, which the kernel demands",
    family: Family::Scheduler,
    reach: Reach::Threads,
    references: &["sched(7)", "Documentation/scheduler/sched-deadline"],
    support: support::<Deadline>,
    rank: Rank::Headline,
    shapes: &[shapes::policy::<Deadline>()],
};

const PERIOD_NS: u64 = 1_000_000;

/// Tries it in a thread that ends with the answer.
fn support<P: Policy>() -> Support {
    let tried = std::thread::Builder::new().spawn(|| P::adopt(PERIOD_NS));
    tried.and_then(|thread| thread.join().map_err(|_| io::Error::other("it panicked"))?).into()
}

/// Policies that need nothing but their name.
macro_rules! policies {
    ($($name:ident = $policy:expr;)+) => { $(
        struct $name;

        impl Policy for $name {
            const USUAL: bool = matches!($policy, Kernels::Other);
            const LAST: bool = matches!($policy, Kernels::Idle);

            fn adopt(_: u64) -> io::Result<()> {
                scheduling::adopt($policy)
            }

            fn is_adopted() -> io::Result<bool> {
                Ok(scheduling::adopted()? == $policy)
            }
        }
    )+ };
}

policies! {
    Other = Kernels::Other;
    Batch = Kernels::Batch;
    Idle = Kernels::Idle;
    Fifo = Kernels::FirstInFirstOut(1);
    RoundRobin = Kernels::RoundRobin(1);
}

struct OnTime;

/// The least there is: 0 means the default.
const SLACK_NS: u64 = 1;

impl Policy for OnTime {
    fn adopt(period_ns: u64) -> io::Result<()> {
        Other::adopt(period_ns)?;
        set_timerslack(SLACK_NS).map(drop).map_err(|errno| named("prctl(PR_SET_TIMERSLACK)", errno))
    }

    fn is_adopted() -> io::Result<bool> {
        let slack = get_timerslack().map_err(|errno| named("prctl(PR_GET_TIMERSLACK)", errno))?;
        Ok(Other::is_adopted()? && slack as u64 == SLACK_NS)
    }
}

struct Deadline;

impl Policy for Deadline {
    // The kernel refuses a deadline to a thread that may not run everywhere, since then the sum proves nothing.
    const PINNED: bool = false;

    fn adopt(period_ns: u64) -> io::Result<()> {
        scheduling::adopt(Kernels::Deadline { runtime_ns: period_ns / 5, period_ns })
    }

    fn is_adopted() -> io::Result<bool> {
        Ok(matches!(scheduling::adopted()?, Kernels::Deadline { .. }))
    }
}
