//! One benchmark's worker, alive between criterion's batches.

use std::time::Duration;

use ipcmark::cell::Cell;
use ipcmark::mechanism::Stage;
use ipcmark_harness::control::Failure;
use ipcmark_harness::launch::{Launcher, Worker};
use ipcmark_harness::record::{Launch, Measurement};
use ipcmark_harness::sampling::{self, Pace};
use ipcmark_harness::session::Sample;

/// Criterion's warm-up.
pub(crate) const WARM_UP: Duration = Duration::from_millis(200);
/// Single operations are timed for so long after criterion is done: tails, for the record.
pub(crate) const EACH: Duration = Duration::from_millis(50);

/// One benchmark's worker, started at its first batch.
pub(crate) struct Live<'a> {
    launcher: Launcher,
    cell: &'a Cell,
    stage: &'a Stage,
    worker: Option<Worker>,
    failure: Option<Failure>,
    /// How many operations criterion asked for, each time; and what came of it.
    asked: Vec<u64>,
    batches: Vec<Sample>,
}

impl<'a> Live<'a> {
    pub(crate) fn new(launcher: Launcher, cell: &'a Cell, stage: &'a Stage) -> Live<'a> {
        Live { launcher, cell, stage, worker: None, failure: None, asked: Vec::new(), batches: Vec::new() }
    }

    /// Starts the worker, which would else be part of criterion's warm-up.
    #[allow(dead_code)] // not asked by every bench target
    pub(crate) fn start(&mut self) -> Result<(), Failure> {
        self.worker().map(drop)
    }

    /// One batch; none of its time once it has failed.
    ///
    /// Criterion drops a benchmark that took no time and writes nothing of it: so a failed one leaves no clean number.
    pub(crate) fn batch(&mut self, iterations: u64) -> Duration {
        if self.failure.is_none() {
            match self.try_batch(iterations) {
                Ok(elapsed) => return elapsed,
                Err(failure) => self.failure = Some(failure),
            }
        }
        // Criterion warms up until its own clock says so: let that come soon.
        ipcmark_harness::sys::sleep(WARM_UP / 10);
        Duration::ZERO
    }

    fn try_batch(&mut self, iterations: u64) -> Result<Duration, Failure> {
        let expected = self.batches.last().map_or(0.0, Sample::wall_ns_per_op) * iterations as f64;
        let sample = self.worker()?.batch(iterations, Duration::from_nanos(expected as u64))?;
        // Where parties contend, a window's operations are only about as many as were asked for.
        let elapsed_ns = sample.ns_per_op() * iterations as f64;
        self.asked.push(iterations);
        self.batches.push(sample);
        Ok(Duration::from_nanos(elapsed_ns.round().max(1.0) as u64))
    }

    fn worker(&mut self) -> Result<&mut Worker, Failure> {
        match self.worker.take() {
            Some(worker) => Ok(self.worker.insert(worker)),
            None => {
                let worker = self.launcher.open(&self.cell.spec(self.stage), 0)?;
                Ok(self.worker.insert(worker))
            }
        }
    }

    /// Whether criterion asked for nothing: its filter leaves the benchmark out, or it only lists.
    #[allow(dead_code)] // not asked by every bench target
    pub(crate) fn is_untouched(&self) -> bool {
        self.batches.is_empty() && self.failure.is_none()
    }

    /// Ends the worker; what criterion's batches and a pass of single operations say.
    pub(crate) fn finish(mut self) -> Result<Measurement, Failure> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let mut launch = Launch::default();
        let measured = &self.batches[warm_up_calls(&self.asked)..];
        measured.iter().for_each(|sample| sampling::add(&mut launch, sample));
        let pace = self.batches.last().map_or(Pace { op_ns: 1.0, turn_ns: 1.0 }, Pace::of);
        let (histogram, notes) = match self.worker.take() {
            None => (Err("the worker was never started".into()), Vec::new()),
            Some(mut worker) => {
                let histogram = sampling::measure_each(&mut worker, EACH, &self.launcher.clock, pace)?;
                let mut notes = worker.notes.clone();
                notes.extend(sampling::discarded_note(worker.discarded));
                worker.quit()?;
                let histogram = histogram.map(|(facts, histogram)| {
                    launch.facts.extend(facts);
                    histogram
                });
                (histogram, notes)
            }
        };
        Ok(Measurement {
            launches: vec![launch],
            histogram,
            bytes_per_operation: self.cell.bytes_per_operation(),
            verification: Some("passed: the number of every message was checked".into()),
            conditions: Default::default(),
            notes,
        })
    }
}

/// Criterion warms up with 1, 2, 4, 8 … operations; the first call that is not twice the one before begins to measure.
fn warm_up_calls(asked: &[u64]) -> usize {
    let doubled = asked.windows(2).take_while(|pair| pair[1] == 2 * pair[0]).count();
    if doubled + 1 < asked.len() { doubled + 1 } else { 0 }
}
