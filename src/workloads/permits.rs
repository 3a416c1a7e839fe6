//! `permits`: parties take one of a few permits, work inside, and give it back.
//!
//! Where checked, each counts itself in and out: never may there be more inside than permits. The timed loop leaves the count
//! out, since every party would write it.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::session::Session;
use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::contended::CROWD;
use super::crowd::{self, Check, Crowd, PARTIES, Part, Tempo, Watch, Work};
use crate::mechanism::{Axes, Point, Rank, Setup, Stage, Support, Waiting, Workload};
use crate::shapes::Permits;

pub(super) const fn workload<P: Permits>() -> Workload {
    Workload {
        name: "permits",
        summary: "all parties want in over and over, some at once; time by the visits of all of them, and how long each waited",
        waitings: &[Waiting::Own],
        times_each: true,
        windows_of: Some(crowd::window_of),
        carries_payload: false,
        rank: Rank::Common,
        axes: Axes {
            payload_bytes: super::NO_PAYLOAD,
            parties: PARTIES,
            permits: &[Point(1, Rank::Headline), Point(2, Rank::Headline), Point(4, Rank::Headline)],
            hold_ns: &[Point(0, Rank::Rare), Point(1000, Rank::Headline), Point(100_000, Rank::Rare)],
            outside_ns: &[Point(0, Rank::Headline), Point(1000, Rank::Rare)],
            ..CROWD
        },
        supports: supports::<P>,
        open: Visitor::<P>::open,
    }
}

fn supports<P: Permits>(setup: &Setup) -> Support {
    crowd::admits(setup).and(|| P::supports(setup))
}

#[repr(C, align(128))]
struct Inside(AtomicU64);

#[allow(unsafe_code)]
// SAFETY: an atomic integer, valid when zero, and no address.
unsafe impl Shareable for Inside {}

struct Visitor<P> {
    semaphore: P,
    permits: u64,
    hold: Work,
    outside: Work,
    inside: Shared<Inside>,
}

impl<P: Permits> Visitor<P> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let setup = stage.setup;
        let permits = setup.permits.unwrap_or(1);
        let tempo = Tempo::take(&clock);
        let (hold, outside) = (tempo.work(setup.hold_ns.unwrap_or(0)), tempo.work(setup.outside_ns.unwrap_or(0)));
        let inside = Shared::<Inside>::zeroed()?;
        let theirs = inside.clone();
        let maker = move |mut semaphore: P| {
            let inside = theirs.clone();
            move || {
                semaphore.settle()?;
                Ok(Visitor { semaphore, permits: permits as u64, hold, outside, inside })
            }
        };
        let mut handles = P::handles(&Setup { parties: setup.parties + 1, ..setup }, permits)?;
        // What the kernel keeps by a key goes with the last handle of the process that made it.
        let kept = handles.pop();
        let makers = handles.into_iter().map(maker).collect();
        let check: Check = Box::new(move |_, _| {
            let _ = &kept;
            match inside.0.load(Ordering::Relaxed) {
                0 => Ok(()),
                left => Err(Mismatch::error(format!("{left} are inside although all have left"))),
            }
        });
        Crowd::open(stage, clock, makers, check)
    }
}

impl<P: Permits> Part for Visitor<P> {
    #[inline(always)]
    fn act<W: Watch>(&mut self, watch: &mut W) -> io::Result<()> {
        let hold = self.hold;
        watch.waits();
        self.semaphore.with(|| {
            watch.got();
            hold.run();
        })?;
        watch.keep();
        self.outside.run();
        Ok(())
    }

    fn act_checked(&mut self) -> io::Result<()> {
        let (inside, permits) = (&self.inside.0, self.permits);
        let seen = self.semaphore.with(|| {
            // Relaxed: it is the semaphore that must keep the others out.
            let seen = inside.fetch_add(1, Ordering::Relaxed) + 1;
            std::thread::yield_now();
            inside.fetch_sub(1, Ordering::Relaxed);
            seen
        })?;
        if seen <= permits {
            return Ok(());
        }
        Err(Mismatch::error(format!("{seen} were inside at once; there are {permits} permits")))
    }
}
