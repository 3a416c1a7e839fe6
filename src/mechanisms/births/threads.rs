//! Threads: made, run, joined; or detached, and waited for by a futex.

use std::io;
use std::marker::PhantomData;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::sys::birth::{Sign, ThreadKind, by_pthread};
use ipcmark_harness::sys::memory::Shared;

use super::{Birth, Births, tried};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup};
use crate::shapes::operation;

pub(super) static PTHREAD: Mechanism = Mechanism {
    name: "pthread",
    summary: "a thread of the C library with the stack it gives by default, joined",
    family: Family::Spawn,
    reach: Reach::Threads,
    references: &["pthread_create(3)", "pthread_join(3)"],
    support: tried::<Births<Thread<Default>>>,
    rank: Rank::Headline,
    shapes: &[operation::<Births<Thread<Default>>>()],
};

pub(super) static PTHREAD_SMALL: Mechanism = Mechanism {
    name: "pthread-small-stack",
    summary: "as pthread, with a stack of 64 KiB",
    references: &["pthread_attr_setstacksize(3)"],
    rank: Rank::Common,
    shapes: &[operation::<Births<Thread<Small>>>()],
    ..PTHREAD
};

pub(super) static PTHREAD_DETACHED: Mechanism = Mechanism {
    name: "pthread-detached",
    summary: "as pthread, joined by nobody; its last deed wakes who waits, so its end is not in the time",
    references: &["pthread_detach(3)"],
    rank: Rank::Common,
    shapes: &[operation::<Births<Thread<Detached>>>()],
    ..PTHREAD
};

pub(super) static STD_THREAD: Mechanism = Mechanism {
    name: "std-thread",
    summary: "std::thread::spawn and join",
    references: &["std::thread::spawn"],
    rank: Rank::Common,
    shapes: &[operation::<Births<Thread<Std>>>()],
    ..PTHREAD
};

pub(super) static SCOPED_THREAD: Mechanism = Mechanism {
    name: "std-scoped-thread",
    summary: "std::thread::scope with one thread in it",
    references: &["std::thread::scope"],
    rank: Rank::Common,
    shapes: &[operation::<Births<Thread<Scoped>>>()],
    ..PTHREAD
};

/// One way to make a thread.
trait Make: 'static {
    fn one(sign: &Shared<Sign>, clock: &Clock) -> io::Result<()>;
}

struct Default;
struct Small;
struct Detached;
struct Std;
struct Scoped;

impl Make for Default {
    fn one(sign: &Shared<Sign>, clock: &Clock) -> io::Result<()> {
        by_pthread(sign, clock, ThreadKind { stack_bytes: None, detached: false })
    }
}

impl Make for Small {
    fn one(sign: &Shared<Sign>, clock: &Clock) -> io::Result<()> {
        by_pthread(sign, clock, ThreadKind { stack_bytes: Some(64 << 10), detached: false })
    }
}

impl Make for Detached {
    fn one(sign: &Shared<Sign>, clock: &Clock) -> io::Result<()> {
        by_pthread(sign, clock, ThreadKind { stack_bytes: None, detached: true })
    }
}

impl Make for Std {
    fn one(sign: &Shared<Sign>, clock: &Clock) -> io::Result<()> {
        let (sign, clock) = (sign.clone(), *clock);
        let thread = std::thread::Builder::new().spawn(move || sign.leave(&clock))?;
        thread.join().map_err(|_| io::Error::other("the thread panicked"))
    }
}

impl Make for Scoped {
    fn one(sign: &Shared<Sign>, clock: &Clock) -> io::Result<()> {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, || sign.leave(clock))?;
            thread.join().map_err(|_| io::Error::other("the thread panicked"))
        })
    }
}

struct Thread<M>(PhantomData<M>);

impl<M: Make> Birth for Thread<M> {
    fn prepare(_: &Setup) -> io::Result<Self> {
        Ok(Thread(PhantomData))
    }

    #[inline(always)]
    fn one(&mut self, sign: &Shared<Sign>, clock: &Clock) -> io::Result<()> {
        M::one(sign, clock)
    }
}
