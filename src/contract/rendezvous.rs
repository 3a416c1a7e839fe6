//! The contract of [`Rendezvous`], as code that tries it on any implementation.

use std::io;

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::Rendezvous;
use crate::shapes::erased::TransportKind;
use crate::workloads::{Remade, payload};

/// The clause of every channel that is made while both parties live.
pub const fn rendezvous<T: Rendezvous>() -> &'static [Clause] {
    Table::<T>::CLAUSES
}

struct Table<T>(std::marker::PhantomData<T>);

impl<T: Rendezvous> Table<T> {
    const CLAUSES: &'static [Clause] = &[Clause {
        name: "channels_can_be_made_again_and_again",
        check: |setup| again_and_again(TransportKind::of::<Remade<T>>(), setup),
    }];
}

const CHANNELS: u64 = 20;

/// Each message and its answer have a channel of their own.
fn again_and_again(kind: &TransportKind, setup: &Setup) -> io::Result<Verdict> {
    let (mut near, mut far) = (kind.pair)(setup)?;
    let size = setup.payload_bytes;
    let verdict = std::thread::scope(|scope| {
        let far = scope.spawn(move || {
            let mut message = vec![0; size];
            (0..CHANNELS).try_for_each(|_| {
                far.recv(&mut message)?;
                far.send(&message)
            })
        });
        let (mut message, mut answer) = (vec![0; size], vec![0; size]);
        for number in 0..CHANNELS {
            payload::fill(&mut message, number);
            near.send(&message)?;
            near.recv(&mut answer)?;
            if answer != message {
                return broken(format!("channel {number} carried a message of another one"));
            }
        }
        match far.join() {
            Ok(done) => done.map(|()| Verdict::Kept),
            Err(_) => broken("the far end panicked"),
        }
    })?;
    drop(near);
    if verdict == Verdict::Kept { super::no_name_is_left() } else { Ok(verdict) }
}
