//! The contract of [`TokenRing`], clause by clause, as code that tries it on any implementation.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::TokenRing;

/// The clauses of every token ring.
pub const fn token_ring<R: TokenRing>() -> &'static [Clause] {
    Table::<R>::CLAUSES
}

struct Table<R>(std::marker::PhantomData<R>);

impl<R: TokenRing> Table<R> {
    const CLAUSES: &'static [Clause] = &[
        Clause {
            name: "take_returns_only_after_the_previous_place_has_passed",
            check: |setup| laps(places::<R>, setup, 2, UNDISTURBED),
        },
        Clause { name: "a_token_passed_early_is_not_lost", check: |setup| passed_early(places::<R>, setup) },
        Clause { name: "the_token_goes_round_in_order", check: |setup| laps(places::<R>, setup, LAPS, Duration::ZERO) },
        Clause { name: "a_hop_can_be_made_alone", check: |setup| alone(places::<R>, setup) },
        Clause { name: "no_ring_is_left_by_name", check: |setup| no_name_left(places::<R>, setup) },
    ];
}

/// Two would not show who is next.
const MANY: usize = 3;
const LAPS: u64 = 200;
/// Long enough for a party that does not wait to be caught at it.
const UNDISTURBED: Duration = Duration::from_millis(20);

/// A place of any ring: nothing is timed here.
trait Place: Send {
    fn settle(&mut self) -> io::Result<()>;
    fn pass(&mut self) -> io::Result<()>;
    fn take(&mut self) -> io::Result<()>;
    fn alone(&mut self) -> io::Result<()>;
}

impl<R: TokenRing> Place for R {
    fn settle(&mut self) -> io::Result<()> {
        TokenRing::settle(self)
    }

    fn pass(&mut self) -> io::Result<()> {
        TokenRing::pass(self)
    }

    fn take(&mut self) -> io::Result<()> {
        TokenRing::take(self)
    }

    fn alone(&mut self) -> io::Result<()> {
        TokenRing::alone(self)
    }
}

type Make = fn(&Setup) -> io::Result<Vec<Box<dyn Place>>>;

fn places<R: TokenRing>(setup: &Setup) -> io::Result<Vec<Box<dyn Place>>> {
    Ok(R::places(setup)?.into_iter().map(|place| Box::new(place) as _).collect())
}

/// So many laps, each place in a thread, the first here; whoever has the token keeps it for `delay` and counts its hops.
fn laps(make: Make, setup: &Setup, laps: u64, delay: Duration) -> io::Result<Verdict> {
    let places = make(&Setup { parties: MANY, ..*setup })?;
    if places.len() != MANY {
        return broken("there is not one place for each party");
    }
    let hops = AtomicU64::new(0);
    let has_it = |expected: u64| {
        ipcmark_harness::sys::sleep(delay);
        // Relaxed: the ring must order it.
        let found = hops.load(Ordering::Relaxed);
        hops.store(expected + 1, Ordering::Relaxed);
        (found != expected).then(|| format!("the token came to a place after {found} hops, not {expected}"))
    };
    std::thread::scope(|scope| {
        let party = |(number, mut place): (usize, Box<dyn Place>)| {
            let has_it = &has_it;
            scope.spawn(move || {
                place.settle()?;
                let mut seen = None;
                for lap in 0..laps {
                    // The first place has it to begin with.
                    if number > 0 || lap > 0 {
                        place.take()?;
                    }
                    seen = seen.or(has_it(lap * MANY as u64 + number as u64));
                    place.pass()?;
                }
                if number == 0 {
                    place.take()?;
                }
                Ok::<_, io::Error>((seen, place))
            })
        };
        let threads: Vec<_> = places.into_iter().enumerate().map(party).collect();
        let mut verdict = Verdict::Kept;
        for thread in threads {
            let (seen, _place) = thread.join().map_err(|_| io::Error::other("a party panicked"))??;
            verdict = seen.map_or(verdict, Verdict::Broken);
        }
        Ok(verdict)
    })
}

/// One thread passes for both places in turn: nobody ever waits.
fn passed_early(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let mut places = make(&Setup { parties: 2, ..*setup })?;
    places.iter_mut().try_for_each(|place| place.settle())?;
    let [first, second] = &mut places[..] else { return broken("there is not one place for each party") };
    for _ in 0..LAPS {
        first.pass()?;
        second.take()?;
        second.pass()?;
        first.take()?;
    }
    Ok(Verdict::Kept)
}

fn alone(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let mut places = make(&Setup { parties: 1, ..*setup })?;
    let [place] = &mut places[..] else { return broken("there is not one place for one party") };
    place.settle()?;
    (0..LAPS).try_for_each(|_| place.alone())?;
    Ok(Verdict::Kept)
}

fn no_name_left(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let mut places = make(&Setup { parties: 2, ..*setup })?;
    places.iter_mut().try_for_each(|place| place.settle())?;
    super::no_name_is_left()
}
