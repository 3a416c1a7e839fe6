//! Loops as one would write them in an afternoon: fork, pin, repeat, read the clock. They share no timed code with the
//! suite but the ring itself, in the two loops that are about it.
#![allow(unsafe_code)] // the ring's ends take a pointer, the calls of System V take buffers by address

#[cfg(feature = "rivals")]
pub(crate) mod channels;
pub(crate) mod coroutines;
pub(crate) mod locks;
pub(crate) mod notifications;
pub(crate) mod pipes;
pub(crate) mod queues;
pub(crate) mod shared_memory;
pub(crate) mod sockets;
pub(crate) mod switches;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark::manner::Manner;
use ipcmark::mechanism::{Stage, Waiting};
use ipcmark::ring::{Consumer, Producer, Ring};
use ipcmark_harness::clock::Clock;
use ipcmark_harness::estimate::median;
use ipcmark_harness::parties::pin;
use ipcmark_harness::sys::memory::{Shareable, Shared};
use ipcmark_harness::sys::process::{die_with, fork};
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::getpid;

/// Forks its peer, and times `batches` batches of `count` operations each after one that is not counted: nanoseconds an
/// operation, one a batch.
pub(crate) type Loop = fn(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>>;

/// How much each arm measures.
#[derive(Copy, Clone)]
pub(crate) struct Effort {
    pub(crate) warm_up: Duration,
    pub(crate) batch: Duration,
    pub(crate) batches: u32,
}

/// What a loop is told.
pub(crate) struct Plan<'a> {
    stage: &'a Stage,
    clock: Clock,
    count: u64,
    batches: usize,
}

const MESSAGE: usize = 64;

/// The median batch, after a short run that tells how many operations fill one.
pub(crate) fn measure(plain: Loop, stage: &Stage, clock: Clock, effort: &Effort) -> anyhow::Result<f64> {
    let probe = plain(&Plan { stage, clock, count: 200, batches: 3 })?;
    let op_ns = median(&probe).unwrap_or(1e3).max(1.0);
    let count = ((effort.batch.as_nanos() as f64 / op_ns) as u64).max(1);
    let times = plain(&Plan { stage, clock, count, batches: effort.batches as usize })?;
    median(&times).ok_or_else(|| anyhow::anyhow!("no batches"))
}

impl Plan<'_> {
    fn operations(&self) -> u64 {
        self.count * (self.batches as u64 + 1)
    }

    /// The near end's side: `operation` so often, timed by batches, the first left out.
    fn time(&self, mut operation: impl FnMut()) -> Vec<f64> {
        let mut times = Vec::new();
        for _ in 0..=self.batches {
            let start = self.clock.start();
            for _ in 0..self.count {
                operation();
            }
            times.push(self.clock.ns_between(start, self.clock.end()) / self.count as f64);
        }
        times.split_off(1)
    }

    /// Runs `operation` on the near end's CPU while another thread is alive, and sleeps.
    fn beside_a_thread(&self, operation: impl FnMut()) -> anyhow::Result<Vec<f64>> {
        let allowed = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0))?;
        pin(&self.stage.near_cpus)?;
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let times = std::thread::scope(|scope| {
            let sleeper = scope.spawn(move || told.recv());
            let times = self.time(operation);
            drop(tell);
            let _ = sleeper.join();
            times
        });
        nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &allowed)?;
        Ok(times)
    }

    /// Forks `far` onto its CPU, runs `near` on its own, and waits for the child.
    fn in_two_processes(&self, mut far: impl FnMut(), near: impl FnOnce() -> Vec<f64>) -> anyhow::Result<Vec<f64>> {
        let parent = getpid();
        let allowed = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0))?;
        pin(&self.stage.near_cpus)?;
        let child = fork(|| {
            let ready = die_with(parent, Signal::SIGKILL).and_then(|()| pin(self.stage.cpus_of_peer(0)));
            if ready.is_err() {
                return 1;
            }
            far();
            0
        })?;
        let times = near();
        waitpid(child, None)?;
        nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &allowed)?;
        Ok(times)
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

