//! `rtrb`: a ring of one producer and one consumer, of 64 messages or of 256 KiB; a library's counterpart to `shm-ring`.
//!
//! Nothing in it waits, so a party polls. That the other end is gone shows (`is_abandoned`), and is looked at where there is
//! nothing, or no room. The ring of bytes carries each message after its length, in pieces of at most a quarter of the ring,
//! so that copying in and out overlap as in `shm-ring`; a piece is copied when there is room for all of it.

use super::super::not_built;
use crate::mechanism::{Family, Mechanism, Rank, Reach};
use crate::shapes;

pub(super) static MESSAGES: Mechanism = Mechanism {
    name: "rtrb",
    summary: "rtrb's ring of 64 messages, one producer, one consumer, polled; those over 64 bytes boxed",
    family: Family::Channel,
    reach: Reach::Threads,
    references: &["rtrb 0.4 (crate)"],
    support: || not_built::unless(cfg!(feature = "rivals"), "rivals"),
    rank: Rank::Common,
    shapes: &[shapes::transport::<Messages>()],
};

pub(super) static BYTES: Mechanism = Mechanism {
    name: "rtrb-bytes",
    summary: "rtrb's ring of 256 KiB, one producer, one consumer, polled; messages copied in after their length",
    rank: Rank::Rare,
    shapes: &[shapes::transport::<Bytes>()],
    ..MESSAGES
};

#[cfg(not(feature = "rivals"))]
type Messages = not_built::NotBuilt<false>;
#[cfg(not(feature = "rivals"))]
type Bytes = not_built::NotBuilt<false>;
#[cfg(feature = "rivals")]
type Messages = super::end::End<built::Messages>;
#[cfg(feature = "rivals")]
type Bytes = built::Bytes;

#[cfg(feature = "rivals")]
mod built {
    use std::io;

    use rtrb::{Consumer, PopError, Producer, PushError, RingBuffer};

    use crate::descriptor::{ended, other_length};
    use crate::mechanism::{Setup, Waiting};
    use crate::mechanisms::channels::end::{Channel, DEPTH};
    use crate::mechanisms::channels::parcel::Parcel;
    use crate::shapes::Transport;

    pub(super) struct Messages;

    impl Channel for Messages {
        type Sender = Producer<Parcel>;
        type Receiver = Consumer<Parcel>;
        const WAITINGS: &'static [Waiting] = &[Waiting::Spin];

        fn ends() -> (Self::Sender, Self::Receiver) {
            RingBuffer::new(DEPTH)
        }

        #[inline]
        fn try_send(producer: &mut Self::Sender, parcel: Parcel) -> io::Result<Option<Parcel>> {
            match producer.push(parcel) {
                Ok(()) => Ok(None),
                Err(PushError::Full(_)) if producer.is_abandoned() => Err(ended()),
                Err(PushError::Full(parcel)) => Ok(Some(parcel)),
            }
        }

        #[inline]
        fn try_recv(consumer: &mut Self::Receiver) -> io::Result<Option<Parcel>> {
            match consumer.pop() {
                Ok(parcel) => Ok(Some(parcel)),
                // It may have come between the look into the ring and the look after the producer.
                Err(PopError::Empty) if consumer.is_abandoned() => consumer.pop().map(Some).map_err(|_| ended()),
                Err(PopError::Empty) => Ok(None),
            }
        }
    }

    /// As much as a ring of `shm-ring`.
    const CAPACITY: usize = crate::ring::CAPACITY;
    const PIECE: usize = CAPACITY / 4;
    const PREFIX: usize = size_of::<u64>();

    pub(super) struct Bytes {
        outbound: Producer<u8>,
        inbound: Consumer<u8>,
    }

    impl Transport for Bytes {
        const BOUNDARIES: bool = true;
        const WAITINGS: &'static [Waiting] = &[Waiting::Spin];

        fn pair(_: &Setup) -> io::Result<(Self, Self)> {
            let (near_out, far_in) = RingBuffer::new(CAPACITY);
            let (far_out, near_in) = RingBuffer::new(CAPACITY);
            Ok((Bytes { outbound: near_out, inbound: near_in }, Bytes { outbound: far_out, inbound: far_in }))
        }

        #[inline]
        fn send(&mut self, message: &[u8]) -> io::Result<()> {
            push(&mut self.outbound, &(message.len() as u64).to_ne_bytes())?;
            message.chunks(PIECE).try_for_each(|piece| push(&mut self.outbound, piece))
        }

        #[inline]
        fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
            let mut prefix = [0; PREFIX];
            pop(&mut self.inbound, &mut prefix)?;
            let len = u64::from_ne_bytes(prefix) as usize;
            if len != message.len() {
                return Err(other_length(len, message.len()));
            }
            message.chunks_mut(PIECE).try_for_each(|piece| pop(&mut self.inbound, piece))
        }
    }

    #[inline]
    fn push(producer: &mut Producer<u8>, piece: &[u8]) -> io::Result<()> {
        while producer.push_entire_slice(piece).is_err() {
            if producer.is_abandoned() {
                return Err(ended());
            }
            std::hint::spin_loop();
        }
        Ok(())
    }

    #[inline]
    fn pop(consumer: &mut Consumer<u8>, piece: &mut [u8]) -> io::Result<()> {
        while consumer.pop_entire_slice(piece).is_err() {
            // Once more: it may have come between the look into the ring and the look after the producer.
            if consumer.is_abandoned() {
                return consumer.pop_entire_slice(piece).map_err(|_| ended());
            }
            std::hint::spin_loop();
        }
        Ok(())
    }
}
