//! Shapes as data and ends behind pointers: for what is tried and not timed, so that it is compiled once for all of them.

use std::io;
use std::os::fd::BorrowedFd;

use super::{Counter, Dinner, FanIn, FanOut, Lock, Pairing, Permits, Receive, Role, RwLock, Transport, Wakeup, Words};
use crate::mechanism::{Setup, Support, Waiting};

/// An end of any transport; what is missing here it has as [`Receive`].
pub(crate) trait End: Receive {
    /// As [`Transport::send`].
    fn send(&mut self, message: &[u8]) -> io::Result<()>;
    /// As [`Transport::hang_up`].
    fn hang_up(&mut self);
    /// As [`Transport::descriptor`].
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;
}

impl<T: Transport> End for T {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        Transport::send(self, message)
    }

    fn hang_up(&mut self) {
        Transport::hang_up(self);
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Transport::descriptor(self)
    }
}

/// The one end of a channel, and the several others.
pub(crate) type Ends<One> = (Box<One>, Vec<Box<dyn End>>);

/// Both ends of a channel between two.
pub(crate) type Pair<E> = (Box<E>, Box<E>);

/// What [`Transport`] says of a type of ends, and how they come about.
pub(crate) struct TransportKind {
    pub(crate) boundaries: bool,
    pub(crate) delivers: bool,
    pub(crate) reports_end: bool,
    pub(crate) holds: bool,
    pub(crate) waitings: &'static [Waiting],
    pub(crate) supports: fn(&Setup) -> Support,
    pub(crate) lends: fn(&Setup) -> usize,
    pub(crate) pair: fn(&Setup) -> io::Result<Pair<dyn End>>,
}

impl TransportKind {
    pub(crate) const fn of<T: Pairing>() -> &'static TransportKind {
        const {
            &TransportKind {
                boundaries: T::End::BOUNDARIES,
                delivers: T::End::DELIVERS,
                reports_end: T::End::REPORTS_END,
                holds: T::End::HOLDS,
                waitings: T::End::WAITINGS,
                supports: T::supports,
                lends: T::End::lends,
                pair: |setup| T::pair(setup).map(|(near, far)| (Box::new(near) as _, Box::new(far) as _)),
            }
        }
    }

    /// Both ends of a new channel, settled: the far one in a thread of its own.
    pub(crate) fn settled(&self, setup: &Setup) -> io::Result<Pair<dyn End>> {
        let (mut near, mut far) = (self.pair)(setup)?;
        at_the_same_time(|| near.settle(), || far.settle())?;
        Ok((near, far))
    }
}

/// The reader of a channel, and its writers.
pub(crate) fn fan_in_ends<T: FanIn>(setup: &Setup) -> io::Result<Ends<dyn Receive>> {
    T::fan_in(setup).map(|(reader, writers)| (Box::new(reader) as _, boxed(writers)))
}

/// The writer of a channel, and its readers.
pub(crate) fn fan_out_ends<T: FanOut>(setup: &Setup) -> io::Result<Ends<dyn End>> {
    T::fan_out(setup).map(|(writer, readers)| (Box::new(writer) as _, boxed(readers)))
}

fn boxed<T: Transport>(ends: Vec<T>) -> Vec<Box<dyn End>> {
    ends.into_iter().map(|end| Box::new(end) as _).collect()
}

/// An end of any notification.
pub(crate) trait WakeupEnd: Send {
    /// As [`Wakeup::settle`].
    fn settle(&mut self) -> io::Result<()>;
    /// As [`Wakeup::arm`].
    fn arm(&mut self, role: Role) -> io::Result<()>;
    /// As [`Wakeup::notify`].
    fn notify(&mut self) -> io::Result<()>;
    /// As [`Wakeup::wait`].
    fn wait(&mut self) -> io::Result<()>;
    /// As [`Wakeup::descriptor`].
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;
}

impl<W: Wakeup> WakeupEnd for W {
    fn settle(&mut self) -> io::Result<()> {
        Wakeup::settle(self)
    }

    fn arm(&mut self, role: Role) -> io::Result<()> {
        Wakeup::arm(self, role)
    }

    fn notify(&mut self) -> io::Result<()> {
        Wakeup::notify(self)
    }

    fn wait(&mut self) -> io::Result<()> {
        Wakeup::wait(self)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Wakeup::descriptor(self)
    }
}

/// What [`Wakeup`] says of a type, and how it makes ends.
pub(crate) struct WakeupKind {
    pub(crate) waitings: &'static [Waiting],
    pub(crate) lasts: bool,
    pub(crate) pair: fn(&Setup) -> io::Result<Pair<dyn WakeupEnd>>,
}

impl WakeupKind {
    pub(crate) const fn of<W: Wakeup>() -> &'static WakeupKind {
        const {
            &WakeupKind {
                waitings: W::WAITINGS,
                lasts: W::LASTS,
                pair: |setup| W::pair(setup).map(|(near, far)| (Box::new(near) as _, Box::new(far) as _)),
            }
        }
    }
}

