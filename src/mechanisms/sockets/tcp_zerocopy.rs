//! TCP whose sends lend their pages instead of copying them: `SO_ZEROCOPY`, and send(2) with `MSG_ZEROCOPY`.
//!
//! The kernel says when it is done with the bytes of a send, which takes the receiver's acknowledgement, and until then they must
//! not change, see [`super::lent`]. A sender that has lent as many messages as [`Transport::lends`] says waits for the oldest of
//! them before it sends another.
//!
//! Over loopback the pages are copied all the same, only later: what a socket of this host receives may lie there for any
//! time, so the kernel copies it on delivery (skb_orphan_frags_rx), and says so: each of 4,000 notes on Linux 6.18 had
//! `SO_EE_CODE_ZEROCOPY_COPIED`. What is measured is what lending costs, and not what it can save on a real network.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::socket::{MsgFlags, send, setsockopt};
use nix::{setsockopt_impl, sockopt_impl};

use super::connection::Route;
use super::lent::Lent;
use super::tcp::{self, NODELAY, Tcp};
use crate::descriptor::{named, read_all, wait_by};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "tcp-zerocopy",
    summary: "tcp that lends up to 16 messages or 1 MiB to the kernel (MSG_ZEROCOPY), which copies them later over loopback",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["MSG_ZEROCOPY in send(2)", "Documentation/networking/msg_zerocopy.rst"],
    support,
    rank: Rank::Rare,
    shapes: &[shapes::transport::<TcpZerocopy>()],
};

fn support() -> Support {
    (tcp::MECHANISM.support)().and(|| probe().into())
}

/// Lends a byte.
fn probe() -> io::Result<()> {
    let (near, _far) = Route4::pair()?;
    let refused = |errno| named("SO_ZEROCOPY (Linux 4.14)", errno);
    setsockopt(&near, ZeroCopy, &true).map_err(refused)?;
    TcpZerocopy { fd: near, lent: Lent::new(1, Waiting::Block) }.send(b"x")
}

sockopt_impl!(ZeroCopy, SetOnly, libc::SOL_SOCKET, libc::SO_ZEROCOPY, bool);

/// The notes on so many sends fit into net.core.optmem_max, which was 20 KiB until Linux 6.7, at some 800 bytes each.
const MOST_LENT: usize = 16;
/// What is lent is pinned, and counts against RLIMIT_MEMLOCK, which is 8 MiB by default since Linux 5.16.
const MOST_LENT_BYTES: usize = 1 << 20;

type Route4 = Tcp<4, NODELAY>;

struct TcpZerocopy {
    fd: OwnedFd,
    lent: Lent,
}

impl Transport for TcpZerocopy {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = Route4::pair()?;
        Ok((TcpZerocopy::new(near, setup)?, TcpZerocopy::new(far, setup)?))
    }

    fn lends(setup: &Setup) -> usize {
        (MOST_LENT_BYTES / setup.payload_bytes.max(1)).clamp(1, MOST_LENT)
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        while self.lent.is_full() {
            self.lent.await_note(&self.fd)?;
        }
        self.lend(message)?;
        self.lent.end_message();
        Ok(())
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        read_all(&self.fd, message)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd.as_fd())
    }
}

impl TcpZerocopy {
    fn new(fd: OwnedFd, setup: &Setup) -> io::Result<Self> {
        Route4::prepare(&fd)?;
        setsockopt(&fd, ZeroCopy, &true)?;
        wait_by(&fd, setup.waiting)?;
        Ok(TcpZerocopy { fd, lent: Lent::new(Self::lends(setup), setup.waiting) })
    }

    #[inline]
    fn lend(&mut self, mut message: &[u8]) -> io::Result<()> {
        let flags = MsgFlags::from_bits_retain(libc::MSG_ZEROCOPY) | MsgFlags::MSG_NOSIGNAL;
        while !message.is_empty() {
            match send(self.fd.as_raw_fd(), message, flags) {
                Ok(sent) => {
                    message = &message[sent..];
                    self.lent.count_call();
                }
                Err(Errno::EAGAIN) => std::hint::spin_loop(),
                Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) if self.lent.is_any() => self.lent.await_note(&self.fd)?,
                Err(Errno::ENOBUFS) => return Err(no_room(message.len())),
                Err(errno) => return Err(named("send", errno)),
            }
        }
        Ok(())
    }
}

#[cold]
fn no_room(len: usize) -> io::Error {
    let locked = getrlimit(Resource::RLIMIT_MEMLOCK).map_or_else(|_| "few".into(), |(soft, _)| soft.to_string());
    io::Error::other(format!(
        "send of {len} bytes with MSG_ZEROCOPY: {}; what is lent counts against RLIMIT_MEMLOCK, which allows {locked} \
         bytes (`ulimit -l`), and the notes on it against net.core.optmem_max",
        Errno::ENOBUFS
    ))
}
