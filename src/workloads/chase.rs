//! `chase`: a load whose address is what the load before it has read, from one page to the next and round again.
//!
//! 1. The memory is divided into nodes, `stride_bytes` apart. Where that is more than a cache line, each node lies a line further
//!    into its stride than the one before: in the same place of every page, all would share the same few sets of the caches, and
//!    the misses would be theirs and not the TLB's.
//! 2. The nodes are linked in a random order that is one cycle, so that no prefetcher knows the next one.
//! 3. Each node knows its rank in the cycle: after any number of loads the rank of the node that was reached tells whether all
//!    of them were made.
//!
//! What page tables cost is the difference between kinds of pages at one size: the cache lines are the same.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::parties::{Extent, Parties, Span};
use ipcmark_harness::session::{Sample, Session, Verified};

use super::ALONE;
use super::pace::{Pace, until};
use crate::mechanism::{Axes, Point, Rank, Setup, Stage, Support, Waiting, Workload};
use crate::shapes::{Region, as_many_faults, faults_of, touch};

pub(super) const fn workload<R: Region>(standing: Rank) -> Workload {
    Workload {
        name: "chase",
        summary: "a load whose address the load before it has read, at random from node to node of the memory",
        waitings: &[Waiting::Own],
        times_each: false,
        windows_of: None,
        carries_payload: false,
        rank: Rank::Headline,
        axes: Axes {
            memory_bytes: match standing {
                Rank::Headline => &SIZES,
                _ => &ALL_ALIKE,
            },
            stride_bytes: &[Point(LINE, Rank::Common), Point(4096, Rank::Headline)],
            ..ALONE
        },
        supports: supports::<R>,
        open: Chase::<R>::open,
    }
}

/// From one page to more than any TLB and most caches reach.
const SIZES: [Point<usize>; 7] = [
    Point(4 << 10, Rank::Common),
    Point(64 << 10, Rank::Common),
    Point(1 << 20, Rank::Common),
    Point(16 << 20, Rank::Common),
    Point(64 << 20, Rank::Headline),
    Point(256 << 20, Rank::Common),
    Point(1 << 30, Rank::Common),
];
const ALL_ALIKE: [Point<usize>; 7] = {
    let mut sizes = SIZES;
    sizes[4].1 = Rank::Common;
    sizes
};

/// A cache line, on nearly every machine.
const LINE: usize = 64;
const WORD: usize = size_of::<AtomicU64>();

fn supports<R: Region>(setup: &Setup) -> Support {
    let stride = setup.stride_bytes.unwrap_or(LINE);
    if !stride.is_multiple_of(LINE) || stride == 0 || setup.memory_bytes.is_some_and(|memory| memory < stride) {
        return Support::Missing(format!("nodes of {LINE} bytes cannot lie {stride} bytes apart in this memory"));
    }
    R::supports(setup)
}

struct Chase<R> {
    region: R,
    nodes: Nodes,
    /// The word that was reached, and how many loads ago the first node was.
    at: usize,
    steps: u64,
    parties: Parties,
}

impl<R: Region> Chase<R> {
    fn open(stage: &Stage, clock: Clock) -> io::Result<Box<dyn Session>> {
        let parties = Parties::new(clock, &stage.near_cpus)?;
        let (memory, stride) = (stage.setup.memory_bytes.unwrap_or(4096), stage.setup.stride_bytes.unwrap_or(LINE));
        let (region, page_bytes) = (R::map(memory)?, R::page_bytes()?);
        let pages = memory.div_ceil(page_bytes);
        let faults = faults_of(|| touch(region.words(), page_bytes, pages));
        as_many_faults::<R>(faults, pages as u64).map_err(io::Error::other)?;
        let nodes = Nodes { count: memory / stride, stride };
        nodes.link(region.words(), &mut fastrand::Rng::new());
        Ok(Box::new(Chase { region, nodes, at: nodes.word(0), steps: 0, parties }))
    }

    /// Whether all loads were made: by the rank of the node that they led to. It is asked for outside the clock.
    fn arrived(&mut self, at: usize, loads: u64) -> io::Result<()> {
        self.at = at;
        self.steps = (self.steps + loads) % self.nodes.count as u64;
        let rank = self.region.words()[self.at + RANK].load(Ordering::Relaxed);
        if rank == self.steps {
            return Ok(());
        }
        let (count, steps) = (self.nodes.count, self.steps);
        Err(Mismatch::error(format!("{loads} loads led to node {rank} of {count} instead of {steps}")))
    }
}

/// Where the nodes lie.
#[derive(Copy, Clone)]
struct Nodes {
    count: usize,
    stride: usize,
}

/// In a node: first the word of the next one, then its own place in the cycle.
const RANK: usize = 1;

impl Nodes {
    /// The first word of this node.
    fn word(self, node: usize) -> usize {
        let line = node % (self.stride / LINE);
        (node * self.stride + line * LINE) / WORD
    }

    /// Links all of them in one cycle from node 0 on, in this random order.
    fn link(self, words: &[AtomicU64], random: &mut fastrand::Rng) {
        let mut order: Vec<u32> = (0..self.count as u32).collect();
        random.shuffle(&mut order[1..]);
        let next = order.iter().cycle().skip(1);
        for (rank, (&node, &next)) in (0..).zip(order.iter().zip(next)) {
            let word = self.word(node as usize);
            // Relaxed, as everywhere here: nobody else knows of the memory.
            words[word].store(self.word(next as usize) as u64, Ordering::Relaxed);
            words[word + RANK].store(rank, Ordering::Relaxed);
        }
    }
}

