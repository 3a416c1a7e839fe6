//! ZeroMQ: two `PAIR` sockets over its ipc transport, a Unix stream socket that a thread of the library serves at either end.
//!
//! - A message is copied into one of the library's, handed to its thread, written, read by the other thread, handed on, and
//!   copied out. The two threads of each party run on its CPUs; what they cost is not in its CPU time.
//! - A context starts its threads with its first socket, so each party makes its own in `settle`, after the fork. The near end
//!   binds to a path in a private folder, the far end connects, and tries again each millisecond until it is there. Once
//!   both have heard of each other, the path is unlinked.
//! - A `PAIR` socket says nothing when the other end goes.

use super::super::not_built;
use crate::mechanism::{Family, Mechanism, Rank, Reach};
use crate::shapes;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "zeromq-ipc",
    summary: "ZeroMQ's PAIR sockets over its ipc transport, served by threads of the library",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["zmq 0.10 (crate), libzmq 4.3.4", "zmq_ipc(7)", "zmq_socket(3)"],
    support: || not_built::unless(cfg!(feature = "rivals"), "rivals"),
    rank: Rank::Common,
    shapes: &[shapes::transport::<Pair>()],
};

#[cfg(not(feature = "rivals"))]
type Pair = not_built::NotBuilt<true>;
#[cfg(feature = "rivals")]
use built::Pair;

#[cfg(feature = "rivals")]
mod built {
    use std::io;
    use std::path::PathBuf;

    use ipcmark_harness::sys::names;
    use zmq::{Context, DONTWAIT, Error, PAIR, Socket};

    use crate::descriptor::other_length;
    use crate::mechanism::{Setup, Waiting};
    use crate::shapes::Transport;

    /// Messages the library holds at either end before `send` waits; its default of 1000 would be a gigabyte of large ones.
    const HIGH_WATER_MARK: i32 = 64;
    /// How long the ends look for each other, in milliseconds.
    const PATIENCE_MS: i32 = 10_000;
    const FOR_EVER: i32 = -1;

    pub(super) struct Pair {
        path: PathBuf,
        is_near: bool,
        flags: i32,
        socket: Option<Socket>,
    }

    impl Transport for Pair {
        const BOUNDARIES: bool = true;
        const REPORTS_END: bool = false;

        fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
            let path = names::path()?;
            let flags = if setup.waiting == Waiting::Spin { DONTWAIT } else { 0 };
            let end = |is_near| Pair { path: path.clone(), is_near, flags, socket: None };
            Ok((end(true), end(false)))
        }

        fn settle(&mut self) -> io::Result<()> {
            self.socket = Some(names::held(|| {
                let met = self.meet();
                if self.is_near {
                    std::fs::remove_file(&self.path)?;
                }
                met
            })?);
            Ok(())
        }

        #[inline]
        fn send(&mut self, message: &[u8]) -> io::Result<()> {
            let socket = self.socket.as_ref().ok_or_else(unsettled)?;
            until_done(|| socket.send(message, self.flags))
        }

        #[inline]
        fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
            let socket = self.socket.as_ref().ok_or_else(unsettled)?;
            // The length is the message's own, even where it was cut.
            let len = until_done(|| socket.recv_into(message, self.flags))?;
            if len == message.len() { Ok(()) } else { Err(other_length(len, message.len())) }
        }
    }

    impl Pair {
        /// A socket that has sent one empty message to the other end, and has received its one.
        fn meet(&self) -> io::Result<Socket> {
            let socket = Context::new().socket(PAIR)?;
            socket.set_sndhwm(HIGH_WATER_MARK)?;
            socket.set_rcvhwm(HIGH_WATER_MARK)?;
            // What was not delivered is dropped at the end, instead of waiting for a peer that is gone.
            socket.set_linger(0)?;
            socket.set_reconnect_ivl(1)?;
            socket.set_rcvtimeo(PATIENCE_MS)?;
            socket.set_sndtimeo(PATIENCE_MS)?;
            let address = format!("ipc://{}", self.path.display());
            if self.is_near {
                socket.bind(&address)?
            } else {
                socket.connect(&address)?
            }
            socket.send("", 0)?;
            socket.recv_into(&mut [], 0)?;
            socket.set_rcvtimeo(FOR_EVER)?;
            socket.set_sndtimeo(FOR_EVER)?;
            Ok(socket)
        }
    }

    #[inline]
    fn until_done<R>(mut call: impl FnMut() -> zmq::Result<R>) -> io::Result<R> {
        loop {
            match call() {
                Ok(result) => return Ok(result),
                Err(Error::EAGAIN) => std::hint::spin_loop(),
                Err(Error::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    #[cold]
    fn unsettled() -> io::Error {
        io::Error::other("an end of zeromq-ipc was used before `settle`")
    }
}
