//! That every message comes whole and in its order over more than one lap, that nothing of an earlier lap passes for a header, that
//! nothing is overwritten before it has been read, and that a sleeper is woken: the protocol of `shm-ring`, and how it sleeps.
//!
//! These are not all orders: those with at most three preemptions. Four take two minutes and found nothing more. Without any one of the six
//! orderings, the second look, the zero behind a frame or the room for it in `protocol.rs`, nine in all, a model fails.

use std::io;

use loom::sync::Arc;
use loom::thread;

use crate::data::Data;
use crate::ground::forget_polls;
use crate::manner::Manner;
use crate::protocol::{Consumer, Producer, Ring};

/// In a header it would be a length that no message has.
fn message(number: usize, size: usize) -> Vec<u8> {
    vec![0x80 | number as u8; size]
}

/// Messages of these sizes cross, in the orders with so few preemptions. A sleeper whom nobody wakes is a deadlock, at which loom
/// fails.
fn cross(sizes: &'static [usize], sleeps: bool, preemptions: usize) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 10_000;
    model.check(move || {
        let ring = Arc::new(Ring::around(Data::default()));
        let theirs = Arc::clone(&ring);
        let producer = thread::spawn(move || {
            #[allow(unsafe_code)]
            // SAFETY: the ring lives as long as this thread has it, and there is no other producer.
            let mut end = unsafe { Producer::new(&*theirs, Manner { sleeps }) };
            for (number, &size) in sizes.iter().enumerate() {
                forget_polls();
                end.send(&message(number, size), false);
            }
            end.close();
        });
        #[allow(unsafe_code)]
        // SAFETY: as above; there is no other consumer.
        let mut end = unsafe { Consumer::new(&*ring, Manner { sleeps }) };
        for (number, &size) in sizes.iter().enumerate() {
            forget_polls();
            let mut got = vec![0; size];
            end.recv(&mut got, false).unwrap();
            assert_eq!(got, message(number, size), "message {number}");
        }
        forget_polls();
        let after = end.recv(&mut [0; 8], false).unwrap_err();
        assert_eq!(after.kind(), io::ErrorKind::UnexpectedEof);
        producer.join().unwrap();
    });
}

/// Frames of three lines, three, one and two and a half, in a ring of eight: the last begins at the end and ends within where the
/// first was.
const LAP: &[usize] = &[32, 32, 8, 24];

#[test]
fn parties_that_sleep_lose_nothing_over_a_lap() {
    cross(LAP, true, 3);
}

#[test]
fn parties_that_poll_lose_nothing_over_a_lap() {
    cross(LAP, false, 3);
}

/// Frames of a line, and two of half a line: after nine of them the ring is full to the last byte, and the header behind them is where
/// the first one was.
#[test]
fn short_messages_that_share_lines_lose_nothing_over_a_lap() {
    cross(&[8, 0, 0, 8, 8, 8, 8, 8, 8, 8], true, 2);
}

#[test]
fn a_message_in_two_frames_is_one() {
    cross(&[40, 8], true, 3);
}
