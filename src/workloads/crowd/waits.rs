//! How long a party waited: counts of waits by their length, in shared memory, so that forked parties can report them.
//!
//! As in HdrHistogram, each power of two is divided into equal parts: 32 of them, so that a length is known to 1.6 %.

use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::clock::Clock;
use ipcmark_harness::histogram::Histogram;

const PARTS_LOG2: u32 = 5;
const PARTS: usize = 1 << PARTS_LOG2;
/// Up to 2⁴⁰ ns, which is 18 minutes.
const BUCKETS: usize = (40 - PARTS_LOG2 as usize) * PARTS;

/// Of how many kinds of waits the longest is kept apart.
pub(in crate::workloads) const KINDS: usize = 2;

/// One party's waits; it alone writes while it works.
#[repr(C)]
pub(super) struct Waits {
    longest_ns: [AtomicU64; KINDS],
    sum_ns: AtomicU64,
    counts: [AtomicU64; BUCKETS],
}

impl Waits {
    pub(super) fn clear(&self) {
        self.longest_ns.iter().for_each(|ns| ns.store(0, Ordering::Relaxed));
        self.sum_ns.store(0, Ordering::Relaxed);
        self.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }

    #[inline]
    fn record(&self, ns: u64, kind: usize) {
        let count = &self.counts[bucket(ns)];
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.sum_ns.store(self.sum_ns.load(Ordering::Relaxed) + ns, Ordering::Relaxed);
        let longest_ns = &self.longest_ns[kind];
        if ns > longest_ns.load(Ordering::Relaxed) {
            longest_ns.store(ns, Ordering::Relaxed);
        }
    }

    /// The longest of this kind.
    pub(super) fn longest_ns(&self, kind: usize) -> u64 {
        self.longest_ns[kind].load(Ordering::Relaxed)
    }

    pub(super) fn sum_ns(&self) -> f64 {
        self.sum_ns.load(Ordering::Relaxed) as f64
    }

    /// Adds them.
    pub(super) fn add_to(&self, histogram: &mut Histogram) {
        let longest = (0..KINDS).map(|kind| self.longest_ns(kind)).max().unwrap_or(0);
        for (bucket, count) in self.counts.iter().enumerate() {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                histogram.record_n(middle(bucket).min(longest), count);
            }
        }
    }
}

/// Lengths below 32 have a bucket each; from there on the leading bits choose it.
fn bucket(ns: u64) -> usize {
    let shift = (u64::BITS - ns.leading_zeros()).saturating_sub(PARTS_LOG2 + 1);
    ((shift as usize) * PARTS + (ns >> shift) as usize).min(BUCKETS - 1)
}

/// The length in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    if bucket < 2 * PARTS {
        return bucket as u64;
    }
    let shift = bucket / PARTS - 1;
    (((PARTS + bucket % PARTS) as u64) << shift) + (1 << shift) / 2
}

/// What is told of each operation's waiting.
pub(in crate::workloads) trait Watch {
    /// The party begins to wait.
    fn waits(&mut self);
    /// It was to have begun already, at this reading of the clock.
    fn was_to_wait_at(&mut self, ticks: u64);
    /// It has what it waited for. May be called inside what it waited for: it reads the clock and no more.
    fn got(&mut self);
    /// The operation is over, one of this kind: less than [`KINDS`].
    fn keep_as(&mut self, kind: usize);
    /// The operation is over, where all are of one kind.
    #[inline(always)]
    fn keep(&mut self) {
        self.keep_as(0);
    }
}

/// Nobody looks.
pub(in crate::workloads) struct Unwatched;

impl Watch for Unwatched {
    #[inline(always)]
    fn waits(&mut self) {}
    #[inline(always)]
    fn was_to_wait_at(&mut self, _: u64) {}
    #[inline(always)]
    fn got(&mut self) {}
    #[inline(always)]
    fn keep_as(&mut self, _: usize) {}
}

/// Counts each wait under its length.
pub(in crate::workloads) struct Stopwatch<'a> {
    clock: Clock,
    waits: &'a Waits,
    begin: u64,
    end: u64,
}

impl<'a> Stopwatch<'a> {
    pub(super) fn new(clock: Clock, waits: &'a Waits) -> Self {
        Stopwatch { clock, waits, begin: 0, end: 0 }
    }
}

impl Watch for Stopwatch<'_> {
    #[inline(always)]
    fn waits(&mut self) {
        self.begin = self.clock.start();
    }

    #[inline(always)]
    fn was_to_wait_at(&mut self, ticks: u64) {
        self.begin = ticks;
    }

    #[inline(always)]
    fn got(&mut self) {
        self.end = self.clock.end();
    }

    #[inline(always)]
    fn keep_as(&mut self, kind: usize) {
        self.waits.record(self.clock.ns_between(self.begin, self.end.max(self.begin)) as u64, kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_in_a_bucket_whose_middle_is_within_two_percent() {
        for ns in (0..4096).chain((12..40).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 12345])) {
            let off = middle(bucket(ns)).abs_diff(ns) as f64;
            assert!(off <= ns as f64 / 50.0, "{ns} ns is shown as {}", middle(bucket(ns)));
        }
    }

    #[test]
    fn what_is_longer_than_everything_is_in_the_last_bucket() {
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }
}
