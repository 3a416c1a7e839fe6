//! Loops as one would write them in an afternoon: fork, pin, repeat, read the clock. They share no timed code with the
//! suite but the ring itself, in the two loops that are about it.
//!
//! Each runs in a process of its own, started as the suite's workers are, and as long as they: a warm-up window, then batches.
#![allow(unsafe_code)] // system calls by address, the ring's ends, children that only exit

pub(crate) mod births;
pub(crate) mod calls;
pub(crate) mod channels;
pub(crate) mod coroutines;
pub(crate) mod locks;
pub(crate) mod notifications;
pub(crate) mod pipes;
pub(crate) mod pointers;
pub(crate) mod queues;
pub(crate) mod rings;
pub(crate) mod shared_memory;
pub(crate) mod sockets;
pub(crate) mod switches;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark::mechanism::Stage;
use ipcmark_harness::clock::Clock;
use ipcmark_harness::parties::pin;
use ipcmark_harness::sys::memory::{Shareable, Shared};
use ipcmark_harness::sys::process::{die_with, end_child, fork};
use nix::sys::signal::Signal;
use nix::unistd::getpid;
use serde::{Deserialize, Serialize};

/// Starts its peer, warms up, and times batches: nanoseconds an operation, one a batch.
pub(crate) type Loop = fn(plan: &Plan) -> anyhow::Result<Vec<f64>>;

/// How long a launch is, of a cell or of a plain loop.
#[derive(Copy, Clone, Serialize, Deserialize)]
pub(crate) struct Length {
    pub(crate) warm_up: Duration,
    pub(crate) batch: Duration,
    pub(crate) batches: u32,
}

/// What a loop is told.
#[derive(Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) stage: Stage,
    pub(crate) clock: Clock,
    pub(crate) length: Length,
}

const MESSAGE: usize = 64;
/// A warm-up is done in pieces of about this length, between which the clock is read.
const PIECE: Duration = Duration::from_micros(200);

impl Plan {
    /// The near end's side: `operation` again and again, timed by batches.
    fn time(&self, mut operation: impl FnMut()) -> Vec<f64> {
        self.time_by(|count| (0..count).for_each(|_| operation()))
    }

    /// The same, where `run` does so many operations.
    fn time_by(&self, mut run: impl FnMut(u64)) -> Vec<f64> {
        let op_ns = self.warm_up(&mut run).max(0.01);
        let count = ((self.length.batch.as_nanos() as f64 / op_ns) as u64).max(1);
        let batch = |_| {
            let start = self.clock.start();
            run(count);
            self.clock.ns_between(start, self.clock.end()) / count as f64
        };
        (0..self.length.batches).map(batch).collect()
    }

    /// Warms up; how many turns fill all batches together.
    fn count_of(&self, mut turn: impl FnMut()) -> u64 {
        let turn_ns = self.warm_up(&mut |count| (0..count).for_each(|_| turn())).max(0.01);
        (((self.length.batch * self.length.batches).as_nanos() as f64 / turn_ns) as u64).max(1)
    }

    /// Nanoseconds an operation, over the whole window.
    fn warm_up(&self, run: &mut impl FnMut(u64)) -> f64 {
        let (start, mut done, mut piece) = (self.clock.start(), 0, 1);
        loop {
            run(piece);
            done += piece;
            let elapsed = self.clock.ns_between(start, self.clock.end());
            if elapsed >= self.length.warm_up.as_nanos() as f64 {
                return elapsed / done as f64;
            }
            piece = ((PIECE.as_nanos() as f64 * done as f64 / elapsed) as u64).clamp(1, 2 * piece);
        }
    }

    /// Times `operation` alone on the near end's CPU.
    fn alone(&self, operation: impl FnMut()) -> anyhow::Result<Vec<f64>> {
        pin(&self.stage.near_cpus)?;
        Ok(self.time(operation))
    }

    /// The same while another thread is alive, and sleeps.
    fn beside_a_thread(&self, operation: impl FnMut()) -> anyhow::Result<Vec<f64>> {
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let sleeper = std::thread::spawn(move || told.recv());
        let times = self.alone(operation);
        drop(tell);
        let _ = sleeper.join();
        times
    }

    /// Forks a child that does `far` again and again on its CPU, runs `near` on this one's, and ends the child.
    fn in_two_processes(&self, mut far: impl FnMut(), near: impl FnOnce() -> Vec<f64>) -> anyhow::Result<Vec<f64>> {
        let parent = getpid();
        pin(&self.stage.near_cpus)?;
        let child = fork(|| {
            let ready = die_with(parent, Signal::SIGKILL).and_then(|()| pin(self.stage.cpus_of_peer(0)));
            while ready.is_ok() {
                far();
            }
            1
        })?;
        let times = near();
        end_child(child);
        Ok(times)
    }

    /// The same with a thread, which lives as long as this process: until the launch is over.
    fn in_two_threads(
        &self,
        mut far: impl FnMut() + Send + 'static,
        near: impl FnOnce() -> Vec<f64>,
    ) -> anyhow::Result<Vec<f64>> {
        let cpus = self.stage.cpus_of_peer(0).to_vec();
        std::thread::spawn(move || {
            pin(&cpus).expect("a CPU that the placement chose");
            loop {
                far();
            }
        });
        pin(&self.stage.near_cpus)?;
        Ok(near())
    }
}

/// Two flags on lines of their own: the least that two CPUs can say to each other.
#[repr(C)]
struct Flags {
    there: Line,
    back: Line,
}

#[repr(C, align(128))]
struct Line(AtomicU64);

// SAFETY: atomics only, valid when zero.
unsafe impl Shareable for Flags {}

impl Line {
    fn await_value(&self, value: u64) {
        while self.0.load(Ordering::Acquire) != value {
            std::hint::spin_loop();
        }
    }
}

/// Batches one way: the near end says how far it will go, sends, and waits until the far end has come so far.
fn stream(plan: &Plan, mut receive: impl FnMut(), mut send: impl FnMut()) -> anyhow::Result<Vec<f64>> {
    let flags = Shared::<Flags>::zeroed()?;
    let (mut sent, mut received) = (0, 0);
    plan.in_two_processes(
        || {
            receive();
            received += 1;
            // Relaxed: whatever carries the message orders it. The line changes once a batch.
            if received == flags.there.0.load(Ordering::Relaxed) {
                flags.back.0.store(received, Ordering::Release);
            }
        },
        || {
            plan.time_by(|count| {
                sent += count;
                flags.there.0.store(sent, Ordering::Release);
                (0..count).for_each(|_| send());
                flags.back.await_value(sent);
            })
        },
    )
}
