//! The contract of [`Rendezvous`], as code that tries it on any implementation.

use std::io;

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::Rendezvous;
use crate::workloads::payload;

/// The clause of every channel that is made while both parties live.
pub const fn rendezvous<T: Rendezvous>() -> &'static [Clause] {
    Table::<T>::CLAUSES
}

struct Table<T>(std::marker::PhantomData<T>);

impl<T: Rendezvous> Table<T> {
    const CLAUSES: &'static [Clause] =
        &[Clause { name: "channels_can_be_made_again_and_again", check: again_and_again::<T> }];
}

const CHANNELS: u64 = 20;

fn again_and_again<T: Rendezvous>(setup: &Setup) -> io::Result<Verdict> {
    let (mut near_place, mut far_place) = T::places(setup)?;
    let size = setup.payload_bytes;
    let verdict = std::thread::scope(|scope| {
        let far = scope.spawn(move || {
            let mut message = vec![0; size];
            (0..CHANNELS).try_for_each(|_| {
                let mut end = T::open_far(&mut far_place)?;
                end.settle()?;
                end.recv(&mut message)?;
                end.send(&message)
            })
        });
        let (mut message, mut answer) = (vec![0; size], vec![0; size]);
        for number in 0..CHANNELS {
            payload::fill(&mut message, number);
            let mut end = T::open_near(&mut near_place)?;
            end.settle()?;
            end.send(&message)?;
            end.recv(&mut answer)?;
            if answer != message {
                return broken(format!("channel {number} carried a message of another one"));
            }
        }
        match far.join() {
            Ok(done) => done.map(|()| Verdict::Kept),
            Err(_) => broken("the far end panicked"),
        }
    })?;
    drop(near_place);
    if verdict == Verdict::Kept { super::no_name_is_left() } else { Ok(verdict) }
}
