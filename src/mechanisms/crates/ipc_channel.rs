//! The `ipc-channel` crate: one `SOCK_SEQPACKET` socket pair a direction, sendmsg(2) and recvmsg(2).
//!
//! - A message goes out after a header of 16 bytes; one longer than the send buffer (net.core.wmem_default) less 544 bytes
//!   in fragments, over another socket pair whose end is sent along.
//! - `recv` returns a new vector, made as large as the send buffer before the message is there; we copy out of it.
//! - A typed channel serializes by serde and postcard, and wants a value to own: a vector more at either end, and a
//!   `Vec<u8>` goes byte by byte. Users may write `serde_bytes::ByteBuf` instead; this is what they write first.
//! - Only receiving can be polled: by fcntl(2), recvmsg(2) and fcntl(2). A sender without room sleeps in any case.

use std::io;

use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, IpcReceiver, IpcSender, bytes_channel, channel};
use ipc_channel::{IpcError, TryRecvError};

use crate::descriptor::{ended, other_length};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Transport};

pub(super) static TYPED: Mechanism = Mechanism {
    name: "ipc-channel",
    summary: "typed channels of the ipc-channel crate carrying a Vec<u8>, one a direction",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["ipc-channel 0.23 (crate)", "postcard (crate)", "unix(7)"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::transport::<Ends<Typed>>()],
};

pub(super) static BYTES: Mechanism = Mechanism {
    name: "ipc-channel-bytes",
    summary: "bytes channels of the ipc-channel crate, which serialize nothing, one a direction",
    references: &["ipc-channel 0.23 (crate)", "unix(7)"],
    shapes: &[shapes::transport::<Ends<Bytes>>()],
    ..TYPED
};

/// A kind of channel.
trait Channel: 'static {
    type Sender: Send + 'static;
    type Receiver: Send + 'static;

    fn open() -> io::Result<(Self::Sender, Self::Receiver)>;
    fn send(to: &Self::Sender, message: &[u8]) -> Result<(), IpcError>;
    fn recv(from: &Self::Receiver) -> Result<Vec<u8>, IpcError>;
    fn try_recv(from: &Self::Receiver) -> Result<Vec<u8>, TryRecvError>;
}

struct Typed;

impl Channel for Typed {
    type Sender = IpcSender<Vec<u8>>;
    type Receiver = IpcReceiver<Vec<u8>>;

    fn open() -> io::Result<(Self::Sender, Self::Receiver)> {
        channel()
    }

    #[inline]
    fn send(to: &Self::Sender, message: &[u8]) -> Result<(), IpcError> {
        to.send(message.to_vec())
    }

    #[inline]
    fn recv(from: &Self::Receiver) -> Result<Vec<u8>, IpcError> {
        from.recv()
    }

    #[inline]
    fn try_recv(from: &Self::Receiver) -> Result<Vec<u8>, TryRecvError> {
        from.try_recv()
    }
}

struct Bytes;

impl Channel for Bytes {
    type Sender = IpcBytesSender;
    type Receiver = IpcBytesReceiver;

    fn open() -> io::Result<(Self::Sender, Self::Receiver)> {
        bytes_channel()
    }

    #[inline]
    fn send(to: &Self::Sender, message: &[u8]) -> Result<(), IpcError> {
        to.send(message).map_err(IpcError::Io)
    }

    #[inline]
    fn recv(from: &Self::Receiver) -> Result<Vec<u8>, IpcError> {
        from.recv()
    }

    #[inline]
    fn try_recv(from: &Self::Receiver) -> Result<Vec<u8>, TryRecvError> {
        from.try_recv()
    }
}

struct Ends<C: Channel> {
    inbound: C::Receiver,
    outbound: C::Sender,
    spins: bool,
}

impl<C: Channel> Transport for Ends<C> {
    const BOUNDARIES: bool = true;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let ((near_out, far_in), (far_out, near_in)) = (C::open()?, C::open()?);
        let end = |inbound, outbound| Ends { inbound, outbound, spins: setup.waiting == Waiting::Spin };
        Ok((end(near_in, near_out), end(far_in, far_out)))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        C::send(&self.outbound, message).map_err(explained)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let came = if self.spins { self.polled()? } else { C::recv(&self.inbound).map_err(explained)? };
        if came.len() != message.len() {
            return Err(other_length(came.len(), message.len()));
        }
        message.copy_from_slice(&came);
        Ok(())
    }
}

impl<C: Channel> Ends<C> {
    #[inline]
    fn polled(&self) -> io::Result<Vec<u8>> {
        loop {
            match C::try_recv(&self.inbound) {
                Ok(came) => return Ok(came),
                Err(TryRecvError::Empty) => std::hint::spin_loop(),
                Err(TryRecvError::IpcError(error)) => return Err(explained(error)),
            }
        }
    }
}

#[cold]
fn explained(error: IpcError) -> io::Error {
    match error {
        IpcError::Disconnected => ended(),
        IpcError::Io(error) => error,
        IpcError::SerializationError(error) => io::Error::other(error.to_string()),
    }
}
