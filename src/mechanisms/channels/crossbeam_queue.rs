//! `crossbeam-queue`: lock-free queues of many producers and many consumers; `ArrayQueue` of 64 messages, `SegQueue` without
//! bound.
//!
//! A queue is not a channel: nothing in it waits, so a party polls; and it knows nothing of who is at the other end, so
//! that a peer's end does not show.

use std::io;
use std::sync::Arc;

use crossbeam_queue::{ArrayQueue, SegQueue};

use super::end::{Channel, DEPTH, End};
use super::parcel::Parcel;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Support, Waiting};
use crate::shapes;

pub(super) static ARRAY: Mechanism = Mechanism {
    name: "crossbeam-array-queue",
    summary: "crossbeam's ArrayQueue of 64 messages, polled; those over 64 bytes boxed",
    family: Family::Channel,
    reach: Reach::Threads,
    references: &["crossbeam-queue 0.3 (crate)"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[
        shapes::transport::<End<ArrayQueue<Parcel>>>(),
        shapes::fan_in::<End<ArrayQueue<Parcel>>>(),
        shapes::fan_out::<End<ArrayQueue<Parcel>>>(),
    ],
};

pub(super) static SEGMENTED: Mechanism = Mechanism {
    name: "crossbeam-seg-queue",
    summary: "crossbeam's SegQueue, unbounded, polled; messages over 64 bytes boxed",
    shapes: &[
        shapes::transport::<End<SegQueue<Parcel>>>(),
        shapes::fan_in::<End<SegQueue<Parcel>>>(),
        shapes::fan_out::<End<SegQueue<Parcel>>>(),
    ],
    ..ARRAY
};

impl Channel for ArrayQueue<Parcel> {
    type Sender = Arc<Self>;
    type Receiver = Arc<Self>;
    const WAITINGS: &'static [Waiting] = &[Waiting::Spin];
    const REPORTS_END: bool = false;

    fn ends() -> (Self::Sender, Self::Receiver) {
        let queue = Arc::new(ArrayQueue::new(DEPTH));
        (Arc::clone(&queue), queue)
    }

    #[inline]
    fn try_send(queue: &mut Self::Sender, parcel: Parcel) -> io::Result<Option<Parcel>> {
        Ok(queue.push(parcel).err())
    }

    #[inline]
    fn try_recv(queue: &mut Self::Receiver) -> io::Result<Option<Parcel>> {
        Ok(queue.pop())
    }
}

impl Channel for SegQueue<Parcel> {
    type Sender = Arc<Self>;
    type Receiver = Arc<Self>;
    const WAITINGS: &'static [Waiting] = &[Waiting::Spin];
    const REPORTS_END: bool = false;

    fn ends() -> (Self::Sender, Self::Receiver) {
        let queue = Arc::new(SegQueue::new());
        (Arc::clone(&queue), queue)
    }

    #[inline]
    fn try_send(queue: &mut Self::Sender, parcel: Parcel) -> io::Result<Option<Parcel>> {
        queue.push(parcel);
        Ok(None)
    }

    #[inline]
    fn try_recv(queue: &mut Self::Receiver) -> io::Result<Option<Parcel>> {
        Ok(queue.pop())
    }
}
