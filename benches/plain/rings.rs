//! What the suite's ring is set against: two bare flags, and the textbook's ring of slots; and the ring itself, without the suite.

use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark::manner::Manner;
use ipcmark::mechanism::Waiting;
use ipcmark::ring::{Consumer, Producer, Ring};
use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::{Flags, Line, MESSAGE, Plan, stream};

pub(crate) fn flags_round_trip(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let flags = Shared::<Flags>::zeroed()?;
    let (mut near_turn, mut far_turn) = (0, 0);
    plan.in_two_processes(
        || {
            far_turn += 1;
            flags.there.await_value(far_turn);
            flags.back.0.store(far_turn, Ordering::Release);
        },
        || {
            plan.time(|| {
                near_turn += 1;
                flags.there.0.store(near_turn, Ordering::Release);
                flags.back.await_value(near_turn);
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

pub(crate) fn ring_round_trip(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let rings = Shared::<Rings>::zeroed()?;
    let (mut near_message, mut far_message) = ([0; MESSAGE], [0; MESSAGE]);
    let (mut near_in, mut near_out) = (rings.consumer(0), rings.producer(1));
    let (mut far_in, mut far_out) = (rings.consumer(1), rings.producer(0));
    plan.in_two_processes(
        || {
            let _ = far_in.recv(&mut far_message, true);
            far_out.send(&far_message, true);
        },
        || {
            plan.time(|| {
                near_out.send(&near_message, true);
                let _ = near_in.recv(&mut near_message, true);
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

pub(crate) fn bare_ring_stream(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let ring = Shared::<BareRing>::zeroed()?;
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
    stream(plan, receive, send)
}