pub(crate) fn flags_round_trip(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    let flags = Shared::<Flags>::zeroed()?;
    let mut turn = 0;
    plan.in_two_processes(
        || {
            for turn in 1..=plan.operations() {
                flags.there.await_value(turn);
                flags.back.0.store(turn, Ordering::Release);
            }
        },
        || {
            plan.time(|| {
                turn += 1;
                flags.there.0.store(turn, Ordering::Release);
                flags.back.await_value(turn);
            })
        },
    )
}

/// The suite's rings, two of them, in an anonymous mapping.
#[repr(C)]
struct Rings([Ring; 2]);

// SAFETY: a ring holds atomics only and is empty when zero.
unsafe impl Shareable for Rings {}

impl Rings {
    fn consumer(&self, which: usize) -> Consumer {
        // SAFETY: zeroed, mapped longer than the loops run, and each ring gets one consumer.
        unsafe { Consumer::new(&self.0[which], Manner::new(Waiting::Spin, true)) }
    }

    fn producer(&self, which: usize) -> Producer {
        // SAFETY: as above, one producer.
        unsafe { Producer::new(&self.0[which], Manner::new(Waiting::Spin, true)) }
    }
}

pub(crate) fn ring_round_trip(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    let rings = Shared::<Rings>::zeroed()?;
    let (mut near_message, mut far_message) = ([0; MESSAGE], [0; MESSAGE]);
    let (mut near_in, mut near_out) = (rings.consumer(0), rings.producer(1));
    let (mut far_in, mut far_out) = (rings.consumer(1), rings.producer(0));
    plan.in_two_processes(
        || {
            for _ in 0..plan.operations() {
                let _ = far_in.recv(&mut far_message);
                far_out.send(&far_message, true);
            }
        },
        || {
            plan.time(|| {
                near_out.send(&near_message, true);
                let _ = near_in.recv(&mut near_message);
            })
        },
    )
}

/// The textbook ring: slots of one message, an index on either side.
#[repr(C)]
struct BareRing {
    head: Line,
    tail: Line,
    slots: [Slot; SLOTS],
}

const SLOTS: usize = 1024;

#[repr(C, align(64))]
struct Slot([AtomicU64; MESSAGE / 8]);

// SAFETY: atomics only, valid when zero.
unsafe impl Shareable for BareRing {}

pub(crate) fn bare_ring_stream(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    let ring = Shared::<BareRing>::zeroed()?;
    let flags = Shared::<Flags>::zeroed()?;
    let (mut tail, mut head) = (0, 0);
    // Each side's last look at the other's index: without it every message would fetch that line.
    let (mut seen_head, mut seen_tail) = (0, 0);
    let receive = || {
        while seen_tail == head {
            seen_tail = ring.tail.0.load(Ordering::Acquire);
        }
        let words: [u64; MESSAGE / 8] =
            std::array::from_fn(|i| ring.slots[head as usize % SLOTS].0[i].load(Ordering::Relaxed));
        std::hint::black_box(words);
        head += 1;
        ring.head.0.store(head, Ordering::Release);
    };
    let send = || {
        while tail - seen_head == SLOTS as u64 {
            seen_head = ring.head.0.load(Ordering::Acquire);
        }
        ring.slots[tail as usize % SLOTS].0.iter().for_each(|word| word.store(tail, Ordering::Relaxed));
        tail += 1;
        ring.tail.0.store(tail, Ordering::Release);
    };
    stream(plan, &flags, receive, send)
}

/// Batches one way: the near end sends, and waits until the far end has counted the batch.
fn stream(
    plan: &Plan<'_>,
    flags: &Flags,
    mut receive: impl FnMut(),
    mut send: impl FnMut(),
) -> anyhow::Result<Vec<f64>> {
    let mut left = plan.count;
    let mut batch = 0;
    plan.in_two_processes(
        || {
            for batch in 1..=plan.batches as u64 + 1 {
                for _ in 0..plan.count {
                    receive();
                }
                flags.back.0.store(batch, Ordering::Release);
            }
        },
        || {
            plan.time(|| {
                send();
                left -= 1;
                if left == 0 {
                    (left, batch) = (plan.count, batch + 1);
                    flags.back.await_value(batch);
                }
            })
        },
    )
}
