//! `crossbeam-channel`: many senders, many receivers; of 64 messages, without any room, or unbounded.
//!
//! A party that finds nothing, or no room, backs off before it parks: 127 pause instructions in seven rounds, then four
//! sched_yield(2)s (`Backoff::snooze`). So a conversation between two CPUs now and then sleeps and mostly does not: its times
//! have two peaks. Without room it parks at once, and as with std's, two parties that poll would never meet.

use std::io;

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError};

use super::end::{Channel, DEPTH, End};
use super::parcel::Parcel;
use crate::descriptor::ended;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Support, Waiting};
use crate::shapes;

pub(super) static BOUNDED: Mechanism = Mechanism {
    name: "crossbeam-channel",
    summary: "crossbeam's bounded channel of 64 messages, polls before it parks; those over 64 bytes boxed",
    family: Family::Channel,
    reach: Reach::Threads,
    references: &["crossbeam-channel 0.5 (crate)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[
        shapes::transport::<End<Crossbeam<DEPTH>>>(),
        shapes::fan_in::<End<Crossbeam<DEPTH>>>(),
        shapes::fan_out::<End<Crossbeam<DEPTH>>>(),
    ],
};

pub(super) static RENDEZVOUS: Mechanism = Mechanism {
    name: "crossbeam-channel-zero",
    summary: "crossbeam's bounded(0): a sender waits until its message is taken; those over 64 bytes boxed",
    rank: Rank::Common,
    shapes: &[
        shapes::transport::<End<Crossbeam<0>>>(),
        shapes::fan_in::<End<Crossbeam<0>>>(),
        shapes::fan_out::<End<Crossbeam<0>>>(),
    ],
    ..BOUNDED
};

pub(super) static UNBOUNDED: Mechanism = Mechanism {
    name: "crossbeam-channel-unbounded",
    summary: "crossbeam's unbounded channel, polls before it parks; messages over 64 bytes boxed",
    rank: Rank::Common,
    shapes: &[
        shapes::transport::<End<Crossbeam<NO_BOUND>>>(),
        shapes::fan_in::<End<Crossbeam<NO_BOUND>>>(),
        shapes::fan_out::<End<Crossbeam<NO_BOUND>>>(),
    ],
    ..BOUNDED
};

const NO_BOUND: usize = usize::MAX;

struct Crossbeam<const DEPTH: usize>;

impl<const DEPTH: usize> Channel for Crossbeam<DEPTH> {
    type Sender = Sender<Parcel>;
    type Receiver = Receiver<Parcel>;
    const WAITINGS: &'static [Waiting] = if DEPTH == 0 { &[Waiting::Block] } else { &[Waiting::Block, Waiting::Spin] };
    const HOLDS: bool = DEPTH > 0;

    fn ends() -> (Self::Sender, Self::Receiver) {
        if DEPTH == NO_BOUND { crossbeam_channel::unbounded() } else { crossbeam_channel::bounded(DEPTH) }
    }

    #[inline]
    fn try_send(sender: &mut Self::Sender, parcel: Parcel) -> io::Result<Option<Parcel>> {
        match sender.try_send(parcel) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(parcel)) => Ok(Some(parcel)),
            Err(TrySendError::Disconnected(_)) => Err(ended()),
        }
    }

    #[inline]
    fn try_recv(receiver: &mut Self::Receiver) -> io::Result<Option<Parcel>> {
        match receiver.try_recv() {
            Ok(parcel) => Ok(Some(parcel)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(ended()),
        }
    }

    #[inline]
    fn send(sender: &mut Self::Sender, parcel: Parcel) -> io::Result<()> {
        sender.send(parcel).map_err(|_| ended())
    }

    #[inline]
    fn recv(receiver: &mut Self::Receiver) -> io::Result<Parcel> {
        receiver.recv().map_err(|_| ended())
    }
}
