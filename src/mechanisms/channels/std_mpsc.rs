//! `std::sync::mpsc`: many senders, one receiver; unbounded, of 64 messages, or without any room.
//!
//! A receiver that finds nothing parks at once, which shows as a wake-up in every message of a conversation. Without room a
//! message passes from one hand to the other: `try_send` succeeds only while the receiver waits and `try_recv` only while a
//! sender does, so that two parties that poll would never meet; it only blocks.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TryRecvError, TrySendError};

use super::end::{Channel, DEPTH, End};
use super::parcel::Parcel;
use crate::descriptor::ended;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Support, Waiting};
use crate::shapes;

pub(super) static UNBOUNDED: Mechanism = Mechanism {
    name: "std-mpsc",
    summary: "std's mpsc::channel, unbounded; messages over 64 bytes boxed",
    family: Family::Channel,
    reach: Reach::Threads,
    references: &["std::sync::mpsc::channel"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::transport::<End<Unbounded>>(), shapes::fan_in::<End<Unbounded>>()],
};

pub(super) static BOUNDED: Mechanism = Mechanism {
    name: "std-mpsc-sync",
    summary: "std's mpsc::sync_channel of 64 messages; those over 64 bytes boxed",
    references: &["std::sync::mpsc::sync_channel"],
    rank: Rank::Common,
    shapes: &[shapes::transport::<End<Bounded<DEPTH>>>(), shapes::fan_in::<End<Bounded<DEPTH>>>()],
    ..UNBOUNDED
};

pub(super) static RENDEZVOUS: Mechanism = Mechanism {
    name: "std-mpsc-rendezvous",
    summary: "std's mpsc::sync_channel(0): a sender waits until its message is taken; those over 64 bytes boxed",
    references: &["std::sync::mpsc::sync_channel"],
    rank: Rank::Common,
    shapes: &[shapes::transport::<End<Bounded<0>>>(), shapes::fan_in::<End<Bounded<0>>>()],
    ..UNBOUNDED
};

struct Unbounded;

impl Channel for Unbounded {
    type Sender = Sender<Parcel>;
    type Receiver = Receiver<Parcel>;

    fn ends() -> (Self::Sender, Self::Receiver) {
        mpsc::channel()
    }

    #[inline]
    fn try_send(sender: &mut Self::Sender, parcel: Parcel) -> io::Result<Option<Parcel>> {
        Self::send(sender, parcel).map(|()| None)
    }

    #[inline]
    fn try_recv(receiver: &mut Self::Receiver) -> io::Result<Option<Parcel>> {
        arrived(receiver.try_recv())
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

struct Bounded<const DEPTH: usize>;

impl<const DEPTH: usize> Channel for Bounded<DEPTH> {
    type Sender = SyncSender<Parcel>;
    type Receiver = Receiver<Parcel>;
    const WAITINGS: &'static [Waiting] = if DEPTH == 0 { &[Waiting::Block] } else { &[Waiting::Block, Waiting::Spin] };
    const HOLDS: bool = DEPTH > 0;

    fn ends() -> (Self::Sender, Self::Receiver) {
        mpsc::sync_channel(DEPTH)
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
        arrived(receiver.try_recv())
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

#[inline]
fn arrived(got: Result<Parcel, TryRecvError>) -> io::Result<Option<Parcel>> {
    match got {
        Ok(parcel) => Ok(Some(parcel)),
        Err(TryRecvError::Empty) => Ok(None),
        Err(TryRecvError::Disconnected) => Err(ended()),
    }
}
