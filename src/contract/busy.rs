//! The contract of [`Busy`], clause by clause, as code that tries it on any implementation.

use std::io;

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::Busy;

/// The clauses of all work.
pub const fn busy<B: Busy>() -> &'static [Clause] {
    Table::<B>::CLAUSES
}

struct Table<B>(std::marker::PhantomData<B>);

impl<B: Busy> Table<B> {
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "work_adds_up", check: adds_up::<B> },
        Clause { name: "work_that_was_not_done_shows", check: shows::<B> },
    ];
}

fn adds_up<B: Busy>(_: &Setup) -> io::Result<Verdict> {
    let mut work = B::new();
    let mut done = 0;
    for part in [0, 1, 2, 1000, 3, 65_536] {
        work.work(part);
        done += part;
        if !work.is_result_of(done) {
            return broken(format!("after {done} units, the last {part} of them at once, the result is another"));
        }
    }
    Ok(Verdict::Kept)
}

fn shows<B: Busy>(_: &Setup) -> io::Result<Verdict> {
    let mut work = B::new();
    work.work(1000);
    match [0, 999, 1001, 2000].into_iter().find(|&units| work.is_result_of(units)) {
        Some(units) => broken(format!("1000 units were done, and they pass for {units}")),
        None => Ok(Verdict::Kept),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::contract::transport_tests::kept;

    /// Leaves every part's last unit out.
    pub(crate) const LAZY: u8 = 1;
    /// Passes for any result.
    const GENEROUS: u8 = 2;

    /// A count with this fault; 0: none.
    pub(crate) struct Faulty<const FAULT: u8>(u64);

    impl<const FAULT: u8> Busy for Faulty<FAULT> {
        fn new() -> Self {
            Faulty(0)
        }

        fn work(&mut self, units: u64) {
            for _ in u64::from(FAULT == LAZY)..units {
                self.0 = std::hint::black_box(self.0 + 1);
            }
        }

        fn is_result_of(&self, units: u64) -> bool {
            FAULT == GENEROUS || self.0 == units
        }
    }

    #[test]
    fn each_fault_breaks_its_clause() {
        assert_eq!(kept(busy::<Faulty<0>>()), [true, true]);
        assert_eq!(kept(busy::<Faulty<LAZY>>()), [false, false]);
        assert_eq!(kept(busy::<Faulty<GENEROUS>>()), [true, false]);
    }
}
