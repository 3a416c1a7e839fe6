//! A crowd: parties that all do the same, over and over, against each other.
//!
//! All of them work from before the clock starts until after it has stopped, so that nobody has the thing to itself because
//! another was late or done early. The near end takes no part: it lets them work, sleeps, and reads what each has counted,
//! at the beginning and at the end of a window. Each count lies on lines of its own and has one writer.
//!
//! The central value is the window's length by the operations of all parties together. Single operations are timed in a
//! pass of their own, by every party, into counts in shared memory (`waits`): a wait may be long however short the others
//! are, so this is done at any speed. Where operations are planned ([`Part::PLANNED`]), their number says nothing: there every
//! wait is timed, and the central value is the mean of the waits.

mod board;
mod waits;
mod work;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::Mismatch;
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::parties::{Extent, Far, Parties, Span};
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::sys::memory::Shared;

use crate::mechanism::{Point, Rank, Setup, Stage, Support};

use board::Board;
pub(crate) use board::MOST_PARTIES;
pub(super) use waits::{KINDS, Stopwatch, Unwatched, Watch};
pub(super) use work::{Tempo, Work};

/// What each party does.
pub(super) trait Part: Send + 'static {
    /// The facts that tell the longest wait of each kind; none: all waits are of one kind.
    const LONGEST: Option<[&'static str; KINDS]> = None;
    /// Whether operations come at planned times, so that what counts is how long each waited.
    const PLANNED: bool = false;

    /// One operation. `watch` is told when the party begins to wait, and when it has what it waited for.
    fn act<W: Watch>(&mut self, watch: &mut W) -> io::Result<()>;

    /// One operation, checked as strictly as can be; what is broken is a [`Mismatch`].
    fn act_checked(&mut self) -> io::Result<()>;

    /// Called in the party before each order.
    fn begin(&mut self) {}

    /// Called in the party after each order.
    fn end(&mut self) {}
}

/// What the near end looks at when all parties have stopped: the operations of this order, and whether it was a checked one.
pub(super) type Check = Box<dyn FnMut(u64, bool) -> io::Result<()>>;

/// From one party to the second that there is, and on to four a CPU.
pub(super) const PARTIES: &[Point<usize>] = &[
    Point(1, Rank::Common),
    Point(2, Rank::Headline),
    Point(4, Rank::Common),
    Point(8, Rank::Common),
    Point(16, Rank::Rare),
    Point(32, Rank::Rare),
    Point(64, Rank::Rare),
];

/// A crowd may be four times as many as there are CPUs.
pub(super) fn admits(setup: &Setup) -> Support {
    let cpus = cpus();
    if setup.parties <= 4 * cpus && setup.parties <= MOST_PARTIES {
        return Support::Available;
    }
    Support::Missing(format!("{} parties are more than four for each of {cpus} CPUs", setup.parties))
}

pub(super) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, |cpus| cpus.get())
}

/// Some slices of the scheduler, times as many as parties must share a CPU.
pub(super) fn window_of(setup: &Setup) -> Duration {
    Duration::from_millis(10) * setup.parties.div_ceil(cpus()) as u32
}

/// Between two looks of the near end at whether everyone has begun.
const LOOK: Duration = Duration::from_micros(50);

