//! Unix sockets with several writers or several readers.

use std::io;

use ipcmark_harness::sys::names;

use super::listening::{bound, connected};
use super::meeting::{Named, Path, Socketpair};
use super::unix::{Connected, Dgram, Kind, Unix};
use super::watched::Watched;
use crate::mechanism::{Setup, Support};
use crate::shapes::{FanIn, FanOut, Transport};

/// A connection for each writer.
impl<K: Connected> FanIn for Unix<K, Socketpair> {
    type Reader = Watched<Self>;

    fn fan_in(setup: &Setup) -> io::Result<(Self::Reader, Vec<Self>)> {
        Watched::of_pairs(setup)
    }
}

/// A socket for each writer, all connected to one that is bound, to a path that nobody else could have opened.
impl FanIn for Unix<Dgram, Socketpair> {
    type Reader = Self;

    fn fan_in(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        let end = |fd| Unix::new(fd, setup.waiting);
        names::held(|| {
            let name = Path::name()?;
            let reader = end(bound(Dgram::TYPE, &name.address)?)?;
            let writers = (1..setup.parties).map(|_| end(connected(Dgram::TYPE, &name.address)?));
            Ok((reader, writers.collect::<io::Result<_>>()?))
        })
    }
}

/// Several readers of one socket, which is locked while one of them reads.
impl<K: Kind> FanOut for Unix<K, Socketpair> {
    fn supports_fan_out(setup: &Setup) -> Support {
        if !Self::BOUNDARIES && setup.payload_bytes > MOST_IN_ONE_PIECE {
            return Support::Missing(format!(
                "a message of {} bytes may be divided among readers: a Unix stream takes {MOST_IN_ONE_PIECE} bytes whole",
                setup.payload_bytes
            ));
        }
        Self::supports(setup)
    }

    fn fan_out(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        let (writer, reader) = Self::pair(setup)?;
        let others = (2..setup.parties).map(|_| reader.duplicate()).collect::<io::Result<Vec<_>>>()?;
        Ok((writer, [reader].into_iter().chain(others).collect()))
    }
}

/// UNIX_SKB_FRAGS_SZ (net/unix/af_unix.c) with pages of 4 KiB: longer writes become several buffers, and who reads one may
/// not get the next.
const MOST_IN_ONE_PIECE: usize = 32 << 10;
