//! Peers and workers that misbehave: each ends as a failure with its true reason, and never as a number or a hang.
//!
//! This test is its own worker executable, so it has a `main` of its own.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::{Failure, FailureKind, Mismatch};
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::parties::{Extent, Far, Parties, PeerKind, Span};
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::sys::names;
use ipcmark_harness::worker::{self, Opened, Trade};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};

/// What a peer does instead of its work.
struct Rogue {
    deed: Deed,
}

type Deed = fn() -> io::Result<u64>;

const DEEDS: &[(&str, Deed)] = &[
    ("exits", || std::process::exit(3)),
    ("panics", || panic!("a \"quoted\" reason")),
    ("aborts", || std::process::abort()),
    ("is-killed", || Ok(nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL).map(|()| 0)?)),
    ("errs", || Err(io::Error::other("its call failed"))),
    ("finds-a-mismatch", || Err(Mismatch::error("message 3 was expected, message 4 arrived".into()))),
    ("hangs", || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }),
    ("behaves", || Ok(1)),
];

impl Far for Rogue {
    fn serve(&mut self, _: &AtomicU64, _: bool) -> io::Result<u64> {
        (self.deed)()
    }
}

/// A near end that does nothing, or one that waits for ever for its peer, as one on a dead futex would.
struct Waiter {
    parties: Parties,
    deaf: bool,
}

impl Session for Waiter {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        let deaf = self.deaf;
        self.parties.run(Extent::Count(iterations), false, |clock, _| {
            if deaf {
                std::thread::sleep(Duration::MAX);
            }
            let now = clock.start();
            Ok(Span { start: now, end: now, ends_at_far: false, operations: iterations })
        })
    }

    fn window(&mut self, _: Duration) -> io::Result<Sample> {
        panic!("the worker's own panic")
    }

    fn verify(&mut self, _: u64, _: Duration) -> io::Result<Verified> {
        std::process::exit(7)
    }
}

/// Who does what, and when.
#[derive(Copy, Clone)]
struct Plot {
    is_near: bool,
    phase: &'static str,
    deed: Deed,
}

const OPEN: &str = "open";
const CLOSE: &str = "close";
/// What is asked for in between.
const WORK: [&str; 4] = ["batch", "each", "window", "verify"];

impl Plot {
    fn of(spec: &Value) -> Option<Plot> {
        let phase = [OPEN, CLOSE].into_iter().chain(WORK).find(|phase| spec["phase"] == *phase)?;
        let (_, deed) = *DEEDS.iter().find(|(name, _)| spec["deed"] == *name)?;
        Some(Plot { is_near: spec["party"] == "near", phase, deed })
    }

    fn go(&self, is_near: bool, phase: &str) -> io::Result<()> {
        let acts = self.is_near == is_near && self.phase == phase;
        if acts { (self.deed)().map(drop) } else { Ok(()) }
    }
}

/// A party, at either end, that acts in its phase.
struct Plotter(Plot, bool);

impl Far for Plotter {
    fn serve(&mut self, limit: &AtomicU64, _: bool) -> io::Result<u64> {
        self.0.go(false, self.0.phase)?;
        Ok(limit.load(Ordering::Relaxed))
    }
}

impl Drop for Plotter {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = self.0.go(self.1, CLOSE);
        }
    }
}

/// A session of which either end may act in any phase.
struct Stage {
    plotter: Plotter,
    parties: Parties,
}

impl Stage {
    fn open(plot: Plot, kind: PeerKind, clock: Clock) -> Opened {
        let mut parties = Parties::new(clock, &[])?;
        parties.start(kind, &[], (), move || {
            plot.go(false, OPEN)?;
            Ok(Plotter(plot, false))
        })?;
        let stage = Stage { plotter: Plotter(plot, true), parties };
        plot.go(true, OPEN)?;
        Ok(Box::new(stage))
    }

    fn order(&mut self, phase: &str) -> io::Result<Sample> {
        let plot = self.plotter.0;
        self.parties.run(Extent::Count(1), false, |clock, _| {
            plot.go(true, phase)?;
            let now = clock.start();
            Ok(Span { start: now, end: now, ends_at_far: false, operations: 1 })
        })
    }
}

impl Session for Stage {
    fn batch(&mut self, _: u64) -> io::Result<Sample> {
        self.order("batch")
    }

    fn each(&mut self, _: u64, _: &mut Histogram) -> io::Result<Sample> {
        self.order("each")
    }

    fn window(&mut self, _: Duration) -> io::Result<Sample> {
        self.order("window")
    }

    fn verify(&mut self, _: u64, _: Duration) -> io::Result<Verified> {
        self.order("verify").map(|_| Verified { operations: 1, bytes: 0 })
    }
}

