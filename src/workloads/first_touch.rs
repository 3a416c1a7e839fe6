//! `first-touch`: a word written to each page of new memory; one operation is one page.
//!
//! Memory is mapped, each page is touched, each is touched again, and the memory is given back, over and over. Only the first
//! touches are the figure. Facts tell the others: `later_touch_ns_per_page`, and `mapping_ns_per_page`, which is where memory
//! that comes populated pays. The kernel counts the faults: a touch that was none, or two, fails the cell.

use std::collections::BTreeMap;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::parties::{Extent, Parties, Span};
use ipcmark_harness::session::{Sample, Session, Verified};

use super::ALONE;
use super::pace::until;
use crate::mechanism::{Axes, Point, Rank, Stage, Waiting, Workload};
use crate::shapes::{Region, as_many_faults, faults_of, touch};

pub(super) const fn workload<R: Region>() -> Workload {
    Workload {
        name: "first-touch",
        summary: "a word written to a page of new memory that nobody has touched; one operation is one page",
        waitings: &[Waiting::Own],
        times_each: false,
        windows_of: None,
        carries_payload: false,
        rank: Rank::Common,
        axes: Axes { memory_bytes: &[Point(16 << 20, Rank::Headline), Point(256 << 20, Rank::Rare)], ..ALONE },
        supports: R::supports,
        open: FirstTouch::<R>::open,
    }
}

struct FirstTouch<R> {
    size: Size,
    parties: Parties,
    region: PhantomData<R>,
}

/// Of one mapping.
#[derive(Copy, Clone)]
struct Size {
    page_bytes: usize,
    pages: usize,
}

/// What was seen of some mappings.
#[derive(Default)]
struct Seen {
    pages: u64,
    faults: u64,
    mapping_ns: f64,
    first_ns: f64,
    later_ns: f64,
}

impl Seen {
    /// Maps so many pages, and touches each twice.
    fn touch_new<R: Region>(&mut self, clock: &Clock, size: Size) -> io::Result<()> {
        let start = clock.start();
        let region = R::map(size.pages * size.page_bytes)?;
        self.mapping_ns += clock.ns_between(start, clock.end());
        let touch_all = || {
            let start = clock.start();
            touch(region.words(), size.page_bytes, size.pages);
            clock.ns_between(start, clock.end())
        };
        self.faults += faults_of(|| self.first_ns += touch_all());
        self.later_ns += touch_all();
        self.pages += size.pages as u64;
        Ok(())
    }

    fn facts(&self, size: Size) -> BTreeMap<String, f64> {
        let pages = self.pages as f64;
        let facts = [
            ("later_touch_ns_per_page", self.later_ns / pages),
            ("mapping_ns_per_page", self.mapping_ns / pages),
            ("faults_per_page", self.faults as f64 / pages),
            ("page_bytes", size.page_bytes as f64),
        ];
        facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl<R: Region> FirstTouch<R> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let parties = Parties::new(clock, &stage.near_cpus)?;
        let page_bytes = R::page_bytes()?;
        let pages = stage.setup.memory_bytes.unwrap_or(page_bytes).div_ceil(page_bytes);
        Ok(Box::new(FirstTouch::<R> { size: Size { page_bytes, pages }, parties, region: PhantomData }))
    }

    /// Whole mappings: until so many pages were touched, or as many as fit, and one at least.
    fn touch_new(&mut self, extent: Extent, duration: Duration) -> io::Result<Sample> {
        let (size, mut seen) = (self.size, Seen::default());
        let mut sample = self.parties.run(extent, false, |clock, _| {
            let start = clock.start();
            let ticks = clock.ticks(duration);
            loop {
                seen.touch_new::<R>(clock, size)?;
                let end = clock.end();
                let over = match extent {
                    Extent::Count(count) => seen.pages >= count,
                    Extent::Open => end - start >= ticks,
                };
                if over {
                    return Ok(Span { start, end, ends_at_far: false, operations: seen.pages });
                }
            }
        })?;
        as_many_faults::<R>(seen.faults, seen.pages).map_err(Mismatch::error)?;
        // Without what lies between the touches.
        sample.elapsed_ns = seen.first_ns;
        sample.facts = seen.facts(size);
        Ok(sample)
    }
}

impl<R: Region> Session for FirstTouch<R> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        self.touch_new(Extent::Count(iterations.max(1)), Duration::MAX)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.touch_new(Extent::Open, duration)
    }

    /// That what is touched is new: zero on every page, and kept as it is written.
    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let Size { page_bytes, pages } = self.size;
        let operations = until(iterations, duration, |left| {
            let touched = pages.min(usize::try_from(left).unwrap_or(usize::MAX));
            let region = R::map(pages * page_bytes)?;
            let firsts = || region.words().iter().step_by(page_bytes / size_of::<u64>()).take(touched);
            for (number, word) in (1..).zip(firsts()) {
                let found = word.swap(number, Ordering::Relaxed);
                if found != 0 {
                    return Err(Mismatch::error(format!("{found} was found on a new page")));
                }
            }
            if let Some((number, word)) = (1..).zip(firsts()).find(|(n, word)| word.load(Ordering::Relaxed) != *n) {
                let found = word.load(Ordering::Relaxed);
                return Err(Mismatch::error(format!("{number} was written to a page and {found} was read")));
            }
            Ok(touched as u64)
        })?;
        Ok(Verified { operations, bytes: operations * size_of::<u64>() as u64 })
    }
}

#[cfg(test)]
mod tests {
    use ipcmark_harness::parties::PeerKind;
    use ipcmark_harness::placement::Placement;

    use super::*;
    use crate::contract::region_tests::{Faulty, STALE, TOUCHED};
    use crate::mechanism::Setup;

    fn session<R: Region>() -> Box<dyn Session> {
        let setup =
            Setup { memory_bytes: Some(1 << 20), ..Setup::new(PeerKind::Thread, Placement::SameCpu, Waiting::Own, 0) };
        let stage = Stage { setup, near_cpus: Vec::new(), far_cpus: Vec::new() };
        FirstTouch::<R>::open(&stage, Clock::vdso()).unwrap()
    }

    #[test]
    fn pages_are_counted_and_timed_over_several_mappings() {
        let mut session = session::<Faulty<0>>();
        let sample = session.batch(1000).unwrap();
        assert_eq!(sample.operations, 1024);
        assert!((0.98..1.05).contains(&sample.facts["faults_per_page"]), "{sample:?}");
        assert!(sample.elapsed_ns < sample.wall_ns && sample.facts["later_touch_ns_per_page"] > 0.0, "{sample:?}");
        assert!(session.window(Duration::from_millis(1)).unwrap().operations >= 256);
        assert_eq!(session.verify(300, Duration::from_secs(5)).unwrap().operations, 300);
    }

    #[test]
    fn pages_that_do_not_fault_fail_a_timed_batch() {
        let error = session::<Faulty<TOUCHED>>().batch(1000).unwrap_err();
        assert!(error.get_ref().is_some_and(|inner| inner.is::<Mismatch>()), "{error}");
        assert!(error.to_string().contains("1024 pages were touched for the first time"), "{error}");
    }

    #[test]
    fn pages_that_are_not_new_fail_verification() {
        let error = session::<Faulty<STALE>>().verify(10, Duration::from_secs(5)).unwrap_err().to_string();
        assert!(error.contains("was found on a new page"), "{error}");
    }
}
