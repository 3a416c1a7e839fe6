//! The contract of [`Barrier`], clause by clause, as code that tries it on any implementation.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::Barrier;

/// The clauses of every barrier.
pub const fn barrier<B: Barrier>() -> &'static [Clause] {
    Table::<B>::CLAUSES
}

struct Table<B>(std::marker::PhantomData<B>);

impl<B: Barrier> Table<B> {
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "nobody_passes_before_all_have_arrived", check: |setup| not_before(ways::<B>, setup) },
        Clause { name: "it_serves_round_after_round", check: |setup| round_after_round(ways::<B>, setup) },
        Clause { name: "no_barrier_is_left_by_name", check: |setup| no_name_left(ways::<B>, setup) },
    ];
}

const MANY: usize = 4;
const ROUNDS: u64 = 100;
/// Long enough for parties that do not wait to be caught at it.
const UNDISTURBED: Duration = Duration::from_millis(20);

/// Settles a handle and says how to arrive by it; behind pointers, since nothing is timed here.
type Way = Box<dyn FnMut() -> io::Result<()> + Send>;
type Make = fn(&Setup) -> io::Result<Vec<Way>>;

fn ways<B: Barrier>(setup: &Setup) -> io::Result<Vec<Way>> {
    let way = |mut handle: B| {
        let mut is_settled = false;
        Box::new(move || {
            if !is_settled {
                handle.settle()?;
                is_settled = true;
            }
            handle.arrive()
        }) as Way
    };
    Ok(B::handles(setup)?.into_iter().map(way).collect())
}

/// So many rounds of many parties, one of which comes late by `delay`; none may see another that is behind, or two ahead.
fn rounds(make: Make, setup: &Setup, rounds: u64, delay: Duration) -> io::Result<Verdict> {
    let ways = make(&Setup { parties: MANY, ..*setup })?;
    if ways.len() != MANY {
        return broken("there is not one handle for each party");
    }
    let phases = [(); MANY].map(|()| AtomicU64::new(0));
    std::thread::scope(|scope| {
        let work = |(place, mut arrive): (usize, Way)| {
            let phases = &phases;
            scope.spawn(move || {
                let mut seen = None;
                for round in 1..=rounds {
                    if place as u64 == round % MANY as u64 {
                        ipcmark_harness::sys::sleep(delay);
                    }
                    // Relaxed: the barrier must order it.
                    phases[place].store(round, Ordering::Relaxed);
                    arrive()?;
                    let off = phases
                        .iter()
                        .map(|phase| phase.load(Ordering::Relaxed))
                        .find(|now| !(round..=round + 1).contains(now));
                    seen = seen
                        .or(off.map(|now| format!("round {round} was passed by one party while another was in {now}")));
                }
                Ok::<_, io::Error>((seen, arrive))
            })
        };
        let threads: Vec<_> = ways.into_iter().enumerate().map(work).collect();
        let mut verdict = Verdict::Kept;
        for thread in threads {
            let (seen, _way) = thread.join().map_err(|_| io::Error::other("a party panicked"))??;
            verdict = seen.map_or(verdict, Verdict::Broken);
        }
        Ok(verdict)
    })
}

fn not_before(make: Make, setup: &Setup) -> io::Result<Verdict> {
    rounds(make, setup, 1, UNDISTURBED)
}

fn round_after_round(make: Make, setup: &Setup) -> io::Result<Verdict> {
    rounds(make, setup, ROUNDS, Duration::from_micros(10))
}

fn no_name_left(make: Make, setup: &Setup) -> io::Result<Verdict> {
    let _ways = make(&Setup { parties: 2, ..*setup })?;
    super::no_name_is_left()
}
