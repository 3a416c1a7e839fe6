//! rtrb's ring of bytes by hand, between two threads: messages of one size that both know, nothing before them.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark::ring::CAPACITY;
use ipcmark_harness::parties::pin;
use rtrb::RingBuffer;

use super::Plan;

/// Longer messages cross in pieces, as in the suite's ring, so that copying in and out overlap.
const PIECE: usize = CAPACITY / 4;

pub(crate) fn rtrb_stream(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    let (mut producer, mut consumer) = RingBuffer::new(CAPACITY);
    let message = vec![0x5A_u8; plan.stage.setup.payload_bytes];
    let mut got = message.clone();
    let counted = AtomicU64::new(0);
    let far = || -> anyhow::Result<()> {
        pin(plan.stage.cpus_of_peer(0))?;
        for done in 1..=plan.operations() {
            for piece in got.chunks_mut(PIECE) {
                while consumer.pop_entire_slice(piece).is_err() {
                    std::hint::spin_loop();
                }
            }
            black_box(&got);
            if done % plan.count == 0 {
                counted.store(done, Ordering::Release);
            }
        }
        Ok(())
    };
    let near = || -> anyhow::Result<Vec<f64>> {
        pin(&plan.stage.near_cpus)?;
        let mut sent = 0;
        Ok(plan.time(|| {
            for piece in message.chunks(PIECE) {
                while producer.push_entire_slice(piece).is_err() {
                    std::hint::spin_loop();
                }
            }
            sent += 1;
            // A batch is over when its last message has been taken.
            while sent % plan.count == 0 && counted.load(Ordering::Acquire) != sent {
                std::hint::spin_loop();
            }
        }))
    };
    // Both in threads of their own: where this one runs stays as it is.
    std::thread::scope(|scope| {
        let (far, near) = (scope.spawn(far), scope.spawn(near));
        let panicked = |_| anyhow::anyhow!("a thread panicked");
        let times = near.join().map_err(panicked)?;
        far.join().map_err(panicked)??;
        times
    })
}
