//! Unix datagram sockets. They are reliable and keep order, unlike datagrams between hosts.
//!
//! Two that are connected to each other are held back by the send buffer only; where the receiver is connected to nobody, as
//! with several writers, also by a queue of net.unix.max_dgram_qlen messages, 10 by default (unix_dgram_sendmsg). Nothing tells
//! a receiver that the other end is gone: unix_release_sock tells connected types only.

use super::meeting::{Abstract, Named, Path, Socketpair};
use super::unix::{Dgram, Unix};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Support};
use crate::shapes;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "unix-dgram",
    summary: "a connected pair of Unix datagram sockets, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["unix(7)", "socketpair(2)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[
        shapes::transport::<Unix<Dgram, Socketpair>>(),
        shapes::fan_in::<Unix<Dgram, Socketpair>>(),
        shapes::fan_out::<Unix<Dgram, Socketpair>>(),
    ],
};

pub(super) static PATH: Mechanism = Mechanism {
    name: "unix-dgram-path",
    summary: "two Unix datagram sockets, each bound to a path and connected to the other's",
    references: &["unix(7)", "connect(2)"],
    support: Path::support,
    rank: Rank::Rare,
    shapes: &[shapes::transport::<Unix<Dgram, Path>>()],
    ..MECHANISM
};

pub(super) static ABSTRACT: Mechanism = Mechanism {
    name: "unix-dgram-abstract",
    summary: "two Unix datagram sockets, each bound to an abstract name and connected to the other's",
    references: &["unix(7)", "connect(2)"],
    support: Abstract::support,
    rank: Rank::Rare,
    shapes: &[shapes::transport::<Unix<Dgram, Abstract>>()],
    ..MECHANISM
};
