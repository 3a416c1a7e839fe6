//! Shared memory by hand: one message between two semaphores, and copies of what the other CPU has written.

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::ptr::copy_nonoverlapping;
use std::sync::atomic::Ordering;

use ipcmark::ring::CAPACITY;
use ipcmark_harness::sys::huge_pages::Pages;
use ipcmark_harness::sys::memory::{Buffer, Mapping, Shareable, Shared};

use super::{Flags, MESSAGE, Plan};

/// A message, and a semaphore that it is there and one that it is back.
#[repr(C)]
struct Desk {
    there: UnsafeCell<libc::sem_t>,
    back: UnsafeCell<libc::sem_t>,
    message: UnsafeCell<[u8; MESSAGE]>,
}

// SAFETY: the semaphores are for several threads, and say whose turn it is to touch the message.
unsafe impl Sync for Desk {}
// SAFETY: valid when zero, and no addresses.
unsafe impl Shareable for Desk {}

pub(crate) fn semaphore_round_trip(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let desk = Shared::<Desk>::zeroed()?;
    let (there, back, message) = (desk.there.get(), desk.back.get(), desk.message.get());
    // SAFETY: nobody uses the semaphores yet.
    let failed = unsafe { libc::sem_init(there, 1, 0) | libc::sem_init(back, 1, 0) };
    anyhow::ensure!(failed == 0, "sem_init: {}", std::io::Error::last_os_error());
    let (mut near_message, mut far_message) = ([0; MESSAGE], [0; MESSAGE]);
    plan.in_two_processes(
        || {
            // SAFETY: the desk is mapped, and the message this party's between the two calls.
            unsafe {
                while libc::sem_wait(there) != 0 {}
                far_message = *message;
                *message = *black_box(&far_message);
                libc::sem_post(back);
            }
        },
        || {
            plan.time(|| {
                // SAFETY: the desk is mapped, and the message this party's but between the two calls.
                unsafe {
                    *message = near_message;
                    libc::sem_post(there);
                    while libc::sem_wait(back) != 0 {}
                    near_message = *message;
                }
            })
        },
    )
}

/// memcpy(3) of one message of the stage's size to private memory, from shared memory that the other CPU has just written
/// by memcpy(3) from its own. The two take turns over 256 KiB, or one message if that is longer; nothing is timed but the
/// copying out, turn by turn.
///
/// A stream through a ring copies in and out at the same time, so that it can be as fast as this only if the two copies
/// do not hinder each other.
pub(crate) fn copies_of_what_the_other_wrote(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let size = plan.stage.setup.payload_bytes;
    let messages = (CAPACITY / size).max(1);
    let shared = Mapping::anonymous(messages * size, Pages::Base)?;
    let flags = Shared::<Flags>::zeroed()?;
    let at = |message: usize| shared.as_ptr().wrapping_add(message * size);
    let (theirs, mut own) = (Buffer::new(size)?, Buffer::new(size)?);
    let (mut near_turn, mut far_turn) = (0, 0);
    plan.in_two_processes(
        || {
            far_turn += 1;
            flags.there.await_value(far_turn);
            // SAFETY: the messages lie in the mapping, which is this party's until it says that they are written.
            (0..messages).for_each(|i| unsafe { copy_nonoverlapping(theirs.as_ptr(), at(i), size) });
            flags.back.0.store(far_turn, Ordering::Release);
        },
        || {
            let mut turn = || {
                near_turn += 1;
                flags.there.0.store(near_turn, Ordering::Release);
                flags.back.await_value(near_turn);
                let start = plan.clock.start();
                for i in 0..messages {
                    // SAFETY: as above; the other party waits.
                    unsafe { copy_nonoverlapping(at(i), own.as_mut_ptr(), size) };
                    black_box(&mut own[0]);
                }
                plan.clock.ns_between(start, plan.clock.end()) / messages as f64
            };
            let turns = plan.count_of(|| _ = turn());
            (0..turns).map(|_| turn()).collect()
        },
    )
}
