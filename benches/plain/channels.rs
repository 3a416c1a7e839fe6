//! Channels of libraries by hand, between two threads: messages of one size that both know, nothing before them.

use std::hint::spin_loop;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{MESSAGE, Plan};

type Message = [u8; MESSAGE];

/// Polled, as the suite's cells that spin.
pub(crate) fn crossbeam_round_trip_polling(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let ((out, far_in), (far_out, back)) = (bounded::<Message>(64), bounded::<Message>(64));
    let receive = |from: &Receiver<Message>| loop {
        if let Ok(message) = from.try_recv() {
            return message;
        }
        spin_loop();
    };
    let send = |to: &Sender<Message>, message| {
        while to.try_send(message).is_err() {
            spin_loop();
        }
    };
    let mut message = [0; MESSAGE];
    plan.in_two_threads(
        move || send(&far_out, receive(&far_in)),
        || {
            plan.time(|| {
                send(&out, message);
                message = receive(&back);
            })
        },
    )
}

#[cfg(feature = "rivals")]
pub(crate) use rivals::rtrb_stream;

#[cfg(feature = "rivals")]
mod rivals {
    use std::hint::{black_box, spin_loop};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use ipcmark::ring::CAPACITY;
    use rtrb::RingBuffer;

    use super::super::Plan;

    /// Longer messages cross in pieces, as in the suite's ring, so that copying in and out overlap.
    const PIECE: usize = CAPACITY / 4;

    /// rtrb's ring of bytes.
    pub(crate) fn rtrb_stream(plan: &Plan) -> anyhow::Result<Vec<f64>> {
        let (mut producer, mut consumer) = RingBuffer::new(CAPACITY);
        let message = vec![0x5A_u8; plan.stage.setup.payload_bytes];
        let mut got = message.clone();
        let (wanted, received) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (target, counted) = (Arc::clone(&wanted), Arc::clone(&received));
        let (mut done, mut sent) = (0, 0);
        let far = move || {
            for piece in got.chunks_mut(PIECE) {
                while consumer.pop_entire_slice(piece).is_err() {
                    spin_loop();
                }
            }
            black_box(&got);
            done += 1;
            // Relaxed: the ring orders it.
            if done == target.load(Ordering::Relaxed) {
                counted.store(done, Ordering::Release);
            }
        };
        let mut send = || {
            for piece in message.chunks(PIECE) {
                while producer.push_entire_slice(piece).is_err() {
                    spin_loop();
                }
            }
        };
        plan.in_two_threads(far, || {
            plan.time_by(|count| {
                sent += count;
                wanted.store(sent, Ordering::Release);
                (0..count).for_each(|_| send());
                // A batch is over when its last message has been taken.
                while received.load(Ordering::Acquire) != sent {
                    spin_loop();
                }
            })
        })
    }
}
