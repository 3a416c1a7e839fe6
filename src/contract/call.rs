//! The contract of [`Call`], clause by clause, as code that tries it on any implementation.

use std::io;

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::Call;

/// The clauses of every system call.
pub const fn call<C: Call>() -> &'static [Clause] {
    Table::<C>::CLAUSES
}

struct Table<C>(std::marker::PhantomData<C>);

impl<C: Call> Table<C> {
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "each_call_is_answered", check: is_answered::<C> },
        Clause { name: "calls_that_were_not_made_show", check: shows::<C> },
    ];
}

fn is_answered<C: Call>(_: &Setup) -> io::Result<Verdict> {
    let mut call = C::open()?;
    for made in 1..=1000 {
        call.call()?;
        if call.answered() != made {
            return broken(format!("{made} calls were made, and {} answered", call.answered()));
        }
    }
    Ok(Verdict::Kept)
}

fn shows<C: Call>(_: &Setup) -> io::Result<Verdict> {
    match C::open()?.answered() {
        0 => Ok(Verdict::Kept),
        answered => broken(format!("no call was made, and {answered} answered")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::contract::transport_tests::kept;

    /// Answers every other call.
    pub(crate) const LAZY: u8 = 1;
    /// Has an answer that nobody asked for.
    const EAGER: u8 = 2;

    /// Answers by counting, with this fault; 0: none.
    pub(crate) struct Faulty<const FAULT: u8> {
        calls: u64,
        answered: u64,
    }

    impl<const FAULT: u8> Call for Faulty<FAULT> {
        fn open() -> io::Result<Self> {
            Ok(Faulty { calls: 0, answered: u64::from(FAULT == EAGER) })
        }

        fn call(&mut self) -> io::Result<()> {
            self.calls += 1;
            self.answered += u64::from(FAULT != LAZY || self.calls.is_multiple_of(2));
            Ok(())
        }

        fn answered(&self) -> u64 {
            self.answered
        }
    }

    #[test]
    fn each_fault_breaks_its_clause() {
        assert_eq!(kept(call::<Faulty<0>>()), [true, true]);
        assert_eq!(kept(call::<Faulty<LAZY>>()), [false, true]);
        assert_eq!(kept(call::<Faulty<EAGER>>()), [false, false]);
    }
}
