//! Work in registers alone: a chain of multiplications, each of which needs the one before.
//!
//! It is a linear congruential generator: where it stands after n steps can be computed in log n (F. B. Brown, *Random Number
//! Generation with Arbitrary Strides*, 1994), so its state proves how many were made.

use std::hint::black_box;

use crate::mechanism::{Family, Mechanism, Rank, Reach, Support};
use crate::shapes::{self, Busy};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "cpu-bound",
    summary: "threads or processes that do nothing but compute, in registers alone",
    family: Family::Scheduler,
    reach: Reach::Both,
    references: &["sched(7)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::busy::<Chain>()],
};

/// Knuth's MMIX constants.
const FACTOR: u64 = 6_364_136_223_846_793_005;
const SUMMAND: u64 = 1_442_695_040_888_963_407;
const START: u64 = 1;

struct Chain(u64);

impl Busy for Chain {
    fn new() -> Self {
        Chain(START)
    }

    #[inline]
    fn work(&mut self, units: u64) {
        let mut value = self.0;
        for _ in 0..units {
            // No compiler closes the sequence; the barrier keeps it from trying.
            value = black_box(value.wrapping_mul(FACTOR).wrapping_add(SUMMAND));
        }
        self.0 = value;
    }

    /// Steps of one, two, four … are each a factor and a summand; those whose sum is `units` are taken one after the other.
    fn is_result_of(&self, units: u64) -> bool {
        let (mut value, mut factor, mut summand, mut left) = (START, FACTOR, SUMMAND, units);
        while left > 0 {
            if left % 2 == 1 {
                value = value.wrapping_mul(factor).wrapping_add(summand);
            }
            summand = summand.wrapping_mul(factor.wrapping_add(1));
            factor = factor.wrapping_mul(factor);
            left /= 2;
        }
        value == self.0
    }
}
