//! That a lock keeps all others out, and that each holder sees what the one before it wrote.
//!
//! Two parties are tried in every order, each holding the lock once or twice. Three hold it once each: by the ticket lock and by
//! CLH in every order, too; by MCS and by spin-then-park, which have more than 400,000, in those with at most [`PREEMPTIONS`]
//! preemptions, 354,194 and 242,028. A bound of two is what is usual (Musuvathi and Qadeer, Iterative Context Bounding, PLDI
//! 2007). What is left out of polling is said in `ground`.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::algorithms::{Algorithm, Clh, Mcs, SpinThenPark, Ticket};
use crate::ground;

/// What lies under the lock: loom fails where two accesses are not ordered.
struct Guarded<A> {
    lock: A,
    count: UnsafeCell<usize>,
}

#[allow(unsafe_code)]
// SAFETY: the count is touched under the lock only; that this is enough is what loom checks.
unsafe impl<A: Sync> Sync for Guarded<A> {}
#[allow(unsafe_code)]
// SAFETY: as above.
unsafe impl<A> Send for Guarded<A> {}

fn hold<A: Algorithm>(guarded: &Guarded<A>, seat: &mut A::Seat) -> usize {
    ground::forget_polls();
    guarded.lock.acquire(seat);
    #[allow(unsafe_code)]
    // SAFETY: as above.
    let count = guarded.count.with_mut(|count| unsafe {
        *count += 1;
        *count
    });
    guarded.lock.release(seat);
    count
}

/// Of three parties by whose lock the orders are too many. That one goes on where another polls in vain or sleeps is none. After
/// the last of them loom takes switches as they come.
const PREEMPTIONS: usize = 6;

/// Each party holds it so often, and no count is lost: in every order, or in those with so few preemptions.
fn is_exclusive<A: Algorithm + Default + Send>(holds: &'static [usize], preemptions: Option<usize>) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(move || {
        let guarded = Arc::new(Guarded { lock: A::default(), count: UnsafeCell::new(0) });
        let party = |place: usize| {
            let guarded = Arc::clone(&guarded);
            move || {
                let mut seat = A::seat(place);
                (0..holds[place]).map(|_| hold(&guarded, &mut seat)).max()
            }
        };
        let others: Vec<_> = (1..holds.len()).map(|place| thread::spawn(party(place))).collect();
        let mut highest = party(0)();
        for other in others {
            highest = highest.max(other.join().unwrap());
        }
        assert_eq!(highest, Some(holds.iter().sum()));
    });
}

#[test]
fn ticket_is_exclusive_between_two() {
    is_exclusive::<Ticket>(&[2, 2], None);
}

#[test]
fn ticket_is_exclusive_between_three() {
    is_exclusive::<Ticket>(&[1, 1, 1], None);
}

#[test]
fn mcs_is_exclusive_between_two() {
    is_exclusive::<Mcs<2>>(&[2, 1], None);
}

#[test]
fn mcs_is_exclusive_between_three() {
    is_exclusive::<Mcs<3>>(&[1, 1, 1], Some(PREEMPTIONS));
}

#[test]
fn clh_is_exclusive_between_two() {
    is_exclusive::<Clh<3>>(&[2, 2], None);
}

#[test]
fn clh_is_exclusive_between_three() {
    is_exclusive::<Clh<4>>(&[1, 1, 1], None);
}

#[test]
fn spin_then_park_that_sleeps_at_once_is_exclusive_between_two_and_wakes_who_sleeps() {
    is_exclusive::<SpinThenPark<0>>(&[2, 1], None);
}

#[test]
fn spin_then_park_that_polls_first_is_exclusive_between_two_and_wakes_who_sleeps() {
    is_exclusive::<SpinThenPark<1>>(&[2, 1], None);
}

#[test]
fn spin_then_park_that_sleeps_at_once_is_exclusive_between_three_and_wakes_who_sleeps() {
    is_exclusive::<SpinThenPark<0>>(&[1, 1, 1], Some(PREEMPTIONS));
}
