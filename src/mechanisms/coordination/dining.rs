//! Philosophers who eat with `parking_lot` mutexes for forks, under each cure for the deadlock of taking the left one first.
//!
//! Each takes away one of the four conditions (Coffman et al., ACM Computing Surveys 3(2), 1971): an order among the forks the
//! circular wait; a time limit or a try, after which what is held is put down, the holding while waiting; one lock for the
//! table the several resources. Detection takes away none: parking_lot names the threads that wait for each other, for a
//! program to end them. Here it watches parties that keep the order, so that what it shows is its price.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::parking_lot::Mutex;

use super::super::not_built;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Dinner};

pub(super) static ORDERED: Mechanism = Mechanism {
    name: "dining-ordered",
    summary: "each takes the fork of the lower number first",
    family: Family::Coordination,
    reach: Reach::Threads,
    references: &["Dijkstra, Hierarchical Ordering of Sequential Processes, EWD 310, 1971", "crate parking_lot"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::dinner::<Ordered>()],
};

pub(super) static TIMED: Mechanism = Mechanism {
    name: "dining-timed",
    summary: "each waits 100 us at most for its second fork (try_lock_for), then puts the first down for a random while",
    shapes: &[shapes::dinner::<Timed>()],
    ..ORDERED
};

pub(super) static POLITE: Mechanism = Mechanism {
    name: "dining-try",
    summary: "each tries its second fork (try_lock); in vain, it puts the first down, and waits for the other one first",
    references: &["Hinnant, Dining Philosophers Rebooted, 2013", "crate parking_lot"],
    shapes: &[shapes::dinner::<Polite>()],
    ..ORDERED
};

pub(super) static ONE_LOCK: Mechanism = Mechanism {
    name: "dining-one-lock",
    summary: "one lock for the whole table",
    shapes: &[shapes::dinner::<OneLock>()],
    ..ORDERED
};

pub(super) static DETECTED: Mechanism = Mechanism {
    name: "dining-detected",
    summary: "as dining-ordered, while parking_lot keeps account of who holds and who waits, and looks for circles",
    support: || match not_built::unless(cfg!(feature = "deadlock-detection"), "deadlock-detection") {
        Support::Missing(how) => Support::Missing(format!(
            "{how}; parking_lot's detection makes every lock of the crate slower, so all its other numbers are of no use then"
        )),
        available => available,
    },
    shapes: &[shapes::dinner::<Detected>()],
    ..ORDERED
};

/// How long a fork is waited for: some times as long as the longest meal that is not interrupted.
const PATIENCE: Duration = Duration::from_micros(100);

/// On lines of its own.
#[repr(align(128))]
#[derive(Default)]
struct Fork(Mutex<()>);

/// A party's place: the table, and which of its forks lie left and right.
struct Place {
    forks: Arc<[Fork]>,
    left: usize,
    right: usize,
}

fn places(setup: &Setup) -> impl Iterator<Item = Place> + use<> {
    let count = setup.parties;
    let forks: Arc<[Fork]> = (0..count).map(|_| Fork::default()).collect();
    (0..count).map(move |left| Place { forks: Arc::clone(&forks), left, right: (left + 1) % count })
}

struct Ordered {
    forks: Arc<[Fork]>,
    first: usize,
    second: usize,
}

impl From<Place> for Ordered {
    fn from(Place { forks, left, right }: Place) -> Ordered {
        Ordered { forks, first: left.min(right), second: left.max(right) }
    }
}

impl Dinner for Ordered {
    fn seats(setup: &Setup) -> io::Result<Vec<Self>> {
        Ok(places(setup).map(Ordered::from).collect())
    }

    #[inline(always)]
    fn eat<R>(&mut self, meal: impl FnOnce() -> R) -> io::Result<R> {
        let _first = self.forks[self.first].0.lock();
        let _second = self.forks[self.second].0.lock();
        Ok(meal())
    }
}

struct Timed {
    place: Place,
    random: fastrand::Rng,
}

impl Dinner for Timed {
    fn seats(setup: &Setup) -> io::Result<Vec<Self>> {
        Ok(places(setup).map(|place| Timed { random: fastrand::Rng::with_seed(place.left as u64), place }).collect())
    }

    #[inline(always)]
    fn eat<R>(&mut self, meal: impl FnOnce() -> R) -> io::Result<R> {
        let Place { forks, left, right } = &self.place;
        loop {
            let first = forks[*left].0.lock();
            if let Some(_second) = forks[*right].0.try_lock_for(PATIENCE) {
                return Ok(meal());
            }
            drop(first);
            // Of random length: else all would take their first fork again at the same time.
            ipcmark_harness::sys::sleep(PATIENCE.mul_f64(self.random.f64()));
        }
    }
}

struct Polite(Place);

impl Dinner for Polite {
    fn seats(setup: &Setup) -> io::Result<Vec<Self>> {
        Ok(places(setup).map(Polite).collect())
    }

    #[inline(always)]
    fn eat<R>(&mut self, meal: impl FnOnce() -> R) -> io::Result<R> {
        let Place { forks, left, right } = &self.0;
        let (mut first, mut second) = (&forks[*left].0, &forks[*right].0);
        loop {
            let held = first.lock();
            if let Some(_second) = second.try_lock() {
                return Ok(meal());
            }
            drop(held);
            std::thread::yield_now();
            std::mem::swap(&mut first, &mut second);
        }
    }
}

struct OneLock(Arc<Fork>);

impl Dinner for OneLock {
    const ONE_AT_A_TIME: Option<&'static str> = Some("there is one lock for the whole table");

    fn seats(setup: &Setup) -> io::Result<Vec<Self>> {
        let table = Arc::default();
        Ok((0..setup.parties).map(|_| OneLock(Arc::clone(&table))).collect())
    }

    #[inline(always)]
    fn eat<R>(&mut self, meal: impl FnOnce() -> R) -> io::Result<R> {
        let _table = self.0.0.lock();
        Ok(meal())
    }
}

struct Detected(Ordered);

impl Dinner for Detected {
    fn seats(setup: &Setup) -> io::Result<Vec<Self>> {
        #[cfg(feature = "deadlock-detection")]
        look_for_circles()?;
        Ok(places(setup).map(|place| Detected(place.into())).collect())
    }

    #[inline(always)]
    fn eat<R>(&mut self, meal: impl FnOnce() -> R) -> io::Result<R> {
        self.0.eat(meal)
    }
}

/// Looks ten times a second, in a thread that lives as long as the process; a circle ends the process.
#[cfg(feature = "deadlock-detection")]
fn look_for_circles() -> io::Result<()> {
    let look = || {
        loop {
            ipcmark_harness::sys::sleep(Duration::from_millis(100));
            if !::parking_lot::deadlock::check_deadlock().is_empty() {
                std::process::abort();
            }
        }
    };
    std::thread::Builder::new().name("circles".into()).spawn(look).map(drop)
}
