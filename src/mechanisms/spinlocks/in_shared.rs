//! Our own algorithms as locks, in memory that threads and processes share alike; and their entries in the list.

use std::io;

use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::algorithms::{Algorithm, Clh, Mcs, SpinThenPark, Ticket};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, AfterDeath, Lock};

/// As many parties as a worker watches.
const PARTIES: usize = 64;
/// How often a waiter polls before it sleeps: with a `pause` of 140 cycles (Intel since Skylake) some 45 us, which is what a
/// wake-up on another CPU of the development machine took; on CPUs with a shorter one it is less.
const POLLS: u32 = 1000;

pub(super) static TICKET: Mechanism = Mechanism {
    name: "ticket-spinlock",
    summary: "each takes a number and polls the one that is shown: first come, first served",
    rank: Rank::Headline,
    references: &["Mellor-Crummey and Scott, ACM TOCS 9(1), 1991"],
    shapes: &[shapes::lock::<InShared<Ticket>>()],
    ..SPINLOCK
};

pub(super) static MCS: Mechanism = Mechanism {
    name: "mcs-spinlock",
    summary: "a queue in which each polls a word of its own, which the one before it clears",
    rank: Rank::Headline,
    references: &["Mellor-Crummey and Scott, ACM TOCS 9(1), 1991"],
    shapes: &[shapes::lock::<InShared<Mcs<PARTIES>>>()],
    ..SPINLOCK
};

pub(super) static CLH: Mechanism = Mechanism {
    name: "clh-spinlock",
    summary: "a queue in which each polls the word of the one before it",
    references: &["Craig, University of Washington TR 93-02-02, 1993", "Magnusson, Landin and Hagersten, IPPS 1994"],
    shapes: &[shapes::lock::<InShared<Clh<{ PARTIES + 1 }>>>()],
    ..SPINLOCK
};

pub(super) static SPIN_THEN_PARK: Mechanism = Mechanism {
    name: "spin-then-park",
    summary: "a futex word that a waiter polls a thousand times before it sleeps",
    references: &["futex(2)", "Karlin et al., Empirical Studies of Competitive Spinning, SOSP 1991"],
    shapes: &[shapes::lock::<InShared<SpinThenPark<POLLS>>>()],
    ..SPINLOCK
};

/// What all locks of ours have in common.
pub(super) const SPINLOCK: Mechanism = Mechanism {
    name: "",
    summary: "",
    family: Family::Spinlock,
    reach: Reach::Both,
    references: &[],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[],
};

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Ticket {}

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl<const PARTIES: usize> Shareable for Mcs<PARTIES> {}

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl<const NODES: usize> Shareable for Clh<NODES> {}

#[allow(unsafe_code)]
// SAFETY: an atomic integer, valid when zero, and no address.
unsafe impl<const POLLS: u32> Shareable for SpinThenPark<POLLS> {}

/// One party's handle.
pub(super) struct InShared<A: Algorithm> {
    lock: Shared<A>,
    seat: A::Seat,
}

impl<A: Algorithm + Shareable + Send> Lock for InShared<A> {
    const AFTER_DEATH: Option<AfterDeath> = Some(AfterDeath::Stuck);

    fn supports(setup: &Setup) -> Support {
        match setup.parties {
            ..=PARTIES => Support::Available,
            parties => Support::Missing(format!("{parties} parties; there are seats for {PARTIES}")),
        }
    }

    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let lock = Shared::zeroed()?;
        Ok((0..setup.parties).map(|place| InShared { lock: Shared::clone(&lock), seat: A::seat(place) }).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        self.lock.acquire(&mut self.seat);
        let result = critical();
        self.lock.release(&mut self.seat);
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::contract::transport_tests::SETUP;

    fn handles<A: Algorithm + Shareable + Send>(parties: usize) -> Vec<InShared<A>> {
        InShared::handles(&Setup { parties, ..SETUP }).unwrap()
    }

    /// The second and the third party come while the first holds it, one after the other: `arrivals` tells that they have.
    fn enters_in_order<A: Algorithm + Shareable + Send>(arrival: impl Fn(&A) -> u32 + Sync) {
        let mut handles = handles::<A>(3);
        let lock = Shared::clone(&handles[0].lock);
        let (mut third, mut second, mut first) =
            (handles.pop().unwrap(), handles.pop().unwrap(), handles.pop().unwrap());
        let entered = AtomicU32::new(0);
        let enter = || entered.fetch_add(1, Ordering::Relaxed);
        let changes_from = |before| {
            while arrival(&lock) == before {
                std::thread::yield_now();
            }
        };
        std::thread::scope(|scope| {
            let (second, third) = first
                .with(|| {
                    let before = arrival(&lock);
                    let second = scope.spawn(move || second.with(enter).unwrap());
                    changes_from(before);
                    let before = arrival(&lock);
                    let third = scope.spawn(move || third.with(enter).unwrap());
                    changes_from(before);
                    (second, third)
                })
                .unwrap();
            assert_eq!((second.join().unwrap(), third.join().unwrap()), (0, 1));
        });
    }

    #[test]
    fn ticket_mcs_and_clh_let_parties_in_in_the_order_in_which_they_came() {
        enters_in_order::<Ticket>(|lock| lock.next.0.load(Ordering::Relaxed));
        enters_in_order::<Mcs<3>>(|lock| lock.tail.0.load(Ordering::Relaxed));
        enters_in_order::<Clh<4>>(|lock| lock.tail.0.load(Ordering::Relaxed));
    }

    #[test]
    fn a_waiter_that_has_polled_in_vain_sleeps_and_is_woken() {
        let mut handles = handles::<SpinThenPark<1>>(2);
        let (mut second, mut first) = (handles.pop().unwrap(), handles.pop().unwrap());
        std::thread::scope(|scope| {
            let waiter = first
                .with(|| {
                    let waiter = scope.spawn(move || second.with(|| ()));
                    // That it sleeps does not show but in the time that it takes: enough for it in most runs.
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    waiter
                })
                .unwrap();
            waiter.join().unwrap().unwrap();
        });
    }

    #[test]
    fn more_parties_than_seats_are_refused() {
        let setup = Setup { parties: PARTIES + 1, ..SETUP };
        let Support::Missing(reason) = <InShared<Ticket>>::supports(&setup) else { panic!("taken") };
        assert!(reason.contains("65 parties") && reason.contains("64"), "{reason}");
    }
}
