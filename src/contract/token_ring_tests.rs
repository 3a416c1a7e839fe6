//! That each clause of a token ring can fail: rings broken in one way each, and one in none.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::transport_tests::{Named, SETUP};
use crate::mechanism::{Setup, Verdict};
use crate::shapes::TokenRing;

pub(crate) const NONE: u8 = 0;
/// Takes what nobody has passed.
pub(crate) const OPEN: u8 = 1;
/// Wakes who waits, and keeps nothing for who does not yet.
const FORGETS: u8 = 2;
/// Passes to the place before it.
const BACKWARDS: u8 = 3;
/// Wants another party even where there is none.
const NEVER_ALONE: u8 = 4;
const LEAVES_A_NAME: u8 = 5;

#[derive(Default)]
struct Seat {
    /// Tokens, and who waits for one.
    state: Mutex<(u64, u64)>,
    passed: Condvar,
}

/// A token ring by a condition variable for each place, correct but for its `FAULT`.
pub(crate) struct Faulty<const FAULT: u8> {
    seats: Arc<Vec<Seat>>,
    place: usize,
    _name: Option<Arc<Named>>,
}

impl<const FAULT: u8> TokenRing for Faulty<FAULT> {
    fn places(setup: &Setup) -> io::Result<Vec<Self>> {
        let name = if FAULT == LEAVES_A_NAME { Some(Arc::new(Named::new()?)) } else { None };
        let seats: Arc<Vec<Seat>> = Arc::new((0..setup.parties).map(|_| Seat::default()).collect());
        Ok((0..setup.parties).map(|place| Faulty { seats: Arc::clone(&seats), place, _name: name.clone() }).collect())
    }

    fn pass(&mut self) -> io::Result<()> {
        let count = self.seats.len();
        let next = (self.place + if FAULT == BACKWARDS { count - 1 } else { 1 }) % count;
        let mut state = self.seats[next].state.lock().unwrap();
        if FAULT != FORGETS || state.1 > 0 {
            state.0 += 1;
        }
        self.seats[next].passed.notify_one();
        Ok(())
    }

    fn take(&mut self) -> io::Result<()> {
        if FAULT == OPEN {
            return Ok(());
        }
        let seat = &self.seats[self.place];
        let mut state = seat.state.lock().unwrap();
        state.1 += 1;
        // Not for ever: the test must end.
        let (mut state, waited) =
            seat.passed.wait_timeout_while(state, Duration::from_secs(2), |state| state.0 == 0).unwrap();
        state.1 -= 1;
        if waited.timed_out() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        state.0 -= 1;
        Ok(())
    }

    fn alone(&mut self) -> io::Result<()> {
        if FAULT != NEVER_ALONE {
            self.pass()?;
        }
        self.take()
    }
}

/// The clauses that are broken.
fn broken<const FAULT: u8>() -> Vec<&'static str> {
    let clauses = super::token_ring::<Faulty<FAULT>>().iter();
    clauses.filter(|clause| !matches!((clause.check)(&SETUP), Ok(Verdict::Kept))).map(|clause| clause.name).collect()
}

#[test]
fn rings_that_break_a_clause_are_found_out() {
    assert_eq!(broken::<NONE>(), [""; 0]);
    let open = ["take_returns_only_after_the_previous_place_has_passed", "the_token_goes_round_in_order"];
    assert_eq!(broken::<OPEN>(), open);
    assert!(broken::<FORGETS>().contains(&"a_token_passed_early_is_not_lost"));
    assert!(broken::<BACKWARDS>().contains(&"the_token_goes_round_in_order"));
    assert_eq!(broken::<NEVER_ALONE>(), ["a_hop_can_be_made_alone"]);
    assert_eq!(broken::<LEAVES_A_NAME>(), ["no_ring_is_left_by_name"]);
}
