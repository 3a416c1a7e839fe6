//! `priority`: how long a party of high priority waits for a lock that one of low priority holds, while one of middle priority
//! has nothing to do with the lock and wants the CPU: priority inversion.
//!
//! All three are real-time threads (SCHED_FIFO) on one CPU. An operation is one episode:
//! 1. The holder takes the lock and wakes the waiter, which is the near end and runs at once.
//! 2. The waiter wakes the hog and wants the lock. The holder would go on; but the hog comes first, and polls the clock for 5 ms.
//! 3. With priority inheritance the holder runs before the hog instead, as long as the waiter waits for it.
//!
//! What counts is the waiter's wait. After each episode all sleep as long as the hog ran: real-time threads that leave nothing
//! to others for 0.95 s of a second are stopped (`kernel.sched_rt_runtime_us`), which would show as a wait. A party that never
//! sleeps, whom no watchdog of ordinary priority could end on its CPU, is ended by the kernel (RLIMIT_RTTIME).

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::placement::Placement;
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::sys::memory::Shared;
use ipcmark_harness::sys::scheduling;

use super::crowd::{Tempo, Work};
use super::guarded::Guarded;
use super::pace::Pace;
use crate::mechanism::{Axes, Point, Rank, Setup, Stage, Support, Waiting, Workload};
use crate::shapes::Lock;
use crate::turn::Turns;

pub(super) const fn workload<L: Lock>() -> Workload {
    Workload {
        name: "priority",
        summary: "the wait of a high-priority party for a low-priority holder while a middle one hogs their CPU for 5 ms",
        waitings: &[Waiting::Own],
        times_each: true,
        windows_of: None,
        carries_payload: false,
        rank: Rank::Common,
        axes: Axes {
            payload_bytes: super::NO_PAYLOAD,
            parties: &[Point(3, Rank::Headline)],
            hold_ns: &[Point(100_000, Rank::Headline)],
            placements: &[Placement::SameCpu],
            ..Axes::PAIR
        },
        supports: supports::<L>,
        open: Waiter::<L>::open,
    }
}

const LOW: u32 = 1;
const MIDDLE: u32 = 2;
const HIGH: u32 = 3;
/// How long the hog polls, and how long all rest after it.
const HOGGED: Duration = Duration::from_millis(5);
/// Many times what any party works without sleeping.
const UNBROKEN: Duration = Duration::from_millis(500);

/// Tries it in a thread that ends with the answer.
fn supports<L: Lock>(setup: &Setup) -> Support {
    let tried = std::thread::Builder::new().spawn(|| scheduling::run_first_in_first_out(HIGH));
    let tried = tried.and_then(|thread| thread.join().map_err(|_| io::Error::other("it panicked"))?);
    Support::from(tried).and(|| L::supports(setup))
}

/// The near end.
struct Waiter<L> {
    lock: L,
    data: Shared<Guarded>,
    parties: Parties,
    /// To the holder; from it; to the hog; from it.
    hold: Turns,
    held: Turns,
    hog: Turns,
    hogged: Turns,
}

struct Holder<L> {
    lock: L,
    data: Shared<Guarded>,
    hold: Turns,
    held: Turns,
    work: Work,
}

struct Hog {
    hog: Turns,
    hogged: Turns,
    clock: Clock,
}