/// A live crowd.
pub(super) struct Crowd {
    parties: Parties,
    board: Shared<Board>,
    count: usize,
    window: Duration,
    /// Nanoseconds an operation in the fastest order so far, for how long the next will take. Not in the last one: where a holder
    /// was off its CPU for most of a window, the next would last as many times too long.
    op_ns: Option<f64>,
    longest: Option<[&'static str; KINDS]>,
    /// Whether the central value is the mean wait.
    planned: bool,
    check: Check,
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Mode {
    Counted,
    Timed,
    Checked,
}

impl Crowd {
    /// Starts as many parties as `makers` has, each made in its own place by its maker.
    pub(super) fn open<P: Part, M>(
        stage: &Stage,
        clock: Clock,
        makers: Vec<M>,
        check: Check,
    ) -> io::Result<Box<dyn Session>>
    where
        M: FnOnce() -> io::Result<P> + Send + 'static,
    {
        // The near end sleeps while the others work: wherever there is room.
        let mut parties = Parties::new(clock, &[])?;
        let board = Shared::<Board>::zeroed()?;
        let count = makers.len();
        let mut makers: Vec<Option<M>> = makers.into_iter().map(Some).collect();
        for place in 0..count {
            let maker = makers[place].take();
            let (board, clock) = (board.clone(), clock);
            let far = move || {
                let make = maker.ok_or_else(|| io::Error::other("a party was made twice"))?;
                Ok(Member { part: make()?, board, place, clock })
            };
            let cpus = if place == 0 { &stage.near_cpus[..] } else { stage.cpus_of_peer(place - 1) };
            // A forked party drops its copies of what belongs to those still to come.
            makers = parties.start(stage.setup.peer, cpus, makers, far)?;
        }
        let (window, longest, planned) = (window_of(&stage.setup), P::LONGEST, P::PLANNED);
        Ok(Box::new(Crowd { parties, board, count, window, op_ns: None, longest, planned, check }))
    }

    /// Lets all work until `enough` operations are done in the window, and it has lasted `duration`.
    fn order(&mut self, mode: Mode, duration: Duration, enough: u64) -> io::Result<Sample> {
        let (board, count) = (&self.board, self.count);
        board.begin(mode == Mode::Timed || self.planned && mode == Mode::Counted, count);
        let mut shares = Vec::new();
        let mut sample = self.parties.run(Extent::Open, mode == Mode::Checked, |clock, limit| {
            while board.counts(count).contains(&0) {
                ipcmark_harness::sys::sleep(LOOK);
            }
            let before = board.counts(count);
            let start = clock.start();
            let (mut end, mut operations) = (start, 0);
            while operations < enough {
                let left = duration.saturating_sub(Duration::from_nanos(clock.ns_between(start, end) as u64));
                ipcmark_harness::sys::sleep(left.max(LOOK));
                let now = board.counts(count);
                end = clock.end();
                shares = now.iter().zip(&before).map(|(now, then)| now - then).collect();
                operations = shares.iter().sum();
            }
            limit.store(0, Ordering::Relaxed);
            Ok(Span { start, end, ends_at_far: false, operations })
        })?;
        // The near end did none of them.
        sample.per_party.remove(0);
        sample.covered = sample.per_party.iter().sum();
        sample.shares = shares;
        self.op_ns = Some(self.op_ns.unwrap_or(f64::INFINITY).min(sample.ns_per_op()));
        (self.check)(sample.covered, mode == Mode::Checked)?;
        if self.planned && mode != Mode::Checked {
            self.count_waits(&mut sample);
        }
        Ok(sample)
    }

    /// Makes the mean wait of the whole order the sample's figure.
    fn count_waits(&self, sample: &mut Sample) {
        sample.facts.insert("delivered_per_s".into(), 1e9 / sample.ns_per_op());
        sample.operations = sample.covered;
        sample.elapsed_ns = self.board.waited_ns(self.count);
    }

    /// About as long as so many operations take at best, and a millisecond at least.
    fn time_of(&self, operations: u64) -> Duration {
        let op_ns = self.op_ns.unwrap_or(1000.0);
        Duration::from_nanos((op_ns * operations as f64) as u64).max(Duration::from_millis(1))
    }
}

impl Session for Crowd {
    /// A window that is about so long; its operations are about as many.
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        self.order(Mode::Counted, self.time_of(iterations), 1)
    }

    fn offers_each(&self) -> bool {
        true
    }

    fn each_wants_long_operations(&self) -> bool {
        false
    }

    fn wants_windows_of(&self) -> Option<Duration> {
        Some(self.window)
    }

    /// The waits of all parties, in a window that is about so long.
    fn each(&mut self, iterations: u64, latencies: &mut Histogram) -> io::Result<Sample> {
        let mut sample = self.order(Mode::Timed, self.time_of(iterations).max(self.window), 1)?;
        self.board.waits(self.count, latencies);
        let longest_ns = self.board.longest_ns(self.count);
        let of_all = longest_ns.into_iter().max().unwrap_or(0);
        sample.facts.insert("longest_wait_ns".into(), of_all as f64);
        for (name, ns) in self.longest.into_iter().flatten().zip(longest_ns).filter(|&(_, ns)| ns > 0) {
            sample.facts.insert(name.into(), ns as f64);
        }
        Ok(sample)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.order(Mode::Counted, duration, 1)
    }

    /// All parties check what they do until so many operations are done.
    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let mut operations = 0;
        let mut left = duration;
        while operations < iterations && (operations == 0 || !left.is_zero()) {
            let slice = Duration::from_millis(1).min(left);
            let sample = self.order(Mode::Checked, slice, 1)?;
            operations += sample.covered;
            left = left.saturating_sub(Duration::from_nanos(sample.wall_ns as u64));
        }
        Ok(Verified { operations: operations.min(iterations), bytes: 0 })
    }
}

/// A party at its place.
struct Member<P> {
    part: P,
    board: Shared<Board>,
    place: usize,
    clock: Clock,
}

impl<P: Part> Member<P> {
    #[inline(always)]
    fn repeat(&mut self, limit: &AtomicU64, mut act: impl FnMut(&mut P) -> io::Result<()>) -> io::Result<u64> {
        let count = self.board.count(self.place);
        let mut done = 0;
        // Relaxed: the near end waits for the count to move, and for the party to say that it is done.
        while limit.load(Ordering::Relaxed) != 0 {
            act(&mut self.part)?;
            done += 1;
            count.store(done, Ordering::Relaxed);
        }
        Ok(done)
    }

    fn work(&mut self, limit: &AtomicU64, checked: bool) -> io::Result<u64> {
        if checked {
            return self.repeat(limit, |part| part.act_checked());
        }
        if !self.board.is_timed() {
            return self.repeat(limit, |part| part.act(&mut Unwatched));
        }
        let board = self.board.clone();
        let mut watch = Stopwatch::new(self.clock, board.waits_of(self.place));
        self.repeat(limit, |part| part.act(&mut watch))
    }
}

impl<P: Part> Far for Member<P> {
    fn serve(&mut self, limit: &AtomicU64, checked: bool) -> io::Result<u64> {
        self.part.begin();
        let done = self.work(limit, checked);
        self.part.end();
        done
    }
}

/// Of what parties counted under a lock, nothing may be missing.
#[cold]
pub(super) fn lost(counted: u64, operations: u64) -> io::Error {
    Mismatch::error(format!("{counted} changes were counted, {operations} were made"))
}
