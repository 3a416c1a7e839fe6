//! Parking: a thread sleeps until another one unparks it; in the standard library, and in two others.
//!
//! All of them sleep by futex(2) in its private form, which reaches no other process. What differs is how the sleeper is
//! found: by its thread's handle, by an address through a table of queues, or by a token that is shared with it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};

use crossbeam_utils::sync::{Parker, Unparker};
use parking_lot_core::{DEFAULT_PARK_TOKEN, DEFAULT_UNPARK_TOKEN};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Wakeup};

const STD: Mechanism = Mechanism {
    name: "thread-park",
    summary: "std::thread::park and unpark, with a flag because park may return by itself",
    family: Family::Notification,
    reach: Reach::Threads,
    references: &["std::thread::park"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Ends<Std>>()],
};

pub(super) static OF_STD: Mechanism = STD;

pub(super) static OF_PARKING_LOT: Mechanism = Mechanism {
    name: "thread-park-parking-lot",
    summary: "a flag, and a queue in parking_lot_core's table: park and unpark_one",
    references: &["parking_lot_core 0.10 (crate)", "Pizlo, Locking in WebKit, webkit.org 2016"],
    shapes: &[shapes::wakeup::<Ends<ParkingLot>>()],
    ..STD
};

pub(super) static OF_CROSSBEAM: Mechanism = Mechanism {
    name: "thread-park-crossbeam",
    summary: "crossbeam_utils's Parker and Unparker: a token, a mutex and a condition variable",
    references: &["crossbeam-utils 0.8 (crate)"],
    shapes: &[shapes::wakeup::<Crossbeam>()],
    ..STD
};

/// Where one thread is notified.
trait Place: Default + Send + Sync + 'static {
    /// Once, in the thread that will wait here.
    fn occupy(&self) {}

    fn notify(&self);

    fn wait(&self);
}

/// One end of two threads that wait in places of this kind.
struct Ends<P> {
    mine: Arc<P>,
    theirs: Arc<P>,
}

impl<P: Place> Wakeup for Ends<P> {
    const WAITINGS: &'static [Waiting] = &[Waiting::Block];

    fn pair(_: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = (Arc::<P>::default(), Arc::<P>::default());
        Ok((Ends { mine: Arc::clone(&near), theirs: Arc::clone(&far) }, Ends { mine: far, theirs: near }))
    }

    fn settle(&mut self) -> io::Result<()> {
        self.mine.occupy();
        Ok(())
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        self.theirs.notify();
        Ok(())
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        self.mine.wait();
        Ok(())
    }
}

#[derive(Default)]
struct Std {
    notified: AtomicBool,
    occupant: OnceLock<Thread>,
}

impl Place for Std {
    fn occupy(&self) {
        self.occupant.get_or_init(thread::current);
    }

    #[inline]
    fn notify(&self) {
        // Release: pairs with the Acquire in `wait`.
        self.notified.store(true, Ordering::Release);
        // At the first notification only, the other thread may still be on its way here.
        self.occupant.wait().unpark();
    }

    #[inline]
    fn wait(&self) {
        while !self.notified.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

#[derive(Default)]
struct ParkingLot {
    notified: AtomicBool,
}

impl ParkingLot {
    /// What the queue is found by: the address of the flag.
    fn key(&self) -> usize {
        std::ptr::from_ref(&self.notified).addr()
    }
}

impl Place for ParkingLot {
    #[inline]
    fn notify(&self) {
        // Release: pairs with the Acquire in `wait`.
        self.notified.store(true, Ordering::Release);
        #[allow(unsafe_code)]
        // SAFETY: the key is an address of ours; the callback neither panics nor parks.
        unsafe {
            parking_lot_core::unpark_one(self.key(), |_| DEFAULT_UNPARK_TOKEN);
        }
    }

    #[inline]
    fn wait(&self) {
        while !self.notified.swap(false, Ordering::Acquire) {
            // Under the lock of the queue, which the notifier takes after it has set the flag.
            let still = || !self.notified.load(Ordering::Relaxed);
            #[allow(unsafe_code)]
            // SAFETY: the key is an address of ours; no callback panics or parks.
            unsafe {
                parking_lot_core::park(self.key(), still, || {}, |_, _| {}, DEFAULT_PARK_TOKEN, None);
            }
        }
    }
}

struct Crossbeam {
    inbound: Parker,
    outbound: Unparker,
}

impl Wakeup for Crossbeam {
    const WAITINGS: &'static [Waiting] = &[Waiting::Block];

    fn pair(_: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = (Parker::new(), Parker::new());
        let (to_near, to_far) = (near.unparker().clone(), far.unparker().clone());
        Ok((Crossbeam { inbound: near, outbound: to_far }, Crossbeam { inbound: far, outbound: to_near }))
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        self.outbound.unpark();
        Ok(())
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        self.inbound.park();
        Ok(())
    }
}
