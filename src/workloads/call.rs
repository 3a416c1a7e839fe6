//! `call`: a system call, over and over; `call-under-seccomp` and `call-under-seccomp-arguments`: the same in a process whose
//! calls are filtered, by their numbers or by an argument, too.
//!
//! The filter is that of the worker, which lives for one cell. After each batch the answers tell how many calls were made.

use std::io;
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::parties::{Extent, Parties, Span};
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::sys::seccomp::{self, Filter};

use super::ALONE;
use super::pace::{Pace, until};
use crate::mechanism::{Rank, Setup, Stage, Support, Waiting, Workload};
use crate::shapes::Call;

pub(super) const fn free<C: Call>() -> Workload {
    Workload {
        name: "call",
        summary: "a system call that asks for next to nothing, and its answer",
        waitings: &[Waiting::Own],
        times_each: false,
        windows_of: None,
        carries_payload: false,
        rank: Rank::Headline,
        axes: ALONE,
        supports: |_| Support::Available,
        open: |stage, clock| Caller::<C>::open(stage, clock, None),
    }
}

pub(super) const fn by_number<C: Call>() -> Workload {
    Workload {
        name: "call-under-seccomp",
        summary: "the same in a process whose calls a filter looks at by their numbers",
        rank: Rank::Common,
        supports: |_: &Setup| admits(Filter::ByNumber),
        open: |stage, clock| Caller::<C>::open(stage, clock, Some(Filter::ByNumber)),
        ..free::<C>()
    }
}

pub(super) const fn by_argument<C: Call>() -> Workload {
    Workload {
        name: "call-under-seccomp-arguments",
        summary: "the same with a filter that looks at an argument, too, and so cannot be decided in advance",
        supports: |_: &Setup| admits(Filter::ByArgument),
        open: |stage, clock| Caller::<C>::open(stage, clock, Some(Filter::ByArgument)),
        ..by_number::<C>()
    }
}

/// Tries it in a thread: the filter ends with that.
fn admits(filter: Filter) -> Support {
    let tried = std::thread::Builder::new().spawn(move || seccomp::install(filter));
    tried.and_then(|thread| thread.join().map_err(|_| io::Error::other("it panicked"))?).into()
}

struct Caller<C> {
    call: C,
    made: u64,
    parties: Parties,
}

impl<C: Call> Caller<C> {
    fn open(stage: &Stage, clock: Clock, filter: Option<Filter>) -> io::Result<Box<dyn Session>> {
        let parties = Parties::new(clock, &stage.near_cpus)?;
        let call = C::open()?;
        if let Some(filter) = filter {
            seccomp::install(filter)?;
        }
        Ok(Box::new(Caller { call, made: 0, parties }))
    }

    /// Whether so many more were answered.
    fn count(&mut self, calls: u64) -> io::Result<()> {
        self.made += calls;
        match self.call.answered() {
            answered if answered == self.made => Ok(()),
            answered => Err(Mismatch::error(format!("{} calls were made, and {answered} answered", self.made))),
        }
    }
}

/// The measured loop.
#[inline(always)]
fn repeat<C: Call>(call: &mut C, count: u64) -> io::Result<()> {
    for _ in 0..count {
        call.call()?;
    }
    Ok(())
}

impl<C: Call> Session for Caller<C> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        let call = &mut self.call;
        let sample = self.parties.run(Extent::Count(iterations), false, |clock, _| {
            let start = clock.start();
            repeat(call, iterations)?;
            Ok(Span { start, end: clock.end(), ends_at_far: false, operations: iterations })
        })?;
        self.count(iterations).map(|()| sample)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        let call = &mut self.call;
        let sample = self.parties.run(Extent::Open, false, |clock, _| {
            let start = clock.start();
            let mut pace = Pace::new(clock, start, duration);
            let mut operations = 0;
            loop {
                repeat(call, pace.chunk)?;
                operations += pace.chunk;
                if pace.is_over(clock) {
                    return Ok(Span { start, end: clock.end(), ends_at_far: false, operations });
                }
            }
        })?;
        self.count(sample.operations).map(|()| sample)
    }

    /// That each call is answered when it is made.
    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let operations = until(iterations, duration, |_| {
            self.call.call()?;
            self.count(1).map(|()| 1)
        })?;
        Ok(Verified { operations, bytes: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::call::tests::{Faulty, LAZY};

    fn caller<const FAULT: u8>() -> Caller<Faulty<FAULT>> {
        Caller { call: Faulty::open().unwrap(), made: 0, parties: Parties::new(Clock::vdso(), &[]).unwrap() }
    }

    #[test]
    fn calls_that_were_not_answered_fail_a_timed_batch() {
        let error = caller::<LAZY>().batch(100).unwrap_err().to_string();
        assert!(error.contains("100 calls were made, and 50 answered"), "{error}");
        assert!(
            caller::<LAZY>().window(Duration::from_millis(1)).is_err()
                && caller::<LAZY>().verify(1, Duration::MAX).is_err()
        );
    }

    #[test]
    fn calls_that_were_answered_are_counted() {
        let mut caller = caller::<0>();
        assert_eq!(caller.batch(100).unwrap().operations, 100);
        assert!(caller.window(Duration::from_millis(1)).unwrap().operations > 0);
        assert_eq!(caller.verify(30, Duration::from_secs(5)).unwrap().operations, 30);
    }
}
