//! `flume`: many senders, many receivers, of 64 messages; a queue under a mutex.
//!
//! A party that finds nothing, or no room, leaves a note on the heap for the other and parks at once.

use super::super::not_built;
use crate::mechanism::{Family, Mechanism, Rank, Reach};
use crate::shapes;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "flume",
    summary: "flume's bounded channel of 64 messages; those over 64 bytes boxed",
    family: Family::Channel,
    reach: Reach::Threads,
    references: &["flume 0.12 (crate)"],
    support: || not_built::unless(cfg!(feature = "rivals"), "rivals"),
    rank: Rank::Rare,
    shapes: &[shapes::transport::<Ends>(), shapes::fan_in::<Ends>(), shapes::fan_out::<Ends>()],
};

#[cfg(not(feature = "rivals"))]
type Ends = not_built::NotBuilt<true>;
#[cfg(feature = "rivals")]
type Ends = super::end::End<built::Flume>;

#[cfg(feature = "rivals")]
mod built {
    use std::io;

    use flume::{Receiver, Sender, TryRecvError, TrySendError};

    use crate::descriptor::ended;
    use crate::mechanisms::channels::end::{Channel, DEPTH};
    use crate::mechanisms::channels::parcel::Parcel;

    pub(super) struct Flume;

    impl Channel for Flume {
        type Sender = Sender<Parcel>;
        type Receiver = Receiver<Parcel>;

        fn ends() -> (Self::Sender, Self::Receiver) {
            flume::bounded(DEPTH)
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
}
