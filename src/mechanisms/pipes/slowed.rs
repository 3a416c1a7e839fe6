//! A pipe whose near end takes longer by a known share, and the same one with a share of nothing: what the change test of
//! `compare` is tried on (`tests/change_test.rs`). Only with the feature `test-mechanisms`.
//!
//! The near end times each of its calls and then spins for the share of what the call took, so that a round trip, which is nothing
//! but its calls, takes longer by that share on any machine. Both read the clock as often.

use std::io;
use std::time::Instant;

use super::pipe::{Anonymous, DEFAULT_BYTES, Pipe};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Transport};

pub(super) static TIMED: Mechanism = Mechanism {
    name: "pipe-timed",
    summary: "a pipe whose near end times each call: what pipe-slowed is compared with in tests",
    family: Family::Pipe,
    reach: Reach::Both,
    references: &["pipe(7)"],
    support: || Support::Available,
    rank: Rank::Rare,
    shapes: &[shapes::transport::<Slowed<0>>()],
};

pub(super) static SLOWED: Mechanism = Mechanism {
    name: "pipe-slowed",
    summary: "a pipe whose near end makes each call take 10 % longer, for tests",
    shapes: &[shapes::transport::<Slowed<10>>()],
    ..TIMED
};

struct Slowed<const PERCENT: u32> {
    pipe: Pipe<Anonymous<DEFAULT_BYTES>>,
    percent: u32,
}

impl<const PERCENT: u32> Slowed<PERCENT> {
    #[inline]
    fn lengthen<T>(&mut self, call: impl FnOnce(&mut Pipe<Anonymous<DEFAULT_BYTES>>) -> T) -> T {
        let begun = Instant::now();
        let done = call(&mut self.pipe);
        let whole = begun.elapsed() * (100 + self.percent) / 100;
        while self.percent > 0 && begun.elapsed() < whole {
            std::hint::spin_loop();
        }
        done
    }
}

impl<const PERCENT: u32> Transport for Slowed<PERCENT> {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = Transport::pair(setup)?;
        Ok((Slowed { pipe: near, percent: PERCENT }, Slowed { pipe: far, percent: 0 }))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.lengthen(|pipe| pipe.send(message))
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        self.lengthen(|pipe| pipe.recv(message))
    }
}
