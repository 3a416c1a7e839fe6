//! Unix sequenced-packet sockets: connections as of streams, messages as of datagrams.

use super::meeting::{Abstract, Named, Path, Socketpair};
use super::unix::{Seqpacket, Unix};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Support};
use crate::shapes;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "unix-seqpacket",
    summary: "a connected pair of Unix sequenced-packet sockets, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["unix(7)", "socketpair(2)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[
        shapes::transport::<Unix<Seqpacket, Socketpair>>(),
        shapes::fan_in::<Unix<Seqpacket, Socketpair>>(),
        shapes::fan_out::<Unix<Seqpacket, Socketpair>>(),
    ],
};

pub(super) static PATH: Mechanism = Mechanism {
    name: "unix-seqpacket-path",
    summary: "Unix sequenced-packet sockets, one of them connected to a path that the other is bound to",
    references: &["unix(7)", "connect(2)"],
    support: Path::support,
    rank: Rank::Rare,
    shapes: &[shapes::transport::<Unix<Seqpacket, Path>>(), shapes::rendezvous::<Unix<Seqpacket, Path>>()],
    ..MECHANISM
};

pub(super) static ABSTRACT: Mechanism = Mechanism {
    name: "unix-seqpacket-abstract",
    summary: "Unix sequenced-packet sockets, one of them connected to an abstract name that the other is bound to",
    references: &["unix(7)", "connect(2)"],
    support: Abstract::support,
    rank: Rank::Rare,
    shapes: &[shapes::transport::<Unix<Seqpacket, Abstract>>(), shapes::rendezvous::<Unix<Seqpacket, Abstract>>()],
    ..MECHANISM
};