/// A handle of any lock.
pub(crate) trait Handle: Send {
    /// As [`Lock::settle`].
    fn settle(&mut self) -> io::Result<()>;
    /// As [`Lock::with`].
    fn hold(&mut self, critical: &mut dyn FnMut()) -> io::Result<()>;
}

impl<L: Lock> Handle for L {
    fn settle(&mut self) -> io::Result<()> {
        Lock::settle(self)
    }

    fn hold(&mut self, critical: &mut dyn FnMut()) -> io::Result<()> {
        self.with(critical)
    }
}

/// A handle for each party on one new lock.
pub(crate) fn lock_handles<L: Lock>(setup: &Setup) -> io::Result<Vec<Box<dyn Handle>>> {
    let boxed = |handle| Box::new(handle) as _;
    L::handles(setup).map(|handles| handles.into_iter().map(boxed).collect())
}

/// A handle of any [`RwLock`].
pub(crate) trait RwHandle: Send {
    /// As [`RwLock::settle`].
    fn settle(&mut self) -> io::Result<()>;
    /// As [`RwLock::read`].
    fn read(&mut self, look: &mut dyn FnMut(&Words)) -> io::Result<()>;
    /// As [`RwLock::write`].
    fn write(&mut self, change: &mut dyn FnMut(&Words)) -> io::Result<()>;
}

impl<L: RwLock> RwHandle for L {
    fn settle(&mut self) -> io::Result<()> {
        RwLock::settle(self)
    }

    fn read(&mut self, look: &mut dyn FnMut(&Words)) -> io::Result<()> {
        RwLock::read(self, look)
    }

    fn write(&mut self, change: &mut dyn FnMut(&Words)) -> io::Result<()> {
        RwLock::write(self, change)
    }
}

/// A handle for each party on the same new data.
pub(crate) fn rw_handles<L: RwLock>(setup: &Setup) -> io::Result<Vec<Box<dyn RwHandle>>> {
    let boxed = |handle| Box::new(handle) as _;
    L::handles(setup).map(|handles| handles.into_iter().map(boxed).collect())
}

/// A handle of any [`Counter`].
pub(crate) trait CounterHandle: Send {
    /// As [`Counter::add`].
    fn add(&mut self) -> io::Result<()>;
    /// As [`Counter::total`].
    fn total(&mut self) -> io::Result<u64>;
}

impl<C: Counter> CounterHandle for C {
    fn add(&mut self) -> io::Result<()> {
        Counter::add(self)
    }

    fn total(&mut self) -> io::Result<u64> {
        Counter::total(self)
    }
}

/// A handle for each party on one new counter.
pub(crate) fn counter_handles<C: Counter>(setup: &Setup) -> io::Result<Vec<Box<dyn CounterHandle>>> {
    let boxed = |handle| Box::new(handle) as _;
    C::handles(setup).map(|handles| handles.into_iter().map(boxed).collect())
}

/// A handle of any semaphore.
struct Permit<P>(P);

impl<P: Permits> Handle for Permit<P> {
    fn settle(&mut self) -> io::Result<()> {
        self.0.settle()
    }

    fn hold(&mut self, inside: &mut dyn FnMut()) -> io::Result<()> {
        self.0.with(inside)
    }
}

/// A handle for each party on one new semaphore.
pub(crate) fn permit_handles<P: Permits>(setup: &Setup, permits: usize) -> io::Result<Vec<Box<dyn Handle>>> {
    let boxed = |handle| Box::new(Permit(handle)) as _;
    P::handles(setup, permits).map(|handles| handles.into_iter().map(boxed).collect())
}

/// A philosopher's place.
struct Seat<D>(D);

impl<D: Dinner> Handle for Seat<D> {
    fn settle(&mut self) -> io::Result<()> {
        self.0.settle()
    }

    fn hold(&mut self, meal: &mut dyn FnMut()) -> io::Result<()> {
        self.0.eat(meal)
    }
}

/// The places at one new table.
pub(crate) fn seats<D: Dinner>(setup: &Setup) -> io::Result<Vec<Box<dyn Handle>>> {
    let boxed = |seat| Box::new(Seat(seat)) as _;
    D::seats(setup).map(|seats| seats.into_iter().map(boxed).collect())
}

/// Settles two ends, which may wait for each other: the far one in a thread of its own.
pub(crate) fn at_the_same_time(
    near: impl FnOnce() -> io::Result<()>,
    far: impl FnOnce() -> io::Result<()> + Send,
) -> io::Result<()> {
    std::thread::scope(|scope| {
        let settling = scope.spawn(far);
        near()?;
        settling.join().map_err(|_| io::Error::other("settling panicked"))?
    })
}
