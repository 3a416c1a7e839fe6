//! The contract of [`Dinner`], clause by clause, as code that tries it on any implementation.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::Dinner;
use crate::shapes::erased::{Handle, seats};

/// The clauses of every dinner.
pub const fn dinner<D: Dinner>() -> &'static [Clause] {
    Table::<D>::CLAUSES
}

struct Table<D>(std::marker::PhantomData<D>);

impl<D: Dinner> Table<D> {
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "neighbours_never_eat_at_once", check: |setup| never_at_once(seats::<D>, setup) },
        Clause {
            name: "those_who_share_no_fork_may_eat_at_once",
            check: |setup| match D::ONE_AT_A_TIME {
                Some(why) => Ok(Verdict::NotPromised(why)),
                None => at_once(seats::<D>, setup),
            },
        },
        Clause { name: "everybody_eats_as_often_as_it_wants", check: |setup| as_often(seats::<D>, setup) },
    ];
}

const MANY: usize = 5;
const MEALS: u64 = 300;
/// Who does not eat by then is kept from it.
const PATIENCE: Duration = Duration::from_secs(5);

type Make = fn(&Setup) -> io::Result<Vec<Box<dyn Handle>>>;

/// Lets those at these places of a table of five eat so often, and calls `meal` with the place each time; the first verdict
/// that is not `Kept` counts.
fn dine(
    make: Make,
    setup: &Setup,
    places: &[usize],
    meals: u64,
    meal: impl Fn(usize) -> Option<String> + Sync,
) -> io::Result<Verdict> {
    let seats = make(&Setup { parties: MANY, ..*setup })?;
    if seats.len() != MANY {
        return broken("there is not one place for each party");
    }
    std::thread::scope(|scope| {
        let eat = |(place, mut seat): (usize, Box<dyn Handle>)| {
            let meal = &meal;
            scope.spawn(move || {
                seat.settle()?;
                let mut seen = None;
                for _ in 0..meals {
                    seat.hold(&mut || seen = seen.take().or(meal(place)))?;
                }
                Ok::<_, io::Error>(seen)
            })
        };
        let here = seats.into_iter().enumerate().filter(|(place, _)| places.contains(place));
        let threads: Vec<_> = here.map(eat).collect();
        let mut verdict = Verdict::Kept;
        for thread in threads {
            let seen = thread.join().map_err(|_| io::Error::other("a party panicked"))??;
            verdict = seen.map_or(verdict, Verdict::Broken);
        }
        Ok(verdict)
    })
}

fn never_at_once(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let hands = [(); MANY].map(|()| AtomicU64::new(0));
    dine(make, setup, &[0, 1, 2, 3, 4], MEALS, |place| {
        let forks = [&hands[place], &hands[(place + 1) % MANY]];
        // Relaxed: it is the dinner that must keep the neighbours out.
        let others: u64 = forks.iter().map(|fork| fork.fetch_add(1, Ordering::Relaxed)).sum();
        std::thread::yield_now();
        for fork in forks {
            fork.fetch_sub(1, Ordering::Relaxed);
        }
        (others > 0).then(|| format!("a fork of place {place} was in {} hands", others + 1))
    })
}

fn at_once(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let eating = AtomicU64::new(0);
    dine(make, setup, &[0, 2], 1, |_| {
        eating.fetch_add(1, Ordering::Relaxed);
        let deadline = Instant::now() + PATIENCE;
        while eating.load(Ordering::Relaxed) < 2 && Instant::now() < deadline {
            std::thread::yield_now();
        }
        (eating.load(Ordering::Relaxed) < 2)
            .then(|| "one kept the other from eating, who shares no fork with it".into())
    })
}

/// In threads of their own: those who wait for each other for ever are left alone.
fn as_often(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let (eaten, eating) = mpsc::channel();
    for mut seat in make(&Setup { parties: MANY, ..*setup })? {
        let eaten = eaten.clone();
        std::thread::spawn(move || {
            seat.settle()?;
            for _ in 0..MEALS {
                seat.hold(&mut || {
                    // Nobody listens once the time is over.
                    let _ = eaten.send(());
                })?;
            }
            Ok::<_, io::Error>(())
        });
    }
    drop(eaten);
    let deadline = Instant::now() + PATIENCE;
    let all = MEALS * MANY as u64;
    let meals = |_| eating.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok();
    match (0..all).take_while(|&meal| meals(meal)).count() as u64 {
        some if some < all => broken(format!("of {all} meals {some} were eaten within {PATIENCE:?}")),
        _ => Ok(Verdict::Kept),
    }
}
