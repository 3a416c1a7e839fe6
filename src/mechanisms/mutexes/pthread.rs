//! pthread mutexes of every kind: pthread_mutex_lock(3p) and pthread_mutex_unlock(3p).
//!
//! All are one structure whose attributes the library looks at in each call. Within a process that has had one thread only,
//! glibc takes a private normal, recursive or error-checking one without atomic instructions. One with priority inheritance
//! is a system call only where it is contended, and then the kernel hands it over: each acquisition costs a wake-up there.

use std::io;

use ipcmark_harness::sys::memory::{Shareable, Shared};
use ipcmark_harness::sys::monitor::Robustness;
use ipcmark_harness::sys::mutex::{Attributes, Mutex, Type};

use crate::descriptor::named;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, AfterDeath, Lock};

pub(super) static NORMAL: Mechanism = Mechanism { rank: Rank::Headline, ..PTHREAD };

pub(super) static ADAPTIVE: Mechanism = Mechanism {
    name: "pthread-mutex-adaptive",
    summary: "a pthread mutex that is polled for a while before a waiter sleeps",
    support: support::<ADAPTIVE_NP>,
    shapes: &[shapes::lock::<Pthread<ADAPTIVE_NP>>()],
    ..PTHREAD
};

pub(super) static RECURSIVE: Mechanism = Mechanism {
    name: "pthread-mutex-recursive",
    summary: "a pthread mutex that counts how often its holder has it",
    support: support::<COUNTED>,
    rank: Rank::Rare,
    shapes: &[shapes::lock::<Pthread<COUNTED>>()],
    ..PTHREAD
};

pub(super) static ERROR_CHECKING: Mechanism = Mechanism {
    name: "pthread-mutex-errorcheck",
    summary: "a pthread mutex that refuses a second lock of its holder",
    support: support::<CHECKED>,
    rank: Rank::Rare,
    shapes: &[shapes::lock::<Pthread<CHECKED>>()],
    ..PTHREAD
};

pub(super) static SHARED: Mechanism = Mechanism {
    name: "pthread-mutex-pshared",
    summary: "a pthread mutex in shared memory, which a dead holder leaves locked",
    references: &["pthread_mutexattr_setpshared(3)", "pthreads(7)", "futex(2)"],
    support: support::<PSHARED>,
    reach: Reach::Both,
    shapes: &[shapes::lock::<Pthread<PSHARED>>(), shapes::priority::<Pthread<PSHARED>>()],
    ..PTHREAD
};

pub(super) static ROBUST: Mechanism = Mechanism {
    name: "pthread-mutex-robust",
    summary: "a pthread mutex in shared memory, whose next holder is told that the last one died",
    references: &["pthread_mutexattr_setrobust(3)", "get_robust_list(2)"],
    support: support::<TOLD>,
    shapes: &[shapes::lock::<Pthread<TOLD>>()],
    ..SHARED
};

pub(super) static INHERITING: Mechanism = Mechanism {
    name: "pthread-mutex-pi",
    summary: "a pthread mutex in shared memory, whose holder inherits the priority of who waits for it",
    references: &["pthread_mutexattr_setprotocol(3p)", "futex(2)"],
    support: support::<INHERITED>,
    shapes: &[shapes::lock::<Pthread<INHERITED>>(), shapes::priority::<Pthread<INHERITED>>()],
    ..SHARED
};

const PTHREAD: Mechanism = Mechanism {
    name: "pthread-mutex",
    summary: "a normal pthread mutex, for the threads of one process",
    family: Family::Mutex,
    reach: Reach::Threads,
    references: &["pthread_mutex_lock(3p)", "pthreads(7)", "futex(2)"],
    support: support::<PLAIN>,
    rank: Rank::Common,
    shapes: &[shapes::lock::<Pthread<PLAIN>>()],
};

const PLAIN: usize = 0;
const ADAPTIVE_NP: usize = 1;
const COUNTED: usize = 2;
const CHECKED: usize = 3;
const PSHARED: usize = 4;
const TOLD: usize = 5;
const INHERITED: usize = 6;

const PROCESS_SHARED: Attributes = Attributes { shared: true, ..Attributes::DEFAULT };

/// The attributes of each kind.
const KINDS: [Attributes; 7] = [
    Attributes::DEFAULT,
    Attributes { kind: Type::Adaptive, ..Attributes::DEFAULT },
    Attributes { kind: Type::Recursive, ..Attributes::DEFAULT },
    Attributes { kind: Type::ErrorChecking, ..Attributes::DEFAULT },
    PROCESS_SHARED,
    Attributes { robustness: Robustness::Robust, ..PROCESS_SHARED },
    Attributes { inherits_priority: true, ..PROCESS_SHARED },
];

fn support<const KIND: usize>() -> Support {
    made::<KIND>().into()
}

fn made<const KIND: usize>() -> io::Result<Shared<Own>> {
    Shared::initialized(|own: &mut Own| own.0.init(KINDS[KIND]))
}

/// On lines of its own.
#[repr(C, align(128))]
struct Own(Mutex);

#[allow(unsafe_code)]
// SAFETY: a shareable value, and padding.
unsafe impl Shareable for Own {}

struct Pthread<const KIND: usize>(Shared<Own>);

impl<const KIND: usize> Lock for Pthread<KIND> {
    const AFTER_DEATH: Option<AfterDeath> = match KINDS[KIND] {
        Attributes { shared: false, .. } => None,
        Attributes { robustness: Robustness::Robust, .. } => Some(AfterDeath::Free),
        Attributes { robustness: Robustness::Stalled, .. } => Some(AfterDeath::Stuck),
    };

    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let mutex = made::<KIND>()?;
        Ok((0..setup.parties).map(|_| Pthread(mutex.clone())).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        self.0.0.with_lock(|_| critical()).map_err(|errno| named("pthread_mutex_lock", errno))
    }
}
