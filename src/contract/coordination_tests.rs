//! That each clause of permits, barriers, dinners and values made once can fail: each broken in one way, and in none.

use std::io;
use std::sync::{Arc, Barrier as StdBarrier, Condvar, Mutex, OnceLock};

use super::transport_tests::{Named, SETUP};
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::{Barrier, Dinner, Once, Permits, Whole};

const NONE: u8 = 0;
/// Keeps nobody out, and lets nobody wait.
const OPEN: u8 = 1;
/// Lets one in at a time.
const NARROW: u8 = 2;
const LEAVES_A_NAME: u8 = 3;

/// The clauses that are broken.
fn broken(clauses: &'static [Clause]) -> Vec<&'static str> {
    let kept = |clause: &&Clause| matches!((clause.check)(&SETUP).unwrap(), Verdict::Broken(_));
    clauses.iter().filter(kept).map(|clause| clause.name).collect()
}

fn named<const FAULT: u8>() -> io::Result<Option<Arc<Named>>> {
    if FAULT == LEAVES_A_NAME { Named::new().map(|name| Some(Arc::new(name))) } else { Ok(None) }
}

struct Semaphore<const FAULT: u8> {
    count: Arc<(Mutex<usize>, Condvar)>,
    _name: Option<Arc<Named>>,
}

impl<const FAULT: u8> Permits for Semaphore<FAULT> {
    fn handles(setup: &Setup, permits: usize) -> io::Result<Vec<Self>> {
        let permits = if FAULT == NARROW { 1 } else { permits };
        let (count, name) = (Arc::new((Mutex::new(permits), Condvar::new())), named::<FAULT>()?);
        Ok((0..setup.parties).map(|_| Semaphore { count: Arc::clone(&count), _name: name.clone() }).collect())
    }

    fn with<R>(&mut self, inside: impl FnOnce() -> R) -> io::Result<R> {
        if FAULT == OPEN {
            return Ok(inside());
        }
        let (free, given_back) = &*self.count;
        *given_back.wait_while(free.lock().unwrap(), |free| *free == 0).unwrap() -= 1;
        let result = inside();
        *free.lock().unwrap() += 1;
        given_back.notify_one();
        Ok(result)
    }
}

#[test]
fn permits_that_break_a_clause_are_found_out() {
    assert_eq!(broken(super::permits::<Semaphore<NONE>>()), [""; 0]);
    let open = ["no_more_are_inside_than_there_are_permits", "a_permit_given_back_lets_a_waiter_in"];
    assert_eq!(broken(super::permits::<Semaphore<OPEN>>()), open);
    assert_eq!(broken(super::permits::<Semaphore<NARROW>>()), ["as_many_are_inside_as_there_are_permits"]);
    assert_eq!(broken(super::permits::<Semaphore<LEAVES_A_NAME>>()), ["no_permit_is_left_by_name"]);
}

/// Lets everybody pass from the second round on.
const ONE_ROUND: u8 = 4;

struct Meeting<const FAULT: u8> {
    barrier: Arc<StdBarrier>,
    rounds: u32,
    _name: Option<Arc<Named>>,
}

impl<const FAULT: u8> Barrier for Meeting<FAULT> {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let (barrier, name) = (Arc::new(StdBarrier::new(setup.parties)), named::<FAULT>()?);
        let handle = |_| Meeting { barrier: Arc::clone(&barrier), rounds: 0, _name: name.clone() };
        Ok((0..setup.parties).map(handle).collect())
    }

    fn arrive(&mut self) -> io::Result<()> {
        self.rounds += 1;
        if FAULT != OPEN && (FAULT != ONE_ROUND || self.rounds == 1) {
            self.barrier.wait();
        }
        Ok(())
    }
}

#[test]
fn barriers_that_break_a_clause_are_found_out() {
    assert_eq!(broken(super::barrier::<Meeting<NONE>>()), [""; 0]);
    let open = ["nobody_passes_before_all_have_arrived", "it_serves_round_after_round"];
    assert_eq!(broken(super::barrier::<Meeting<OPEN>>()), open);
    assert_eq!(broken(super::barrier::<Meeting<ONE_ROUND>>()), ["it_serves_round_after_round"]);
    assert_eq!(broken(super::barrier::<Meeting<LEAVES_A_NAME>>()), ["no_barrier_is_left_by_name"]);
}

/// Everybody takes the left fork first, and in no hurry: at the first meal all wait for each other.
const LEFT_FIRST: u8 = 5;

struct Seat<const FAULT: u8> {
    forks: Arc<Vec<Mutex<()>>>,
    place: usize,
}

impl<const FAULT: u8> Dinner for Seat<FAULT> {
    fn seats(setup: &Setup) -> io::Result<Vec<Self>> {
        let forks = Arc::new((0..setup.parties).map(|_| Mutex::new(())).collect());
        Ok((0..setup.parties).map(|place| Seat { forks: Arc::clone(&forks), place }).collect())
    }

    fn eat<R>(&mut self, meal: impl FnOnce() -> R) -> io::Result<R> {
        let (left, right) = (self.place, (self.place + 1) % self.forks.len());
        let (first, second) = match FAULT {
            OPEN => return Ok(meal()),
            NARROW => {
                let _table = self.forks[0].lock().unwrap();
                return Ok(meal());
            }
            LEFT_FIRST => (left, right),
            _ => (left.min(right), left.max(right)),
        };
        let _first = self.forks[first].lock().unwrap();
        if FAULT == LEFT_FIRST {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _second = self.forks[second].lock().unwrap();
        Ok(meal())
    }
}

#[test]
fn dinners_that_break_a_clause_are_found_out() {
    assert_eq!(broken(super::dinner::<Seat<NONE>>()), [""; 0]);
    assert_eq!(broken(super::dinner::<Seat<OPEN>>()), ["neighbours_never_eat_at_once"]);
    assert_eq!(broken(super::dinner::<Seat<NARROW>>()), ["those_who_share_no_fork_may_eat_at_once"]);
    let clauses = super::dinner::<Seat<LEFT_FIRST>>();
    let as_often = clauses.iter().find(|clause| clause.name == "everybody_eats_as_often_as_it_wants").unwrap();
    assert!(matches!((as_often.check)(&SETUP).unwrap(), Verdict::Broken(_)));
}

/// Makes a value for each who asks.
struct Made<const FAULT: u8> {
    cell: Arc<OnceLock<Whole>>,
    own: OnceLock<Whole>,
    make: fn() -> Whole,
}

impl<const FAULT: u8> Once for Made<FAULT> {
    fn handles(setup: &Setup, make: fn() -> Whole) -> io::Result<Vec<Self>> {
        let cell = Arc::default();
        Ok((0..setup.parties).map(|_| Made { cell: Arc::clone(&cell), own: OnceLock::new(), make }).collect())
    }

    fn get(&self) -> &Whole {
        match FAULT {
            NONE => self.cell.get_or_init(self.make),
            OPEN => self.own.get_or_init(self.make),
            _ => {
                let mut half = *self.cell.get_or_init(self.make);
                half.0[7] = 0;
                self.own.get_or_init(|| half)
            }
        }
    }
}

#[test]
fn values_made_once_that_break_a_clause_are_found_out() {
    assert_eq!(broken(super::once::<Made<NONE>>()), [""; 0]);
    assert_eq!(broken(super::once::<Made<OPEN>>()), ["it_is_made_once"]);
    assert_eq!(broken(super::once::<Made<NARROW>>()), ["everybody_sees_all_of_it"]);
}
