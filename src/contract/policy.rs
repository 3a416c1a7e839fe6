//! The contract of [`Policy`], clause by clause, as code that tries it on any implementation.

use std::io;

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::Policy;

/// The clauses of every policy.
pub const fn policy<P: Policy>() -> &'static [Clause] {
    Table::<P>::CLAUSES
}

struct Table<P>(std::marker::PhantomData<P>);

impl<P: Policy> Table<P> {
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "who_adopts_it_is_under_it", check: |_| is_under_it(adopted::<P>) },
        Clause { name: "nobody_else_is_put_under_it", check: |_: &Setup| nobody_else(P::is_adopted, adopted::<P>) },
    ];
}

const PERIOD_NS: u64 = 1_000_000;

fn adopted<P: Policy>() -> io::Result<bool> {
    P::adopt(PERIOD_NS)?;
    P::is_adopted()
}

/// Asks in a thread of its own, which ends with the answer.
fn in_a_thread(ask: fn() -> io::Result<bool>) -> io::Result<bool> {
    std::thread::spawn(ask).join().map_err(|_| io::Error::other("the thread panicked"))?
}

fn is_under_it(adopted: fn() -> io::Result<bool>) -> io::Result<Verdict> {
    if in_a_thread(adopted)? { Ok(Verdict::Kept) } else { broken("the kernel tells of another policy") }
}

fn nobody_else(is_adopted: fn() -> io::Result<bool>, adopted: fn() -> io::Result<bool>) -> io::Result<Verdict> {
    if is_adopted()? {
        return Ok(Verdict::NotPromised("every thread is under it from the beginning"));
    }
    in_a_thread(adopted)?;
    if is_adopted()? { broken("a thread that did not ask for it is under it") } else { Ok(Verdict::Kept) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::contract::transport_tests::SETUP;

    /// Does nothing.
    struct Idle;

    impl Policy for Idle {
        fn adopt(_: u64) -> io::Result<()> {
            Ok(())
        }

        fn is_adopted() -> io::Result<bool> {
            Ok(false)
        }
    }

    /// Everybody's at once.
    struct Contagious;

    static EVERYBODY: AtomicBool = AtomicBool::new(false);

    impl Policy for Contagious {
        fn adopt(_: u64) -> io::Result<()> {
            EVERYBODY.store(true, Ordering::Relaxed);
            Ok(())
        }

        fn is_adopted() -> io::Result<bool> {
            Ok(EVERYBODY.load(Ordering::Relaxed))
        }
    }

    fn verdicts<P: Policy>() -> Vec<Verdict> {
        policy::<P>().iter().rev().map(|clause| (clause.check)(&SETUP).unwrap()).collect()
    }

    #[test]
    fn a_policy_that_is_not_adopted_or_everybodys_is_found_out() {
        assert!(matches!(verdicts::<Idle>()[..], [Verdict::Kept, Verdict::Broken(_)]));
        assert!(matches!(verdicts::<Contagious>()[..], [Verdict::Broken(_), Verdict::Kept]));
    }
}
