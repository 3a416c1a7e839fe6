//! [`FanIn`] and [`FanOut`]: one channel, several writers or several readers.

use std::io;

use super::Transport;
use crate::mechanism::{Setup, Shape, Support};
use crate::{contract, workloads};

/// What is measured of a channel with several writers, and what it promises.
pub const fn fan_in<T: FanIn>() -> Shape {
    Shape { workloads: workloads::fan_in::<T>(), contract: contract::fan_in::<T>(), observe: None }
}

/// What is measured of a channel with several readers, and what it promises.
pub const fn fan_out<T: FanOut>() -> Shape {
    Shape { workloads: workloads::fan_out::<T>(), contract: contract::fan_out::<T>(), observe: None }
}

/// The receiving end of a channel with several writers.
pub trait Receive: Send + 'static {
    /// As [`Transport::settle`].
    fn settle(&mut self) -> io::Result<()>;

    /// Fills `message` with the next message of any writer.
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()>;
}

impl<T: Transport> Receive for T {
    fn settle(&mut self) -> io::Result<()> {
        Transport::settle(self)
    }

    #[inline(always)]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        Transport::recv(self, message)
    }
}

/// A transport whose reader hears several writers: through one channel, or through one each that it watches together.
///
/// - **several_writers_reach_one_reader**: every message once, unchanged, those of one writer in order.
pub trait FanIn: Transport {
    /// What the reader holds: its end of the channel, or all its channels.
    type Reader: Receive;

    /// Whether messages of this size stay whole beside those of other writers; by default as between two parties.
    fn supports_fan_in(setup: &Setup) -> Support {
        Self::supports(setup)
    }

    /// The reader, and as many writers as the setup has parties beside it. Any may be moved to a forked process or a thread.
    fn fan_in(setup: &Setup) -> io::Result<(Self::Reader, Vec<Self>)>;
}

/// A transport whose writer feeds several readers; each message reaches one of them.
///
/// - **each_message_reaches_one_of_several_readers**: once, unchanged, those that one reader gets in order.
pub trait FanOut: Transport {
    /// Whether messages of this size stay whole beside other readers; by default as between two parties.
    fn supports_fan_out(setup: &Setup) -> Support {
        Self::supports(setup)
    }

    /// The writer, and as many readers as the setup has parties beside it. Any may be moved to a forked process or a thread.
    fn fan_out(setup: &Setup) -> io::Result<(Self, Vec<Self>)>;
}