/// A session of a worker that is killed while it removes what it has named, which it does after its last word.
struct Sweeper {
    /// A folder with a name of the worker's, and with so much in it that to remove it takes long.
    full: PathBuf,
}

impl Sweeper {
    const FILES: u32 = 10_000;

    fn open() -> io::Result<Sweeper> {
        let full = names::path()?;
        std::fs::create_dir(&full)?;
        (0..Sweeper::FILES).try_for_each(|n| std::fs::File::create(full.join(n.to_string())).map(drop))?;
        Ok(Sweeper { full })
    }
}

impl Session for Sweeper {
    fn batch(&mut self, _: u64) -> io::Result<Sample> {
        unreachable!()
    }

    fn window(&mut self, _: Duration) -> io::Result<Sample> {
        unreachable!()
    }

    fn verify(&mut self, _: u64, _: Duration) -> io::Result<Verified> {
        unreachable!()
    }

    fn notes(&self) -> Vec<String> {
        vec![self.full.display().to_string()]
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        let full = self.full.clone();
        std::thread::spawn(move || {
            let files = || std::fs::read_dir(&full).map_or(0, |entries| entries.count() as u32);
            while files() == Sweeper::FILES {}
            std::process::abort()
        });
    }
}

fn open(spec: &Value, clock: Clock) -> Opened {
    if spec["deed"] == "is-killed-while-it-sweeps" {
        return Ok(Box::new(Sweeper::open()?));
    }
    if let Some(plot) = Plot::of(spec) {
        return Stage::open(plot, serde_json::from_value(spec["peer"].clone()).expect("a kind of peer"), clock);
    }
    let deed = DEEDS.iter().find(|(name, _)| spec["deed"] == *name).expect("a known deed").1;
    let kind = serde_json::from_value(spec["peer"].clone()).expect("a kind of peer");
    let mut parties = Parties::new(clock, &[])?;
    parties.start(kind, &[], (), move || Ok(Rogue { deed }))?;
    Ok(Box::new(Waiter { parties, deaf: spec["deaf"] == true }))
}

const TRADE: Trade = Trade { open, answer: |question| Ok(question.clone()) };

fn launcher(patience: Duration) -> Launcher {
    Launcher { clock: Clock::vdso(), patience }
}

const PATIENT: Duration = Duration::from_secs(20);

fn failure_of(deed: &str, peer: PeerKind, deaf: bool) -> Failure {
    let patience = if deed == "hangs" { Duration::from_secs(2) } else { PATIENT };
    let mut worker = launcher(patience).open(&json!({"deed": deed, "peer": peer, "deaf": deaf}), 0).expect("a worker");
    worker.batch(1, Duration::ZERO).expect_err("a misbehaving peer must not leave a number")
}

fn expect(found: &Failure, kind: FailureKind, words: &[&str]) -> Result<(), Failed> {
    let said = words.iter().all(|word| found.reason.contains(word));
    if found.kind == kind && said && !found.reason.contains('\n') {
        return Ok(());
    }
    Err(format!("{found:?} instead of {kind:?} with {words:?}").into())
}

/// What each deed must be reported as, for each kind of peer.
fn expected(deed: &str, peer: PeerKind) -> (FailureKind, &'static [&'static str]) {
    use FailureKind::{Deadline, Mechanism, Peer, Verification, Worker};
    match (deed, peer) {
        ("exits", PeerKind::Process | PeerKind::CloneVm) => (Peer, &["left early with exit code 3"]),
        ("exits", PeerKind::Thread) => (Worker, &["the worker left with exit code 3"]),
        ("panics", _) => (Peer, &["the peer failed", "panicked", "quoted"]),
        ("is-killed", PeerKind::Process | PeerKind::CloneVm) => (Peer, &["killed by signal 9"]),
        ("is-killed", PeerKind::Thread) => (Worker, &["killed by signal 9"]),
        ("aborts", PeerKind::Process | PeerKind::CloneVm) => (Peer, &["killed by signal 6"]),
        ("aborts", PeerKind::Thread) => (Worker, &["killed by signal 6"]),
        ("errs", _) => (Mechanism, &["the peer failed", "its call failed"]),
        ("finds-a-mismatch", _) => (Verification, &["the peer failed", "message 4 arrived"]),
        _ => (Deadline, &["no answer within"]),
    }
}

/// What comes of a session in which a party acts: everything is asked for up to its phase.
fn failure_in(phase: &str, spec: &Value) -> Option<Failure> {
    let asked = |phase| -> Result<(), Failure> {
        let mut worker = launcher(PATIENT).open(spec, 0)?;
        match phase {
            "each" => _ = worker.each(1, Duration::ZERO)?,
            "window" => _ = worker.window(Duration::ZERO)?,
            "verify" => _ = worker.verify(1, Duration::ZERO)?,
            _ => _ = worker.batch(1, Duration::ZERO)?,
        }
        worker.quit()
    };
    asked(phase).err()
}

