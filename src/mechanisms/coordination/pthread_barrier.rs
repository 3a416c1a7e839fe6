//! A process-shared `pthread_barrier_t`: in glibc a futex word that counts arrivals over all rounds, and one for the round.

use std::io;

use ipcmark_harness::sys::barrier::Barrier;
use ipcmark_harness::sys::memory::Shared;

use crate::descriptor::named;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "pthread-barrier",
    summary: "a pthread_barrier_t in shared memory",
    family: Family::Coordination,
    reach: Reach::Both,
    references: &["pthread_barrier_wait(3p)", "pthread_barrierattr_setpshared(3p)"],
    support: || Support::from(new_barrier(2)),
    rank: Rank::Headline,
    shapes: &[shapes::barrier::<PthreadBarrier>()],
};

fn new_barrier(parties: usize) -> io::Result<Shared<Barrier>> {
    Shared::initialized(|barrier: &mut Barrier| barrier.init(parties as u32))
}

struct PthreadBarrier(Shared<Barrier>);

impl shapes::Barrier for PthreadBarrier {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let barrier = new_barrier(setup.parties)?;
        Ok((0..setup.parties).map(|_| PthreadBarrier(Shared::clone(&barrier))).collect())
    }

    #[inline(always)]
    fn arrive(&mut self) -> io::Result<()> {
        self.0.wait().map_err(|errno| named("pthread_barrier_wait", errno))
    }
}
