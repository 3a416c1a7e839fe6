//! [`Rendezvous`]: a channel that is made while both parties live.

use std::io;

use super::Transport;
use crate::mechanism::{Setup, Shape};
use crate::{contract, workloads};

/// What is measured of making a channel, and what it promises.
pub const fn rendezvous<T: Rendezvous>() -> Shape {
    Shape { workloads: workloads::rendezvous::<T>(), contract: contract::rendezvous::<T>(), observe: None }
}

/// A transport whose two ends can find each other while both parties live, again and again.
///
/// - **channels_can_be_made_again_and_again**: each carries its own messages only, and leaves no name behind.
pub trait Rendezvous: Transport {
    /// Where a party meets the other: a listener, an address, a name.
    type Place: Send + 'static;

    /// The places of the near and of the far end, made before the parties part.
    fn places(setup: &Setup) -> io::Result<(Self::Place, Self::Place)>;

    /// Opens the near end of a new channel; the far one is opened meanwhile or afterwards.
    fn open_near(place: &mut Self::Place) -> io::Result<Self>;

    /// Opens the far end of the channel that the near end opens, waiting for it.
    fn open_far(place: &mut Self::Place) -> io::Result<Self>;

    /// Closes the near end when its last message has come; the far end is closed meanwhile. A mechanism whose close depends on
    /// which end is first waits here for the far one.
    fn close_near(self) -> io::Result<()> {
        Ok(())
    }
}
