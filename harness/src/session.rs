//! The waist: live peers behind one object-safe trait, called once a batch, never once an operation.
//!
//! A virtual call an operation took a `fetch_add` from 11 to 16 ns and an atomic load from 0.3 to 4: unevenly unfair. So
//! the operation stays monomorphic inside the implementation, and type erasure happens around the loop.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::histogram::Histogram;
use crate::usage::Usage;

/// One opened cell: its mechanism created, its peers started, pinned and waiting.
pub trait Session {
    /// Times `iterations` operations together, with two clock readings.
    fn batch(&mut self, iterations: u64) -> io::Result<Sample>;

    /// Whether [`Session::each`] means anything here.
    fn offers_each(&self) -> bool {
        false
    }

    /// Whether single operations are timed only where they are long against a clock reading. Not so where what is timed is a
    /// wait that is rare and long.
    fn each_wants_long_operations(&self) -> bool {
        true
    }

    /// The length of a window, where the central value must come from windows: with fixed counts, whoever is done early leaves
    /// the others uncontended.
    fn wants_windows_of(&self) -> Option<Duration> {
        None
    }

    /// Times each of `iterations` operations into `latencies`, in nanoseconds, clock cost included.
    fn each(&mut self, iterations: u64, latencies: &mut Histogram) -> io::Result<Sample> {
        let _ = (iterations, latencies);
        Err(io::Error::new(io::ErrorKind::Unsupported, "this workload has no latency of a single operation"))
    }

    /// Works for `duration` with all parties in it from first to last, and counts.
    fn window(&mut self, duration: Duration) -> io::Result<Sample>;

    /// The loop of [`Session::batch`] with every byte checked at both ends: up to `iterations` operations, fewer when
    /// `duration` is over first. Content that differs is a [`crate::control::Mismatch`].
    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified>;

    /// What the reader of the number should know, e.g. buffers that could not be locked.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What one batch or window cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Operations done.
    pub operations: u64,
    /// From the first operation's start to the last one's end, in nanoseconds.
    pub elapsed_ns: f64,
    /// What the near end spent.
    pub near: Usage,
    /// What all other parties together spent.
    pub far: Usage,
    /// Operations each party counted, the near end first.
    pub per_party: Vec<u64>,
    /// Operations that the usage covers: more than `operations` where parties finish work after the clock has stopped.
    pub covered: u64,
    /// How long the whole took, idle time between operations included, in nanoseconds.
    pub wall_ns: f64,
    /// What each of those who compete got, where parties do; equal shares are fair.
    #[serde(default)]
    pub shares: Vec<u64>,
    /// What else was observed, units in the names.
    #[serde(default)]
    pub facts: BTreeMap<String, f64>,
}

impl Sample {
    /// Nanoseconds an operation; infinite for none.
    pub fn ns_per_op(&self) -> f64 {
        self.elapsed_ns / self.operations as f64
    }

    /// What a further order cost, added to this one; facts as their names say.
    pub fn add(&mut self, more: Sample) {
        self.operations += more.operations;
        self.elapsed_ns += more.elapsed_ns;
        self.near = self.near.plus(&more.near);
        self.far = self.far.plus(&more.far);
        self.per_party.iter_mut().zip(&more.per_party).for_each(|(count, more)| *count += more);
        self.shares.iter_mut().zip(&more.shares).for_each(|(count, more)| *count += more);
        self.covered += more.covered;
        self.wall_ns += more.wall_ns;
        crate::record::facts::add(&mut self.facts, &more.facts);
    }

    /// Nanoseconds that an operation takes with the idle time around it; infinite for none.
    pub fn wall_ns_per_op(&self) -> f64 {
        self.wall_ns / self.operations as f64
    }
}

/// What a verification covered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Operations checked.
    pub operations: u64,
    /// Payload bytes compared, at all ends together.
    pub bytes: u64,
}
