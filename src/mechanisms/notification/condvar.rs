//! A mutex, a condition variable and the count they guard, one of each a direction: of pthreads, in memory that both parties
//! share or for one process, and of two libraries.
//!
//! The notifier signals after it has unlocked, so that the woken party does not run into the lock.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use ipcmark_harness::sys::memory::{Shareable, Shared};
use ipcmark_harness::sys::monitor::{Monitor, Robustness};

use crate::descriptor::named;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Wakeup};

pub(super) static OF_PTHREAD: Mechanism = Mechanism {
    name: "condvar",
    summary: "a count under a process-shared pthread mutex, with its condition variable, one a direction",
    family: Family::Notification,
    reach: Reach::Both,
    references: &["pthread_cond_wait(3)", "pthread_condattr_setpshared(3)"],
    support: || Support::from(OfPthread::<true>::new()),
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Condvars<OfPthread<true>>>()],
};

pub(super) static PRIVATE: Mechanism = Mechanism {
    name: "condvar-private",
    summary: "as condvar, with a pthread mutex and condition variable for the threads of one process",
    reach: Reach::Threads,
    references: &["pthread_cond_wait(3)"],
    support: || Support::Available,
    rank: Rank::Rare,
    shapes: &[shapes::wakeup::<Condvars<OfPthread<false>>>()],
    ..OF_PTHREAD
};

pub(super) static OF_STD: Mechanism = Mechanism {
    name: "condvar-std",
    summary: "a count under a std::sync::Mutex, with a Condvar, one a direction",
    references: &["std::sync::Condvar"],
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Condvars<OfStd>>()],
    ..PRIVATE
};

pub(super) static OF_PARKING_LOT: Mechanism = Mechanism {
    name: "condvar-parking-lot",
    summary: "a count under a parking_lot::Mutex, with its Condvar, one a direction",
    references: &["parking_lot 0.13 (crate)"],
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Condvars<OfParkingLot>>()],
    ..PRIVATE
};

/// A count of notifications not taken, one direction's.
trait Count: Clone + Send + 'static {
    fn new() -> io::Result<Self>;

    /// Adds one, and wakes who waits for it.
    fn add(&self) -> io::Result<()>;

    /// Takes one, waiting for it.
    fn take(&self) -> io::Result<()>;
}

struct Condvars<C> {
    inbound: C,
    outbound: C,
}

impl<C: Count> Wakeup for Condvars<C> {
    const WAITINGS: &'static [Waiting] = &[Waiting::Block];

    fn pair(_: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = (C::new()?, C::new()?);
        Ok((Condvars { inbound: near.clone(), outbound: far.clone() }, Condvars { inbound: far, outbound: near }))
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        self.outbound.add()
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        self.inbound.take()
    }
}

/// `SHARED`: between processes, too.
#[derive(Clone)]
struct OfPthread<const SHARED: bool>(Shared<Counted>);

#[repr(C)]
struct Counted {
    monitor: Monitor,
    /// Relaxed throughout: the mutex orders its uses.
    count: AtomicU32,
}

#[allow(unsafe_code)]
// SAFETY: both fields are shareable.
unsafe impl Shareable for Counted {}

impl<const SHARED: bool> OfPthread<SHARED> {
    #[inline]
    fn raise(&self) -> nix::Result<()> {
        let Counted { monitor, count } = &*self.0;
        monitor.with_lock(|_| count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed))?;
        monitor.signal()
    }

    #[inline]
    fn lower(&self) -> nix::Result<()> {
        let Counted { monitor, count } = &*self.0;
        monitor.with_lock(|locked| {
            while count.load(Ordering::Relaxed) == 0 {
                locked.wait()?;
            }
            count.store(count.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
            Ok(())
        })?
    }
}

impl<const SHARED: bool> Count for OfPthread<SHARED> {
    /// As it is, all zero, a monitor serves the threads of one process.
    fn new() -> io::Result<Self> {
        let init = |counted: &mut Counted| if SHARED { counted.monitor.init(Robustness::Stalled) } else { Ok(()) };
        Shared::initialized(init).map(OfPthread)
    }

    #[inline]
    fn add(&self) -> io::Result<()> {
        self.raise().map_err(|errno| named("a pthread call", errno))
    }

    #[inline]
    fn take(&self) -> io::Result<()> {
        self.lower().map_err(|errno| named("a pthread call", errno))
    }
}

/// Nothing under its mutex can panic.
#[derive(Clone)]
struct OfStd(Arc<(Mutex<u32>, Condvar)>);

impl Count for OfStd {
    fn new() -> io::Result<Self> {
        Ok(OfStd(Arc::default()))
    }

    #[inline]
    fn add(&self) -> io::Result<()> {
        let (count, news) = &*self.0;
        *count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        news.notify_one();
        Ok(())
    }

    #[inline]
    fn take(&self) -> io::Result<()> {
        let (count, news) = &*self.0;
        let held = count.lock().unwrap_or_else(PoisonError::into_inner);
        *news.wait_while(held, |count| *count == 0).unwrap_or_else(PoisonError::into_inner) -= 1;
        Ok(())
    }
}

#[derive(Clone)]
struct OfParkingLot(Arc<(::parking_lot::Mutex<u32>, ::parking_lot::Condvar)>);

impl Count for OfParkingLot {
    fn new() -> io::Result<Self> {
        Ok(OfParkingLot(Arc::default()))
    }

    #[inline]
    fn add(&self) -> io::Result<()> {
        let (count, news) = &*self.0;
        *count.lock() += 1;
        news.notify_one();
        Ok(())
    }

    #[inline]
    fn take(&self) -> io::Result<()> {
        let (count, news) = &*self.0;
        let mut held = count.lock();
        news.wait_while(&mut held, |count| *count == 0);
        *held -= 1;
        Ok(())
    }
}
