//! Work of a known length: a chain of multiplications, each of which needs the one before, in registers alone.

use std::hint::black_box;

use ipcmark_harness::clock::Clock;

/// How fast the chain runs here.
#[derive(Copy, Clone, Debug)]
pub(in crate::workloads) struct Tempo {
    turns_per_ns: f64,
}

/// So many multiplications.
#[derive(Copy, Clone, Debug)]
pub(in crate::workloads) struct Work(u64);

/// How long a try of the calibration takes, about; the fastest of them counts, since others only slow it down.
const TURNS: u64 = 1 << 16;
const TRIES: usize = 7;

impl Tempo {
    /// Measures it: half a millisecond.
    pub(in crate::workloads) fn take(clock: &Clock) -> Tempo {
        let ns = |_| {
            let start = clock.start();
            Work(TURNS).run();
            clock.ns_between(start, clock.end())
        };
        let fastest = (0..TRIES).map(ns).fold(f64::MAX, f64::min);
        Tempo { turns_per_ns: TURNS as f64 / fastest.max(1.0) }
    }

    /// Work of this length.
    pub(in crate::workloads) fn work(self, ns: u64) -> Work {
        Work((ns as f64 * self.turns_per_ns).round() as u64)
    }
}

impl Work {
    /// Does it.
    #[inline(always)]
    pub(in crate::workloads) fn run(self) {
        let mut value = 1_u64;
        for _ in 0..self.0 {
            // Knuth's MMIX constants: a sequence that no compiler closes. The barrier keeps it from trying.
            value = black_box(value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        }
        black_box(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_length_is_twice_the_work_and_none_is_none() {
        let tempo = Tempo::take(&Clock::vdso());
        assert_eq!(tempo.work(0).0, 0);
        let (one, two) = (tempo.work(10_000), tempo.work(20_000));
        assert!(one.0 > 0 && one.0 * 2 <= two.0 + 1 && two.0 <= one.0 * 2 + 1, "{one:?} {two:?}");
    }
}
