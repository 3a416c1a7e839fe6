//! The ring with messages of every size, over many laps: what an earlier lap left must never pass for a header.
#![allow(unsafe_code)] // the ends take a pointer

use std::io;
use std::time::Duration;

use ipcmark_harness::sys::memory::{Shareable, Shared};

use super::{CAPACITY, Consumer, Producer, Ring};
use crate::manner::Manner;
use crate::mechanism::Waiting;
use crate::workloads::payload;

// SAFETY: a ring holds atomics only and is empty when all its bytes are zero.
unsafe impl Shareable for Ring {}

fn ends(ring: &Shared<Ring>, waiting: Waiting) -> (Producer, Consumer) {
    let apart = std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1);
    let manner = Manner::new(waiting, apart);
    // SAFETY: the ring is zeroed and outlives the ends, of which there is one each.
    unsafe { (Producer::new(&**ring, manner), Consumer::new(&**ring, manner)) }
}

/// Mostly short messages, some longer than a frame, some longer than the whole ring.
fn sizes(seed: u64, count: usize) -> Vec<usize> {
    let mut random = fastrand::Rng::with_seed(seed);
    let size = |_| match random.u32(..100) {
        0 => random.usize(CAPACITY..2 * CAPACITY),
        1..5 => random.usize(..CAPACITY / 2),
        5..30 => random.usize(..5000),
        _ => random.usize(..200),
    };
    (0..count).map(size).collect()
}

/// A header would be non-zero: so is every byte here, wherever a later header may come to lie.
fn message(number: usize, size: usize) -> Vec<u8> {
    let mut message = vec![0; size];
    payload::fill(&mut message, number as u64);
    message.iter_mut().for_each(|byte| *byte |= 0x81);
    message
}

#[test]
fn messages_of_mixed_sizes_arrive_unchanged_over_many_laps() {
    for (waiting, awaited) in [(Waiting::Block, false), (Waiting::Adaptive, true), (Waiting::Spin, false)] {
        // A broken ring waits for ever more likely than it delivers something wrong.
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(exchange(waiting, awaited)));
        let found = ended.recv_timeout(Duration::from_secs(if cfg!(miri) { 3600 } else { 60 }));
        assert_eq!(found, Ok(Ok(())), "{waiting:?}");
    }
}

fn exchange(waiting: Waiting, awaited: bool) -> Result<(), String> {
    let count = if waiting == Waiting::Spin { 300 } else { 3000 };
    // Interpreted, a byte takes a microsecond.
    let sizes = sizes(7, if cfg!(miri) { 20 } else { count });
    let ring = Shared::<Ring>::zeroed().map_err(|error| error.to_string())?;
    let (mut producer, mut consumer) = ends(&ring, waiting);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (number, &size) in sizes.iter().enumerate() {
                producer.send(&message(number, size), awaited);
            }
            producer.close();
        });
        for (number, &size) in sizes.iter().enumerate() {
            let mut got = vec![0; size];
            consumer.recv(&mut got, awaited).map_err(|error| format!("message {number}: {error}"))?;
            if got != message(number, size) {
                return Err(format!("message {number} of {size} bytes was changed"));
            }
        }
        match consumer.recv(&mut [0], awaited) {
            Err(end) if end.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            other => Err(format!("{other:?} after the last message")),
        }
    })
}

#[test]
fn a_message_of_another_length_is_refused() {
    let ring = Shared::<Ring>::zeroed().unwrap();
    let (mut producer, mut consumer) = ends(&ring, Waiting::Block);
    producer.send(b"four", false);
    assert_eq!(consumer.recv(&mut [0; 5], false).unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn an_empty_message_is_a_message() {
    let ring = Shared::<Ring>::zeroed().unwrap();
    let (mut producer, mut consumer) = ends(&ring, Waiting::Block);
    producer.send(b"", false);
    producer.send(b"x", false);
    let mut got = [0];
    consumer.recv(&mut [], false).unwrap();
    consumer.recv(&mut got, true).unwrap();
    assert_eq!(&got, b"x");
}
