//! Unix stream sockets.
//!
//! Data takes the same way however the ends have met; what differs is meeting: `connect` tells what that costs, one
//! getsockopt(2) of SO_PEERCRED included, by which the accepting end knows its peer.
//!
//! Several readers may share one socket: a message of up to 32 KiB is one buffer of the kernel, and unix_stream_read_generic
//! holds the socket's lock while it takes that. All of them are woken for each message that comes, unlike those of the other
//! two types (unix_stream_data_wait waits non-exclusively).

use super::meeting::{Abstract, Named, Path, Socketpair};
use super::unix::{Stream, Unix};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Support};
use crate::shapes;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "unix-stream",
    summary: "a connected pair of Unix stream sockets, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["unix(7)", "socketpair(2)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[
        shapes::transport::<Unix<Stream, Socketpair>>(),
        shapes::fan_in::<Unix<Stream, Socketpair>>(),
        shapes::fan_out::<Unix<Stream, Socketpair>>(),
    ],
};

pub(super) static PATH: Mechanism = Mechanism {
    name: "unix-stream-path",
    summary: "Unix stream sockets, one of them connected to a path that the other is bound to",
    references: &["unix(7)", "connect(2)"],
    support: Path::support,
    rank: Rank::Common,
    shapes: &[shapes::transport::<Unix<Stream, Path>>(), shapes::rendezvous::<Unix<Stream, Path>>()],
    ..MECHANISM
};

pub(super) static ABSTRACT: Mechanism = Mechanism {
    name: "unix-stream-abstract",
    summary: "Unix stream sockets, one of them connected to an abstract name that the other is bound to",
    references: &["unix(7)", "connect(2)"],
    support: Abstract::support,
    rank: Rank::Common,
    shapes: &[shapes::transport::<Unix<Stream, Abstract>>(), shapes::rendezvous::<Unix<Stream, Abstract>>()],
    ..MECHANISM
};
