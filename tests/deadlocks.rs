//! Deadlocks, in disposable workers: seen, cut off by the deadline of whoever waits for the worker, and gone with each cure.
//!
//! Two tasks want two locks, each in another order, and take their time between the first and the second. And a task takes a
//! spinlock that it holds. That a worker does not answer could have many causes; so what its tasks do meanwhile is looked at,
//! too: those that wait for each other sleep, and one that waits for itself by polling runs.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::worker::{Opened, Trade, serve_if_asked};
use libtest_mimic::{Arguments, Failed, Trial};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// What two tasks do to get both locks, each its first one first; the number is the task's.
type Way = fn(&Locks, usize);

const DEADLOCK: &str = "each-its-own-order";
const WAYS: &[(&str, Way)] = &[
    (DEADLOCK, |locks, task| {
        let _first = locks.two[task].lock();
        dawdle();
        let _second = locks.two[1 - task].lock();
    }),
    ("one-order", |locks, _| {
        let _first = locks.two[0].lock();
        dawdle();
        let _second = locks.two[1].lock();
    }),
    ("timed-lock", |locks, task| {
        loop {
            let first = locks.two[task].lock();
            dawdle();
            if locks.two[1 - task].try_lock_for(PAUSE).is_some() {
                return;
            }
            drop(first);
            // Not both for the same time, or they would meet again.
            std::thread::sleep(4 * PAUSE * task as u32);
        }
    }),
    ("try-and-back-off", |locks, task| {
        let (mut first, mut second) = (task, 1 - task);
        let mut is_hasty = false;
        loop {
            let held = locks.two[first].lock();
            if !is_hasty {
                dawdle();
            }
            if locks.two[second].try_lock().is_some() {
                return;
            }
            drop(held);
            std::thread::yield_now();
            std::mem::swap(&mut first, &mut second);
            is_hasty = true;
        }
    }),
    ("one-big-lock", |locks, _| {
        let _both = locks.big.lock();
        dawdle();
    }),
];

/// What one task does to a spinlock that it holds.
const TWICE: &[(&str, fn())] = &[
    ("test-and-set", || {
        let flag = AtomicBool::new(false);
        for _ in 0..2 {
            while flag.swap(true, Ordering::Acquire) {
                std::hint::spin_loop();
            }
        }
    }),
    ("spin-mutex", || {
        let lock = spin::mutex::SpinMutex::<()>::new(());
        let _once = lock.lock();
        let _twice = lock.lock();
    }),
    ("spin-ticket", || {
        let lock = spin::mutex::TicketMutex::<()>::new(());
        let _once = lock.lock();
        let _twice = lock.lock();
    }),
];

/// Long enough for the other task to take its first lock.
const PAUSE: Duration = Duration::from_millis(50);
/// A worker that takes longer is cut off: many times what any of them takes that ends.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where the deadline is what is waited for.
const IMPATIENCE: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Locks {
    two: [Mutex<()>; 2],
    big: Mutex<()>,
}

fn dawdle() {
    std::thread::sleep(PAUSE);
}

/// The tasks of one experiment, each in a thread of its own.
struct Tasks(Vec<Box<dyn FnOnce() + Send>>);

impl Session for Tasks {
    fn batch(&mut self, _: u64) -> io::Result<Sample> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn window(&mut self, _: Duration) -> io::Result<Sample> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Runs them to their end, if they have one.
    fn verify(&mut self, _: u64, _: Duration) -> io::Result<Verified> {
        let start = |(number, task)| std::thread::Builder::new().name(format!("task-{number}")).spawn(task);
        let tasks = self.0.drain(..).enumerate().map(start).collect::<io::Result<Vec<_>>>()?;
        let operations = tasks.len() as u64;
        tasks.into_iter().try_for_each(|task| task.join()).map_err(|_| io::Error::other("a task panicked"))?;
        Ok(Verified { operations, bytes: 0 })
    }
}

fn open(spec: &Value, _: Clock) -> Opened {
    let named = |name: &str| spec == name;
    if let Some((_, way)) = WAYS.iter().find(|(name, _)| named(name)) {
        let locks = Arc::new(Locks::default());
        let task = |number| {
            let locks = Arc::clone(&locks);
            Box::new(move || way(&locks, number)) as _
        };
        return Ok(Box::new(Tasks((0..2).map(task).collect())));
    }
    match TWICE.iter().find(|(name, _)| named(name)) {
        Some((_, twice)) => Ok(Box::new(Tasks(vec![Box::new(twice)]))),
        None => Err(Failure::new(FailureKind::Worker, format!("no experiment {spec}"))),
    }
}

/// The states of a worker's tasks, as proc_pid_stat(5) names them: `S` sleeps, `R` runs or wants to.
fn states(pid: u32) -> io::Result<String> {
    let mut states = String::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = std::fs::read_to_string(task?.path().join("stat"))?;
        // The name stands in parentheses, the state after it.
        if let Some((_, rest)) = stat.split_once("(task-").and_then(|(_, name)| name.split_once(") ")) {
            states.extend(rest.chars().next());
        }
    }
    Ok(states)
}

/// That the worker does not end by itself, is cut off, and that its tasks were in these states before that.
fn is_cut_off(experiment: &str, expected: &str) -> Result<(), Failed> {
    let launcher = Launcher { clock: Clock::vdso(), patience: IMPATIENCE };
    let mut worker = launcher.open(&json!(experiment), 0)?;
    let pid = worker.pid();
    let (looked, look) = mpsc::channel();
    let watcher = std::thread::spawn(move || {
        std::thread::sleep(IMPATIENCE / 2);
        let _ = looked.send(states(pid));
    });
    let ended = worker.verify(1, Duration::ZERO);
    watcher.join().map_err(|_| "the watcher panicked")?;
    let seen = look.recv()??;
    match ended {
        Err(Failure { kind: FailureKind::Deadline, .. }) if seen == expected => Ok(()),
        ended => {
            Err(format!("its tasks were in the states {seen:?} instead of {expected:?}, and then {ended:?}").into())
        }
    }
}

/// That both tasks get both locks.
fn ends(experiment: &str) -> Result<(), Failed> {
    let launcher = Launcher { clock: Clock::vdso(), patience: PATIENCE };
    let mut worker = launcher.open(&json!(experiment), 0)?;
    let verified = worker.verify(1, Duration::ZERO)?;
    worker.quit()?;
    if verified.operations == 2 { Ok(()) } else { Err(format!("{verified:?}").into()) }
}

fn main() {
    serve_if_asked(Trade { open, answer: |question| Ok(question.clone()) });
    let mut trials =
        vec![Trial::test("two_tasks_that_want_two_locks_in_two_orders_sleep_until_they_are_cut_off", || {
            is_cut_off(DEADLOCK, "SS")
        })];
    for &(cure, _) in WAYS.iter().filter(|(name, _)| *name != DEADLOCK) {
        trials.push(Trial::test(format!("with_{}_both_get_both", cure.replace('-', "_")), move || ends(cure)));
    }
    for &(lock, _) in TWICE {
        let name = format!("a_{}_spinlock_taken_twice_by_one_task_runs_until_it_is_cut_off", lock.replace('-', "_"));
        trials.push(Trial::test(name, move || is_cut_off(lock, "R")));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
