//! `std::sync::Barrier`: a mutex, a condition variable, a count of arrivals and the number of the round.

use std::io;
use std::sync::{Arc, Barrier};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "std-barrier",
    summary: "std::sync::Barrier: a count under a mutex, and a condition variable",
    family: Family::Coordination,
    reach: Reach::Threads,
    references: &["std::sync::Barrier"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::barrier::<StdBarrier>()],
};

struct StdBarrier(Arc<Barrier>);

impl shapes::Barrier for StdBarrier {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let barrier = Arc::new(Barrier::new(setup.parties));
        Ok((0..setup.parties).map(|_| StdBarrier(Arc::clone(&barrier))).collect())
    }

    #[inline(always)]
    fn arrive(&mut self) -> io::Result<()> {
        self.0.wait();
        Ok(())
    }
}