impl<L: Lock> Waiter<L> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let setup = stage.setup;
        scheduling::limit_unbroken_time(UNBROKEN)?;
        let mut parties = Parties::new(clock, &stage.near_cpus)?;
        let work = Tempo::take(&clock).work(setup.hold_ns.unwrap_or(0));
        let data = Guarded::new()?;
        let turns = || Turns::new(Waiting::Block);
        let ((hold, to_hold), (is_held, held)) = (turns()?, turns()?);
        let ((hog, to_hog), (has_hogged, hogged)) = (turns()?, turns()?);
        let mut handles = L::handles(&Setup { parties: 2, ..setup })?.into_iter();
        let (Some(lock), Some(mut theirs)) = (handles.next(), handles.next()) else {
            return Err(io::Error::other("a lock came with too few handles"));
        };
        let shared = data.clone();
        let holder = move || {
            theirs.settle()?;
            scheduling::run_first_in_first_out(LOW)?;
            Ok(Holder { lock: theirs, data: shared, hold: to_hold, held: is_held, work })
        };
        let mut lock = parties.start(setup.peer, stage.cpus_of_peer(0), lock, holder)?;
        let hogger = move || {
            scheduling::run_first_in_first_out(MIDDLE)?;
            Ok(Hog { hog: to_hog, hogged: has_hogged, clock })
        };
        parties.start(setup.peer, stage.cpus_of_peer(1), (), hogger)?;
        lock.settle()?;
        // Last: those that are started inherit it, and would have to be started by somebody who leaves them the CPU.
        scheduling::run_first_in_first_out(HIGH)?;
        Ok(Box::new(Waiter { lock, data, parties, hold, held, hog, hogged }))
    }

    /// So many episodes, or as many as fit; `waited` is told of each wait in nanoseconds.
    fn episodes(&mut self, extent: Extent, duration: Duration, mut waited: impl FnMut(f64)) -> io::Result<Sample> {
        let Waiter { lock, data, parties, hold, held, hog, hogged } = self;
        let mut sum_ns = 0.0;
        let mut sample = parties.run(extent, false, |clock, limit| {
            let start = clock.start();
            let mut over = Pace::over(duration);
            let mut done = 0;
            loop {
                let last = match extent {
                    Extent::Count(count) => done + 1 >= count,
                    Extent::Open => over(clock, done),
                };
                if last {
                    // Before the turns that the others wait for: they look at it after those.
                    limit.store(done + 1, Ordering::Relaxed);
                }
                hold.give();
                held.take();
                hog.give();
                let wanted = clock.start();
                let got = lock.with(|| {
                    let got = clock.end();
                    data.change(1);
                    got
                })?;
                let wait_ns = clock.ns_between(wanted, got);
                sum_ns += wait_ns;
                waited(wait_ns);
                hogged.take();
                ipcmark_harness::sys::sleep(HOGGED);
                done += 1;
                if last {
                    return Ok(Span { start, end: clock.end(), ends_at_far: false, operations: done });
                }
            }
        })?;
        // Holder and waiter change the data once each.
        self.data.agrees(2 * sample.operations, 1, false)?;
        // The waits, without what lies between them.
        sample.elapsed_ns = sum_ns;
        Ok(sample)
    }
}

impl<L: Lock> Far for Holder<L> {
    fn serve(&mut self, limit: &AtomicU64, _: bool) -> io::Result<u64> {
        let Holder { lock, data, hold, held, work } = self;
        let mut served = 0;
        // Relaxed: it is moved before the last turn is given.
        while served < limit.load(Ordering::Relaxed) {
            hold.take();
            lock.with(|| {
                held.give();
                work.run();
                data.change(1);
            })?;
            served += 1;
        }
        Ok(served)
    }
}

impl Far for Hog {
    fn serve(&mut self, limit: &AtomicU64, _: bool) -> io::Result<u64> {
        let ticks = self.clock.ticks(HOGGED);
        let mut served = 0;
        // Relaxed: as above.
        while served < limit.load(Ordering::Relaxed) {
            self.hog.take();
            let begin = self.clock.start();
            while self.clock.start() - begin < ticks {
                std::hint::spin_loop();
            }
            self.hogged.give();
            served += 1;
        }
        Ok(served)
    }
}

impl<L: Lock> Session for Waiter<L> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        self.episodes(Extent::Count(iterations.max(1)), Duration::MAX, |_| {})
    }

    fn offers_each(&self) -> bool {
        true
    }

    fn each(&mut self, iterations: u64, latencies: &mut Histogram) -> io::Result<Sample> {
        self.episodes(Extent::Count(iterations.max(1)), Duration::MAX, |ns| latencies.record(ns as u64))
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.episodes(Extent::Open, duration, |_| {})
    }

    /// That no change under the lock is lost, as in each order.
    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let fitting = (duration.as_secs_f64() / (3.0 * HOGGED.as_secs_f64())) as u64;
        let sample = self.batch(iterations.min(fitting).max(1))?;
        Ok(Verified { operations: sample.operations, bytes: 0 })
    }
}
