//! iceoryx2: shared memory behind ports that find each other by a service's name; here in a folder of our own.
//!
//! - `iceoryx2-pub-sub`: two services, one a direction, each with one publisher and one subscriber. A message is written into
//!   a loaned chunk of the publisher's memory, whose offset goes over by a lock-free queue; the subscriber copies it out and
//!   gives the chunk back. So it is written once and read once, as by any other mechanism: to hand on what is not read would
//!   cost the same at every size.
//! - Polling asks the subscriber again. Blocking is what the documentation builds: an event service beside it.
//! - A full subscriber makes the publisher yield the CPU up to 10,000 times, then sleep for 100 µs, then for 10 ms, in `send`.
//! - `iceoryx2-event`: a notifier counts in shared memory and sends a byte over a Unix datagram socket, on which the
//!   listener sleeps; polling reads from that too.
//! - A party that is gone leaves no word.

use super::super::not_built;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Support};
use crate::shapes;

pub(super) static PUB_SUB: Mechanism = Mechanism {
    name: "iceoryx2-pub-sub",
    summary: "iceoryx2's publish-subscribe on its file-backed memory, polled, or awaited by its event; copied in and out",
    family: Family::SharedMemory,
    reach: Reach::Both,
    references: &["iceoryx2 0.10 (crate)"],
    support,
    rank: Rank::Common,
    shapes: &[shapes::transport::<PubSub>()],
};

pub(super) static EVENT: Mechanism = Mechanism {
    name: "iceoryx2-event",
    summary: "iceoryx2's event service: a count in shared memory, and a byte over a Unix datagram socket",
    family: Family::Notification,
    shapes: &[shapes::wakeup::<Event>()],
    ..PUB_SUB
};

#[cfg(not(feature = "rivals"))]
type PubSub = not_built::NotBuilt<true>;
#[cfg(not(feature = "rivals"))]
type Event = not_built::NotBuilt<true>;
#[cfg(feature = "rivals")]
use super::{iceoryx2_event::Event, iceoryx2_pub_sub::PubSub};

fn support() -> Support {
    not_built::unless(cfg!(feature = "rivals"), "rivals").and(tried)
}

#[cfg(not(feature = "rivals"))]
fn tried() -> Support {
    Support::Available
}

/// A listener needs a socket's path of at most 107 bytes, and all of it a file system that can be mapped.
#[cfg(feature = "rivals")]
fn tried() -> Support {
    match super::iceoryx2_place::Place::try_alone() {
        Ok(()) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    }
}
