//! `count`: all parties add to one counter, over and over, and do nothing else.
//!
//! What all parties together have done must be the total when they have stopped.

use std::io;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::session::Session;

use super::contended::CROWD;
use super::crowd::{self, Check, Crowd, PARTIES, Part, Watch};
use crate::mechanism::{Axes, Rank, Setup, Stage, Waiting, Workload};
use crate::shapes::Counter;

pub(super) const fn workload<C: Counter>() -> Workload {
    Workload {
        name: "count",
        summary: "all parties add to one counter over and over; time by the additions of all of them, and how long each took",
        waitings: &[Waiting::Own],
        times_each: true,
        windows_of: Some(crowd::window_of),
        carries_payload: false,
        rank: Rank::Headline,
        axes: Axes { payload_bytes: super::NO_PAYLOAD, parties: PARTIES, ..CROWD },
        supports: |setup| crowd::admits(setup).and(|| C::supports(&with_near_end(setup))),
        open: Adder::<C>::open,
    }
}

/// The near end has a handle, too: it takes the total when all have stopped.
fn with_near_end(setup: &Setup) -> Setup {
    Setup { parties: setup.parties + 1, ..*setup }
}

/// One party.
struct Adder<C> {
    counter: C,
    /// The total that it saw last.
    newest: u64,
}

impl<C: Counter> Adder<C> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let mut handles = C::handles(&with_near_end(&stage.setup))?;
        let mut own = handles.pop().ok_or_else(|| io::Error::other("a counter came without a handle"))?;
        let maker = |counter| move || Ok(Adder { counter, newest: 0 });
        let makers = handles.into_iter().map(maker).collect();
        let mut made = 0;
        let check: Check = Box::new(move |operations, _| {
            made += operations;
            agrees(&mut own, made)
        });
        Crowd::open(stage, clock, makers, check)
    }
}

/// Whether so many were added. Nobody may be at work.
pub(super) fn agrees<C: Counter>(counter: &mut C, made: u64) -> io::Result<()> {
    match counter.total()? {
        total if total == made => Ok(()),
        total => Err(Mismatch::error(format!("{total} additions were counted, {made} were made"))),
    }
}

impl<C: Counter> Part for Adder<C> {
    #[inline(always)]
    fn act<W: Watch>(&mut self, watch: &mut W) -> io::Result<()> {
        watch.waits();
        self.counter.add()?;
        watch.got();
        watch.keep();
        Ok(())
    }

    /// After an addition the total is at least one more than it was.
    fn act_checked(&mut self) -> io::Result<()> {
        self.counter.add()?;
        let total = self.counter.total()?;
        if total <= self.newest {
            return Err(Mismatch::error(format!("the total went from {} to {total} by an addition", self.newest)));
        }
        self.newest = total;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::contract::counter_tests::{FORGETFUL, Faulty};
    use crate::contract::transport_tests::SETUP;

    #[test]
    fn every_addition_of_every_order_is_in_the_total() {
        let stage = Stage { setup: Setup { parties: 2, ..SETUP }, near_cpus: Vec::new(), far_cpus: Vec::new() };
        let mut session = Adder::<Faulty<0>>::open(&stage, Clock::vdso()).unwrap();
        assert!(session.window(Duration::from_millis(5)).unwrap().operations > 0);
        assert_eq!(session.verify(300, Duration::from_secs(5)).unwrap().operations, 300);
    }

    #[test]
    fn a_counter_that_forgets_fails_a_timed_order() {
        let stage = Stage { setup: Setup { parties: 2, ..SETUP }, near_cpus: Vec::new(), far_cpus: Vec::new() };
        let mut session = Adder::<Faulty<FORGETFUL>>::open(&stage, Clock::vdso()).unwrap();
        let error = (0..50).find_map(|_| session.window(Duration::from_millis(5)).err()).expect("additions are missed");
        assert!(error.to_string().contains("additions were counted"), "{error}");
    }
}
