//! Any cell, slower by a known share: what `ipcmark experiment` is tried on. Only with the feature `test-mechanisms`, in a
//! worker whose environment says `IPCMARK_TEST_SLOWDOWN=1.05`.
//!
//! Batches really take longer: so many more of the cell's own operations are done than are reported, with all their noise. Where
//! a batch is a few operations the rest is carried over, so that it is right over several. Windows, whose length is fixed, are
//! scaled: what they took is reported as longer.

use std::io;
use std::time::Duration;

use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::session::{Sample, Session, Verified};

const VARIABLE: &str = "IPCMARK_TEST_SLOWDOWN";

/// The session itself, or one that is slower where the environment asks for that.
pub(crate) fn wrapped(session: Box<dyn Session>) -> Result<Box<dyn Session>, Failure> {
    let Ok(text) = std::env::var(VARIABLE) else { return Ok(session) };
    let factor = text.parse::<f64>().ok().filter(|factor| (1.0..=100.0).contains(factor));
    let why = || Failure::new(FailureKind::Worker, format!("{VARIABLE}={text}: a factor from 1 to 100 is allowed"));
    Ok(Box::new(Slowed { session, factor: factor.ok_or_else(why)?, owed: 0.0 }))
}

struct Slowed {
    session: Box<dyn Session>,
    factor: f64,
    /// Operations that were not done yet, less than one.
    owed: f64,
}

impl Session for Slowed {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        let wanted = iterations as f64 * self.factor + self.owed;
        self.owed = wanted.fract();
        let sample = self.session.batch(wanted as u64)?;
        Ok(Sample { operations: iterations, ..sample })
    }

    fn wants_windows_of(&self) -> Option<Duration> {
        self.session.wants_windows_of()
    }

    fn each(&mut self, iterations: u64, latencies: &mut Histogram) -> io::Result<Sample> {
        self.session.each(iterations, latencies)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        let sample = self.session.window(duration)?;
        // Not the count, which is whole, and where it is small would be rounded.
        Ok(Sample { elapsed_ns: sample.elapsed_ns * self.factor, wall_ns: sample.wall_ns * self.factor, ..sample })
    }

    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        self.session.verify(iterations, duration)
    }

    fn notes(&self) -> Vec<String> {
        self.session.notes()
    }
}
