//! What stands in for a mechanism whose library this build was made without: it is listed with all its cells, and missing.
//!
//! A mechanism's file has one static in either case, and under its feature the type that the static names:
//!
//! ```text
//! support: || not_built::unless(cfg!(feature = "rivals"), "rivals"),
//! shapes: &[shapes::transport::<Ends>()],
//!
//! #[cfg(not(feature = "rivals"))]
//! type Ends = not_built::NotBuilt<true>;
//! ```
#![allow(dead_code)] // with all features on, nothing is left out

use std::io;

use ipcmark_harness::clock::Clock;

use crate::mechanism::{Setup, Support, Waiting};
use crate::shapes::{Deed, FanIn, FanOut, Operation, Transport, Wakeup};

/// Whether it can run as far as the build is concerned; `built`: this feature is on.
pub(super) fn unless(built: bool, feature: &str) -> Support {
    if built {
        return Support::Available;
    }
    Support::Missing(format!("not built; build with `--features {feature}`"))
}

/// An end that there is none of. `BLOCKS`: the mechanism it stands for blocks as well as spins.
pub(super) enum NotBuilt<const BLOCKS: bool> {}

fn not_built<R>() -> io::Result<R> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "not built"))
}

impl<const BLOCKS: bool> Transport for NotBuilt<BLOCKS> {
    const BOUNDARIES: bool = true;
    const WAITINGS: &'static [Waiting] = if BLOCKS { &[Waiting::Block, Waiting::Spin] } else { &[Waiting::Spin] };

    fn pair(_: &Setup) -> io::Result<(Self, Self)> {
        not_built()
    }

    fn send(&mut self, _: &[u8]) -> io::Result<()> {
        match *self {}
    }

    fn recv(&mut self, _: &mut [u8]) -> io::Result<()> {
        match *self {}
    }
}

impl<const BLOCKS: bool> FanIn for NotBuilt<BLOCKS> {
    type Reader = Self;

    fn fan_in(_: &Setup) -> io::Result<(Self, Vec<Self>)> {
        not_built()
    }
}

impl<const BLOCKS: bool> FanOut for NotBuilt<BLOCKS> {
    fn fan_out(_: &Setup) -> io::Result<(Self, Vec<Self>)> {
        not_built()
    }
}

impl<const BLOCKS: bool> Wakeup for NotBuilt<BLOCKS> {
    const WAITINGS: &'static [Waiting] = <Self as Transport>::WAITINGS;

    fn pair(_: &Setup) -> io::Result<(Self, Self)> {
        not_built()
    }

    fn notify(&mut self) -> io::Result<()> {
        match *self {}
    }

    fn wait(&mut self) -> io::Result<()> {
        match *self {}
    }
}

impl<const BLOCKS: bool> Operation for NotBuilt<BLOCKS> {
    // Of what one party does by itself, only coroutines are left out.
    const DEED: Deed = Deed::RESUME;

    fn prepare(_: &Setup, _: &Clock) -> io::Result<Self> {
        not_built()
    }

    fn repeat(&mut self, _: u64) -> io::Result<()> {
        match *self {}
    }

    fn counted(&mut self) -> u64 {
        match *self {}
    }
}
