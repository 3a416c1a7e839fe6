//! A sense-reversing barrier of ours, in shared memory: whoever waits polls.
//!
//! How it works: a count of those who are still to come, and a sense that the last one to come turns over, after it has set
//! the count back. Each party knows which sense ends its round, so that who comes back early for the next round waits for
//! the other sense and takes no part in the present one (Mellor-Crummey and Scott, ACM TOCS 9(1), 1991, section 3.1).

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::sys::memory::{Shareable, Shared};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Barrier};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "sense-barrier",
    summary: "our sense-reversing barrier in shared memory: a count, and a word that all who wait poll",
    family: Family::Coordination,
    reach: Reach::Both,
    references: &["Mellor-Crummey and Scott, Algorithms for Scalable Synchronization, ACM TOCS 9(1), 1991"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::barrier::<SenseBarrier>()],
};

/// What the algorithm needs of a word; in its model test it is given loom's.
trait Word {
    fn load(&self, order: Ordering) -> u32;
    fn store(&self, value: u32, order: Ordering);
    fn fetch_sub(&self, value: u32, order: Ordering) -> u32;
    /// Between two looks at it.
    fn relax();
}

impl Word for AtomicU32 {
    #[inline(always)]
    fn load(&self, order: Ordering) -> u32 {
        self.load(order)
    }

    #[inline(always)]
    fn store(&self, value: u32, order: Ordering) {
        self.store(value, order);
    }

    #[inline(always)]
    fn fetch_sub(&self, value: u32, order: Ordering) -> u32 {
        self.fetch_sub(value, order)
    }

    #[inline(always)]
    fn relax() {
        std::hint::spin_loop();
    }
}

/// On a line of its own, and not next to the other: the adjacent-line prefetcher pairs cache lines.
#[repr(C, align(128))]
struct Line<W>(W);

/// `missing` is the number of parties whenever no round has begun.
#[repr(C)]
struct Words<W> {
    missing: Line<W>,
    sense: Line<W>,
}

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Words<AtomicU32> {}

impl<W: Word> Words<W> {
    /// Arrives, and waits for `sense`.
    #[inline(always)]
    fn arrive(&self, parties: u32, sense: u32) {
        // AcqRel: the last one has seen what all before it wrote, each of whom has seen the previous round end.
        if self.missing.0.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Relaxed: nobody arrives for the next round before it has seen the sense.
            self.missing.0.store(parties, Ordering::Relaxed);
            // Release: pairs with the Acquire below.
            self.sense.0.store(sense, Ordering::Release);
        } else {
            while self.sense.0.load(Ordering::Acquire) != sense {
                W::relax();
            }
        }
    }
}

struct SenseBarrier {
    words: Shared<Words<AtomicU32>>,
    parties: u32,
    /// What ended the last round.
    sense: u32,
}

/// The most parties that share a CPU: each round takes a slice of the scheduler for every one of them that polls there.
const A_CPU: usize = 2;

impl Barrier for SenseBarrier {
    fn supports(setup: &Setup) -> Support {
        let (parties, cpus) = (setup.parties, std::thread::available_parallelism().map_or(1, |cpus| cpus.get()));
        if parties <= A_CPU * cpus {
            return Support::Available;
        }
        Support::Missing(format!("{parties} parties that poll are more than {A_CPU} for each of {cpus} CPUs"))
    }

    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let parties = setup.parties as u32;
        let words = Shared::<Words<AtomicU32>>::zeroed()?;
        words.missing.0.store(parties, Ordering::Relaxed);
        Ok((0..parties).map(|_| SenseBarrier { words: Shared::clone(&words), parties, sense: 0 }).collect())
    }

    #[inline(always)]
    fn arrive(&mut self) -> io::Result<()> {
        self.sense ^= 1;
        self.words.arrive(self.parties, self.sense);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use loom::sync::atomic::AtomicU32;

    use super::{Line, Word, Words};

    impl Word for AtomicU32 {
        fn load(&self, order: Ordering) -> u32 {
            self.load(order)
        }

        fn store(&self, value: u32, order: Ordering) {
            self.store(value, order);
        }

        fn fetch_sub(&self, value: u32, order: Ordering) -> u32 {
            self.fetch_sub(value, order)
        }

        fn relax() {
            loom::thread::yield_now();
        }
    }

    /// All interleavings of two parties with up to three preemptions, and all values that relaxed loads may return: what each
    /// wrote before it arrived is seen after. With Release or Relaxed in place of AcqRel it fails. Three parties are left to
    /// the conformance tests: two that poll yield to each other for ever in the model.
    #[test]
    fn two_parties_pass_no_round_early_in_any_interleaving() {
        const ROUNDS: u32 = 3;
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let word = |value| Line(AtomicU32::new(value));
            let words = Arc::new(Words { missing: word(2), sense: word(0) });
            let phases: Arc<[AtomicU32; 2]> = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
            let party = |place: usize| {
                let (words, phases) = (Arc::clone(&words), Arc::clone(&phases));
                move || {
                    for round in 1..=ROUNDS {
                        phases[place].store(round, Ordering::Relaxed);
                        words.arrive(2, round & 1);
                        assert!(phases[1 - place].load(Ordering::Relaxed) >= round);
                    }
                }
            };
            let other = loom::thread::spawn(party(1));
            party(0)();
            other.join().unwrap();
        });
    }
}
