//! `uncontended`: a lock taken and released, or a counter raised, by the only party that wants it; `uncontended-read` and `uncontended-write`: data
//! read, or written, by the only party that wants them.
//!
//! With one party the worker is a process that never had a second thread; with two, another thread (or process) is alive and
//! sleeps. The two differ: glibc leaves out the atomic instructions of a lock while a process has had one thread only.
//!
//! After each order, timed or checked, data and counters must have counted all that was done to them. A lock alone keeps
//! nothing that could be looked at: what it keeps out is seen where others want it too.

use std::hint::black_box;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::session::{Sample, Session, Verified};

use super::pace::{Pace, until};
use super::{ALONE, count, read_mix};
use crate::mechanism::{Axes, Point, Rank, Setup, Stage, Support, Waiting, Workload};
use crate::shapes::{Counter, Lock, RwLock};

pub(super) const fn workload<L: Lock>() -> Workload {
    let open: Open = |stage, clock| open::<TakeAndRelease<L>>(stage, clock, L::handles, L::settle);
    let summary = "taken and released by the only party that wants it";
    alone("uncontended", summary, Rank::Headline, L::supports, open)
}

/// Of a counter.
pub(super) const fn add<C: Counter>() -> Workload {
    let open: Open = |stage, clock| open::<Add<C>>(stage, clock, C::handles, |_| Ok(()));
    alone("uncontended", "raised by the only party that raises it", Rank::Headline, C::supports, open)
}

pub(super) const fn read<L: RwLock>() -> Workload {
    let open: Open = |stage, clock| open::<ReadOne<L>>(stage, clock, L::handles, L::settle);
    let summary = "a word of the data read by the only party that wants it";
    alone("uncontended-read", summary, Rank::Common, L::supports, open)
}

pub(super) const fn write<L: RwLock>() -> Workload {
    let open: Open = |stage, clock| open::<WriteAll<L>>(stage, clock, L::handles, L::settle);
    let summary = "all words of the data written by the only party that wants them";
    alone("uncontended-write", summary, Rank::Common, L::supports, open)
}

/// What is done over and over. Not a closure, which cannot be told to be inlined: a call costs a fifth of an empty lock of std.
trait Deed: 'static {
    type Handle: Send + 'static;

    fn once(handle: &mut Self::Handle) -> io::Result<()>;

    /// Whether what it was done to has counted that it was done so often.
    fn agrees(handle: &mut Self::Handle, done: u64) -> io::Result<()>;
}

struct TakeAndRelease<L>(PhantomData<L>);
struct Add<C>(PhantomData<C>);
struct ReadOne<L>(PhantomData<L>);
struct WriteAll<L>(PhantomData<L>);

impl<L: Lock> Deed for TakeAndRelease<L> {
    type Handle = L;

    #[inline(always)]
    fn once(lock: &mut L) -> io::Result<()> {
        lock.with(|| ())
    }

    /// It guards nothing to look at.
    fn agrees(_: &mut L, _: u64) -> io::Result<()> {
        Ok(())
    }
}

impl<C: Counter> Deed for Add<C> {
    type Handle = C;

    #[inline(always)]
    fn once(counter: &mut C) -> io::Result<()> {
        counter.add()
    }

    fn agrees(counter: &mut C, done: u64) -> io::Result<()> {
        count::agrees(counter, done)
    }
}

impl<L: RwLock> Deed for ReadOne<L> {
    type Handle = L;

    #[inline(always)]
    fn once(lock: &mut L) -> io::Result<()> {
        black_box(lock.read(|words| words.first())?);
        Ok(())
    }

    fn agrees(lock: &mut L, _: u64) -> io::Result<()> {
        read_mix::agrees(lock, 0)
    }
}

impl<L: RwLock> Deed for WriteAll<L> {
    type Handle = L;

    #[inline(always)]
    fn once(lock: &mut L) -> io::Result<()> {
        lock.write(|words| words.change(|| ()))
    }

    fn agrees(lock: &mut L, done: u64) -> io::Result<()> {
        read_mix::agrees(lock, done)
    }
}

type Open = fn(&Stage, Clock) -> io::Result<Box<dyn Session>>;

const fn alone(
    name: &'static str,
    summary: &'static str,
    rank: Rank,
    supports: fn(&Setup) -> Support,
    open: Open,
) -> Workload {
    Workload {
        name,
        summary,
        waitings: &[Waiting::Own],
        times_each: false,
        windows_of: None,
        carries_payload: false,
        rank,
        axes: Axes { parties: &[Point(1, Rank::Common), Point(2, Rank::Headline)], ..ALONE },
        supports,
        open,
    }
}

struct Alone<D: Deed> {
    handle: D::Handle,
    /// How often it has been done.
    done: u64,
    parties: Parties,
}

