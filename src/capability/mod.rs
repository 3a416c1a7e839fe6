//! What a mechanism can do, found out by trying it: the table in the README and in `list --capabilities`.
//!
//! Nothing here is what a mechanism says of itself. Each answer is an experiment on a fresh pair of ends, run in a worker of its
//! own, since some of them leave a thread waiting for ever.

mod address;
mod answers;
mod descriptor;
mod ends;
mod messages;
mod writers_death;

use std::io;

use crate::shapes::erased::{TransportKind, WakeupKind, at_the_same_time};

pub use answers::{Capabilities, Holds, Largest, QUESTIONS};

use address::{address, is_routed};
use descriptor::{Watch, both_ways, carries_descriptors, tells_epoll};
use ends::setup;
use messages::{TRIED_BYTES, holds, keeps_boundaries, largest};
use writers_death::outlives_writer;

/// What can be seen of a transport.
pub(crate) fn of_transport(kind: &TransportKind) -> io::Result<Capabilities> {
    if !kind.delivers {
        return Ok(Capabilities::default());
    }
    // First: it forks, which it must not when another experiment has left a thread.
    let outlives_writer = Some(outlives_writer(kind)?);
    let largest = largest(kind)?;
    let address = address(kind)?;
    Ok(Capabilities {
        outlives_writer,
        boundaries: Some(keeps_boundaries(kind)?),
        holds_bytes: Some(holds(kind, largest.min(4096))?),
        both_ways: Some(both_ways(kind)?),
        carries_descriptors: Some(carries_descriptors(kind)?),
        epoll: Some(tells_epoll(kind)?),
        largest: Some(if largest >= TRIED_BYTES { Largest::Any } else { Largest::Bytes(largest) }),
        has_address: Some(address.is_some()),
        across_hosts: Some(address.is_some_and(|address| is_routed(&address))),
    })
}

/// What can be seen of a notification.
pub(crate) fn of_wakeup(kind: &WakeupKind) -> io::Result<Capabilities> {
    if !kind.lasts {
        return Ok(Capabilities::default());
    }
    let (mut near, mut far) = (kind.pair)(&setup(kind.waitings, 0))?;
    at_the_same_time(|| near.settle(), || far.settle())?;
    let epoll = match Watch::of(near.descriptor())? {
        Some(watch) => !watch.is_ready() && far.notify().is_ok() && watch.is_ready(),
        None => false,
    };
    Ok(Capabilities { epoll: Some(epoll), ..Capabilities::default() })
}