/// The measured loop: where so many loads lead.
#[inline(always)]
fn walk(words: &[AtomicU64], mut at: usize, loads: u64) -> usize {
    for _ in 0..loads {
        at = words[at].load(Ordering::Relaxed) as usize;
    }
    at
}

impl<R: Region> Session for Chase<R> {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        let (words, mut at) = (self.region.words(), self.at);
        let sample = self.parties.run(Extent::Count(iterations), false, |clock, _| {
            let start = clock.start();
            at = walk(words, at, iterations);
            Ok(Span { start, end: clock.end(), ends_at_far: false, operations: iterations })
        })?;
        self.arrived(at, iterations).map(|()| sample)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        let (words, mut at) = (self.region.words(), self.at);
        let sample = self.parties.run(Extent::Open, false, |clock, _| {
            let start = clock.start();
            let mut pace = Pace::new(clock, start, duration);
            let mut operations = 0;
            loop {
                at = walk(words, at, pace.chunk);
                operations += pace.chunk;
                if pace.is_over(clock) {
                    return Ok(Span { start, end: clock.end(), ends_at_far: false, operations });
                }
            }
        })?;
        self.arrived(at, sample.operations).map(|()| sample)
    }

    /// That every load leads to the next node, and that all of them are one cycle.
    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let operations = until(iterations, duration, |_| {
            self.arrived(walk(self.region.words(), self.at, 1), 1)?;
            Ok(1)
        })?;
        let (words, count) = (self.region.words(), self.nodes.count as u64);
        let mut at = walk(words, self.at, 1);
        let mut length = 1;
        while at != self.at && length <= count {
            at = walk(words, at, 1);
            length += 1;
        }
        if length != count {
            return Err(Mismatch::error(format!("the cycle has {length} nodes instead of {count}")));
        }
        Ok(Verified { operations, bytes: 0 })
    }
}

#[cfg(test)]
mod tests {
    use ipcmark_harness::parties::PeerKind;
    use ipcmark_harness::placement::Placement;

    use super::*;
    use crate::contract::region_tests::{Faulty, SMALL, TOUCHED};

    fn chase<R: Region>() -> io::Result<Box<dyn Session>> {
        let setup = Setup {
            memory_bytes: Some(1 << 20),
            stride_bytes: Some(4096),
            ..Setup::new(PeerKind::Thread, Placement::SameCpu, Waiting::Own, 0)
        };
        Chase::<R>::open(&Stage { setup, near_cpus: Vec::new(), far_cpus: Vec::new() }, Clock::vdso())
    }

    #[test]
    fn as_many_loads_as_nodes_lead_back_and_fewer_do_not() {
        let nodes = Nodes { count: 256, stride: 4096 };
        let words: Vec<AtomicU64> = (0..(1 << 20) / 8).map(|_| AtomicU64::new(0)).collect();
        nodes.link(&words, &mut fastrand::Rng::with_seed(1));
        let start = nodes.word(0);
        assert_eq!(walk(&words, start, 256), start);
        assert!((1..256).all(|loads| walk(&words, start, loads) != start));
    }

    #[test]
    fn nodes_a_page_apart_lie_in_all_lines_of_a_page() {
        let nodes = Nodes { count: 256, stride: 4096 };
        let lines: std::collections::BTreeSet<usize> = (0..256).map(|node| nodes.word(node) * WORD % 4096).collect();
        assert_eq!(lines.len(), 64);
        assert!((0..256).all(|node| nodes.word(node) * WORD / 4096 == node));
    }

    #[test]
    fn every_batch_is_checked_by_where_it_ends() {
        let mut session = chase::<Faulty<0>>().unwrap();
        assert_eq!(session.batch(1000).unwrap().operations, 1000);
        assert!(session.window(Duration::from_millis(1)).unwrap().operations > 0);
        assert_eq!(session.verify(300, Duration::from_secs(5)).unwrap().operations, 300);
    }

    #[test]
    fn loads_that_were_not_made_are_found_out() {
        let region = Faulty::<0>::map(1 << 20).unwrap();
        let nodes = Nodes { count: 256, stride: 4096 };
        nodes.link(region.words(), &mut fastrand::Rng::with_seed(1));
        let parties = Parties::new(Clock::vdso(), &[]).unwrap();
        let mut chase = Chase { region, nodes, at: nodes.word(0), steps: 0, parties };
        let at = walk(chase.region.words(), chase.at, 9);
        let error = chase.arrived(at, 10).unwrap_err().to_string();
        assert!(error.contains("10 loads led to node 9 of 256 instead of 10"), "{error}");
        // A cycle that is too short.
        let home = chase.region.words()[nodes.word(0)].swap(nodes.word(0) as u64, Ordering::Relaxed);
        (chase.at, chase.steps) = (nodes.word(0), 0);
        assert!(chase.verify(2, Duration::ZERO).is_err() && home != nodes.word(0) as u64);
    }

    #[test]
    fn memory_of_other_pages_than_it_says_is_refused() {
        for opened in [chase::<Faulty<SMALL>>(), chase::<Faulty<TOUCHED>>()] {
            if let Err(error) = opened {
                assert!(error.to_string().contains("the kernel counted"), "{error}");
            }
        }
        assert!(chase::<Faulty<TOUCHED>>().is_err());
    }
}