/// Both ends in every phase, with the three ways to go without a word of one's own.
fn trials_of_phases() -> Vec<Trial> {
    let mut trials = Vec::new();
    for phase in [OPEN, CLOSE].into_iter().chain(WORK) {
        for deed in ["exits", "panics", "aborts"] {
            for (party, peer) in [("near", PeerKind::Process), ("far", PeerKind::Process), ("far", PeerKind::Thread)] {
                let name = format!("{phase}/{deed}/{party}-with-a-{peer:?}").to_lowercase();
                trials.push(Trial::test(name, move || {
                    let spec = json!({"deed": deed, "phase": phase, "party": party, "peer": peer});
                    let failure = failure_in(phase, &spec).ok_or("no failure")?;
                    let (kind, words) = match (party, deed) {
                        ("near", "panics") => (FailureKind::Worker, &["the worker panicked", "quoted"][..]),
                        ("near", _) => expected(deed, PeerKind::Thread),
                        _ => expected(deed, peer),
                    };
                    expect(&failure, kind, words)
                }));
            }
        }
    }
    trials
}

fn trials() -> Vec<Trial> {
    let mut trials = trials_of_phases();
    for peer in PeerKind::ALL {
        for &(deed, _) in DEEDS.iter().filter(|(deed, _)| *deed != "behaves") {
            for deaf in [false, true] {
                let near = if deaf { "while_the_near_end_waits" } else { "while_the_near_end_is_done" };
                let name = format!("a_peer_{peer:?}_that_{deed}_{near}_fails_with_its_reason").to_lowercase();
                trials.push(Trial::test(name, move || {
                    let (kind, words) = expected(deed, peer);
                    expect(&failure_of(deed, peer, deaf), kind, words)
                }));
            }
        }
    }
    trials.extend([
        Trial::test("a_worker_that_panics_says_where", || {
            let mut worker = launcher(PATIENT).open(&json!({"deed": "behaves", "peer": "process"}), 0)?;
            let failure = worker.window(Duration::ZERO).expect_err("it panics");
            expect(&failure, FailureKind::Worker, &["the worker panicked", "misbehaviour.rs", "the worker's own panic"])
        }),
        Trial::test("a_worker_that_exits_is_reported_with_its_code", || {
            let mut worker = launcher(PATIENT).open(&json!({"deed": "behaves", "peer": "process"}), 0)?;
            let failure = worker.verify(1, Duration::ZERO).expect_err("it exits");
            expect(&failure, FailureKind::Worker, &["the worker left with exit code 7"])
        }),
        Trial::test("a_worker_that_cannot_open_says_why", || {
            let opened = launcher(PATIENT).open(&json!({"deed": "unheard-of", "peer": "process"}), 0);
            let failure = opened.err().ok_or("it opened")?;
            expect(&failure, FailureKind::Worker, &["a known deed"])
        }),
        Trial::test("a_worker_killed_after_its_last_word_leaves_no_name", || {
            let worker = launcher(PATIENT).open(&json!({"deed": "is-killed-while-it-sweeps"}), 0)?;
            let full = PathBuf::from(&worker.notes[0]);
            let lease = full.parent().filter(|lease| lease.exists()).ok_or("no lease")?.to_owned();
            expect(&worker.quit().expect_err("it is killed"), FailureKind::Worker, &["signal 6", "after its work"])?;
            if lease.exists() { Err(format!("{} is left", lease.display()).into()) } else { Ok(()) }
        }),
        Trial::test("parties_that_behave_leave_a_sample_and_go", || {
            let mut worker = launcher(PATIENT).open(&json!({"deed": "behaves", "peer": "process"}), 0)?;
            let sample = worker.batch(1, Duration::ZERO)?;
            worker.quit()?;
            if sample.per_party == [1, 1] { Ok(()) } else { Err(format!("{sample:?}").into()) }
        }),
        Trial::test("peers_in_one_address_space_leave_a_sample_and_go", || {
            let mut worker = launcher(PATIENT).open(&json!({"deed": "behaves", "peer": "clone-vm"}), 0)?;
            let sample = worker.batch(1, Duration::ZERO)?;
            worker.quit()?;
            if sample.per_party == [1, 1] { Ok(()) } else { Err(format!("{sample:?}").into()) }
        }),
        Trial::test("a_question_is_answered_by_a_worker_of_its_own", || {
            let answer = launcher(PATIENT).ask(&json!({"any": "thing"}))?;
            if answer == json!({"any": "thing"}) { Ok(()) } else { Err(answer.to_string().into()) }
        }),
    ]);
    trials
}

fn main() {
    worker::serve_if_asked(TRADE);
    libtest_mimic::run(&Arguments::from_args(), trials()).exit();
}
