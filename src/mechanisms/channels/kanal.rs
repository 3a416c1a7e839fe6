//! `kanal`: many senders, many receivers, of 64 messages; a queue under a lock of its own, and past it from stack to stack
//! where a receiver waits.
//!
//! To wait is to call sched_yield(2) up to 256 times before parking: a conversation never sleeps, and costs all of two CPUs.

use super::super::not_built;
use crate::mechanism::{Family, Mechanism, Rank, Reach};
use crate::shapes;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "kanal",
    summary: "kanal's bounded channel of 64 messages, yields long before it parks; those over 64 bytes boxed",
    family: Family::Channel,
    reach: Reach::Threads,
    references: &["kanal 0.1 (crate)"],
    support: || not_built::unless(cfg!(feature = "rivals"), "rivals"),
    rank: Rank::Rare,
    shapes: &[shapes::transport::<Ends>(), shapes::fan_in::<Ends>(), shapes::fan_out::<Ends>()],
};

#[cfg(not(feature = "rivals"))]
type Ends = not_built::NotBuilt<true>;
#[cfg(feature = "rivals")]
type Ends = super::end::End<built::Kanal>;

#[cfg(feature = "rivals")]
mod built {
    use std::io;

    use kanal::{Receiver, Sender};

    use crate::descriptor::ended;
    use crate::mechanisms::channels::end::{Channel, DEPTH};
    use crate::mechanisms::channels::parcel::Parcel;

    pub(super) struct Kanal;

    impl Channel for Kanal {
        type Sender = Sender<Parcel>;
        type Receiver = Receiver<Parcel>;

        fn ends() -> (Self::Sender, Self::Receiver) {
            kanal::bounded(DEPTH)
        }

        #[inline]
        fn try_send(sender: &mut Self::Sender, parcel: Parcel) -> io::Result<Option<Parcel>> {
            // `try_send` drops what it cannot send.
            let mut parcel = Some(parcel);
            sender.try_send_option(&mut parcel).map_err(|_| ended())?;
            Ok(parcel)
        }

        #[inline]
        fn try_recv(receiver: &mut Self::Receiver) -> io::Result<Option<Parcel>> {
            receiver.try_recv().map_err(|_| ended())
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