/// A party that is alive and wants nothing.
struct Asleep;

impl Far for Asleep {
    fn serve(&mut self, _: &AtomicU64, _: bool) -> io::Result<u64> {
        Ok(0)
    }
}

fn open<D: Deed>(
    stage: &Stage,
    clock: Clock,
    handles: fn(&Setup) -> io::Result<Vec<D::Handle>>,
    settle: fn(&mut D::Handle) -> io::Result<()>,
) -> io::Result<Box<dyn Session>> {
    let mut parties = Parties::new(clock, &stage.near_cpus)?;
    let mut handles = handles(&stage.setup)?;
    for place in 1..stage.setup.parties {
        let _ = handles.pop();
        handles = parties.start(stage.setup.peer, stage.cpus_of_peer(place - 1), handles, || Ok(Asleep))?;
    }
    let mut handle = handles.pop().ok_or_else(|| io::Error::other("a lock came without a handle"))?;
    settle(&mut handle)?;
    Ok(Box::new(Alone::<D> { handle, done: 0, parties }))
}

impl<D: Deed> Alone<D> {
    /// The measured loop.
    #[inline(always)]
    fn repeat(handle: &mut D::Handle, count: u64) -> io::Result<()> {
        for _ in 0..count {
            D::once(handle)?;
        }
        Ok(())
    }

    /// After an order, outside the clock.
    fn agreed(&mut self, sample: Sample) -> io::Result<Sample> {
        self.done += sample.operations;
        D::agrees(&mut self.handle, self.done)?;
        Ok(sample)
    }
}

impl<D: Deed> Session for Alone<D> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        let Alone { handle, parties, .. } = self;
        let sample = parties.run(Extent::Count(iterations), false, |clock, _| {
            let start = clock.start();
            Self::repeat(handle, iterations)?;
            Ok(Span { start, end: clock.end(), ends_at_far: false, operations: iterations })
        })?;
        self.agreed(sample)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        let Alone { handle, parties, .. } = self;
        let sample = parties.run(Extent::Open, false, |clock, _| {
            let start = clock.start();
            let mut pace = Pace::new(clock, start, duration);
            let mut operations = 0;
            loop {
                Self::repeat(handle, pace.chunk)?;
                operations += pace.chunk;
                if pace.is_over(clock) {
                    return Ok(Span { start, end: clock.end(), ends_at_far: false, operations });
                }
            }
        })?;
        self.agreed(sample)
    }

    /// That it can be taken again after each release, and what [`Deed::agrees`] says.
    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let operations = until(iterations, duration, |left| Ok(self.batch(left.min(1000))?.operations))?;
        Ok(Verified { operations, bytes: 0 })
    }
}

#[cfg(test)]
mod tests {
    use ipcmark_harness::control::Mismatch;

    use super::*;
    use crate::contract::counter_tests::{self, WAVERING};
    use crate::contract::rw_lock_tests::{FORGETFUL, Faulty};
    use crate::contract::transport_tests::SETUP;

    fn session(workload: Workload) -> Box<dyn Session> {
        let stage = Stage { setup: SETUP, near_cpus: Vec::new(), far_cpus: Vec::new() };
        (workload.open)(&stage, Clock::vdso()).unwrap()
    }

    fn mismatch<T: std::fmt::Debug>(result: io::Result<T>) -> String {
        let error = result.unwrap_err();
        assert!(error.get_ref().is_some_and(|inner| inner.is::<Mismatch>()), "{error}");
        error.to_string()
    }

    #[test]
    fn all_that_was_done_in_every_order_is_counted() {
        for workload in [write::<Faulty<0>>(), read::<Faulty<0>>(), add::<counter_tests::Faulty<0>>()] {
            let mut session = session(workload);
            assert_eq!(session.batch(100).unwrap().operations, 100);
            assert!(session.window(Duration::from_millis(1)).unwrap().operations > 0);
            assert_eq!(session.verify(2500, Duration::from_secs(5)).unwrap().operations, 2500);
        }
    }

    #[test]
    fn writes_that_the_data_have_not_counted_fail_every_order() {
        let session = || session(write::<Faulty<FORGETFUL>>());
        assert!(mismatch(session().batch(10)).contains("0 changes were counted, 10 were made"));
        assert!(mismatch(session().window(Duration::from_millis(1))).contains("0 changes were counted"));
        assert!(mismatch(session().verify(10, Duration::from_secs(5))).contains("0 changes were counted"));
    }

    #[test]
    fn additions_that_the_total_does_not_show_fail_the_order() {
        let error = mismatch(session(add::<counter_tests::Faulty<WAVERING>>()).batch(10));
        assert!(error.contains("1000010 additions were counted, 10 were made"), "{error}");
    }
}
