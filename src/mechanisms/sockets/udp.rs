//! UDP over the IPv4 loopback interface, default buffers: sockets connected to each other, send(2) and recv(2); or not
//! connected, and an address with each sendto(2) and from each recvfrom(2).
//!
//! UDP holds nobody back: what does not fit into the receive buffer (SO_RCVBUF, from net.core.rmem_default) is dropped. So that
//! no message is lost, a sender has at most a window of them under way, see [`super::window`]: no datagram is sent for it,
//! and a round trip never meets it. How many that are follows from the room that one message takes, its `truesize`, which
//! SO_MEMINFO tells of one that is sent at the start; and from three quarters of the buffer, because the kernel counts up to a
//! quarter as used that has been read already (udp_rmem_release). On Linux 6.18 the smallest messages take 832 bytes, and
//! 212,992 bytes of buffer drop the 257th; the window is 192 messages of 64 bytes, 18 of 4 KiB, and 2 of the largest size.
//!
//! Any process of this host can send to a bound port. The kernel drops what is not of the peer: by the address that a socket is
//! connected to, or by a filter of six steps (`SO_ATTACH_FILTER`) where it is connected to none, so that a flood takes no room
//! from the window. Without the filter, where that is refused, the sender's address is looked at all the same.
//!
//! Over loopback datagrams keep their order as long as the sender stays on its CPU, through whose queue they go (netif_rx);
//! one that is moved to another while a softirq is put off may overtake itself. They arrive in a softirq of the sender, and a
//! receiver that shares its CPU takes over at once: up to one context switch a message even in a stream, in a plain loop too.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use ipcmark_harness::sys::socket_filter::receive_only_from;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{
    MsgFlags, SockType, SockaddrIn, getsockname, getsockopt, recv, recvfrom, send, sendto, sockopt,
};
use nix::{getsockopt_impl, sockopt_impl};

use super::listening::{bound, connect_to};
use super::meeting::discard_all;
use super::window::{Sending, Taking, window};
use crate::descriptor::{named, other_length, until_done, wait_by};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Transport};

const UDP: Mechanism = Mechanism {
    name: "udp",
    summary: "UDP sockets over IPv4 loopback, connected to each other, with a window of messages so that none is dropped",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["udp(7)", "SO_RCVBUF in socket(7)"],
    support,
    rank: Rank::Headline,
    shapes: &[shapes::transport::<Udp<CONNECTED>>()],
};

pub(super) static MECHANISM: Mechanism = UDP;

pub(super) static SENDTO: Mechanism = Mechanism {
    name: "udp-sendto",
    summary: "UDP sockets over IPv4 loopback, not connected: sendto and recvfrom with addresses; with the window of udp",
    references: &["udp(7)", "sendto(2)", "recvfrom(2)"],
    rank: Rank::Rare,
    shapes: &[shapes::transport::<Udp<UNCONNECTED>>()],
    ..UDP
};

const CONNECTED: bool = true;
const UNCONNECTED: bool = false;
/// What remains of the 65,535 bytes of an IPv4 packet beside its header of 20 bytes and that of UDP, 8.
const LARGEST: usize = 65_507;
/// Half of what one CPU queues on the way (net.core.netdev_max_backlog, 1000 by default) while softirqs are put off.
const MOST_UNDER_WAY: u32 = 500;

fn support() -> Support {
    match probe() {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(format!("a datagram to 127.0.0.1: {error}; is the loopback interface up?")),
    }
}

/// Sends a datagram, and awaits it.
fn probe() -> io::Result<u32> {
    let (near, far) = (any_port()?, any_port()?);
    let address = address(&far)?;
    // Else a flood could go on for as long as it is discarded.
    let _ = receive_only_from(&far, v4(&self::address(&near)?));
    fitting(&near, &far, &address, 1)
}

struct Udp<const CONNECTED: bool> {
    socket: OwnedFd,
    peer: SockaddrIn,
    outbound: Sending,
    inbound: Taking,
}

impl<const CONNECTED: bool> Transport for Udp<CONNECTED> {
    const BOUNDARIES: bool = true;
    const REPORTS_END: bool = false;

    fn supports(setup: &Setup) -> Support {
        if setup.payload_bytes <= LARGEST {
            return Support::Available;
        }
        let bytes = setup.payload_bytes;
        Support::Missing(format!("a message of {bytes} bytes exceeds the {LARGEST} bytes of a UDP datagram over IPv4"))
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = (any_port()?, any_port()?);
        let (near_address, far_address) = (address(&near)?, address(&far)?);
        if CONNECTED {
            connect_to(&near, &far_address)?;
            connect_to(&far, &near_address)?;
        } else {
            // Refused, it only lets a flood take room: `take` looks at the sender.
            let _ = receive_only_from(&near, v4(&far_address));
            let _ = receive_only_from(&far, v4(&near_address));
        }
        discard_all(&near);
        discard_all(&far);
        let messages = fitting(&near, &far, &far_address, setup.payload_bytes)?;
        let (near_outbound, far_inbound) = window(messages, setup.waiting)?;
        let (far_outbound, near_inbound) = window(messages, setup.waiting)?;
        for socket in [&near, &far] {
            wait_by(socket, setup.waiting)?;
        }
        let near = Udp { socket: near, peer: far_address, outbound: near_outbound, inbound: near_inbound };
        Ok((near, Udp { socket: far, peer: near_address, outbound: far_outbound, inbound: far_inbound }))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.outbound.claim();
        let (fd, none) = (self.socket.as_raw_fd(), MsgFlags::empty());
        if CONNECTED {
            until_done("send", || send(fd, message, none)).map(drop)
        } else {
            until_done("sendto", || sendto(fd, message, &self.peer, none)).map(drop)
        }
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let len = self.take(message)?;
        self.inbound.count();
        if len == message.len() { Ok(()) } else { Err(other_length(len, message.len())) }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

impl<const CONNECTED: bool> Udp<CONNECTED> {
    /// The next datagram of the peer; anybody on this host can send to a socket that is not connected.
    #[inline]
    fn take(&self, message: &mut [u8]) -> io::Result<usize> {
        let fd = self.socket.as_raw_fd();
        if CONNECTED {
            return until_done("recv", || recv(fd, message, MsgFlags::empty()));
        }
        loop {
            let (len, from) = until_done("recvfrom", || recvfrom::<SockaddrIn>(fd, message))?;
            if from == Some(self.peer) {
                return Ok(len);
            }
        }
    }
}

/// A blocking socket at a port of the kernel's choice.
fn any_port() -> io::Result<OwnedFd> {
    bound(SockType::Datagram, &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)))
}

// What `ss -m` shows; the first is the receive buffer's use, see net/core/sock.c, sk_get_meminfo.
sockopt_impl!(MemInfo, GetOnly, libc::SOL_SOCKET, libc::SO_MEMINFO, [u32; 9]);

fn address(socket: &OwnedFd) -> io::Result<SockaddrIn> {
    Ok(getsockname(socket.as_raw_fd())?)
}

fn v4(address: &SockaddrIn) -> SocketAddrV4 {
    SocketAddrV4::new(address.ip(), address.port())
}

/// How many messages of this size fit into the receiver's buffer, at least one: an empty buffer takes any.
fn fitting(from: &OwnedFd, to: &OwnedFd, address: &SockaddrIn, payload_bytes: usize) -> io::Result<u32> {
    let sent = sendto(from.as_raw_fd(), &vec![0; payload_bytes], address, MsgFlags::empty());
    sent.map_err(|errno| named("sendto", errno))?;
    if poll(&mut [PollFd::new(to.as_fd(), PollFlags::POLLIN)], ARRIVAL_MS)? == 0 {
        return Err(io::Error::new(io::ErrorKind::TimedOut, format!("it has not come within {ARRIVAL_MS} ms")));
    }
    let used = getsockopt(to, MemInfo).map_err(|errno| named("getsockopt(SO_MEMINFO)", errno))?[0];
    discard_all(to);
    let buffer = getsockopt(to, sockopt::RcvBuf).map_err(|errno| named("getsockopt(SO_RCVBUF)", errno))? as u32;
    Ok((buffer / 4 * 3 / used.max(1)).clamp(1, MOST_UNDER_WAY))
}

/// What certainly suffices for one datagram to come over loopback.
const ARRIVAL_MS: u16 = 1000;

#[cfg(test)]
mod tests {
    use ipcmark_harness::parties::PeerKind;
    use ipcmark_harness::placement::Placement;

    use super::*;
    use crate::mechanism::Waiting;

    fn setup(payload_bytes: usize) -> Setup {
        Setup::new(PeerKind::Thread, Placement::Unpinned, Waiting::Block, payload_bytes)
    }

    fn only_the_peer_is_heard<const CONNECTED: bool>() {
        let (mut near, mut far) = Udp::<CONNECTED>::pair(&setup(1)).unwrap();
        let stranger = any_port().unwrap();
        sendto(stranger.as_raw_fd(), b"x", &near.peer, MsgFlags::empty()).unwrap();
        near.send(b"a").unwrap();
        let mut got = [0];
        far.recv(&mut got).unwrap();
        assert_eq!(got, *b"a");
    }

    /// More than the buffer has room for.
    fn a_flood_takes_no_room<const CONNECTED: bool>() {
        let (mut near, mut far) = Udp::<CONNECTED>::pair(&setup(64)).unwrap();
        let stranger = any_port().unwrap();
        for _ in 0..2000 {
            let _ = sendto(stranger.as_raw_fd(), &[7; 512], &near.peer, MsgFlags::empty());
        }
        let mut got = [0; 64];
        for n in 0..10 {
            near.send(&[n; 64]).unwrap();
            far.recv(&mut got).unwrap();
            assert_eq!(got, [n; 64]);
        }
    }

    #[test]
    fn a_flood_of_a_stranger_takes_no_room_from_the_peer() {
        a_flood_takes_no_room::<CONNECTED>();
        a_flood_takes_no_room::<UNCONNECTED>();
    }

    #[test]
    fn a_stranger_is_not_heard() {
        only_the_peer_is_heard::<CONNECTED>();
        only_the_peer_is_heard::<UNCONNECTED>();
    }

    #[test]
    fn a_window_of_messages_fits_into_the_buffer() {
        for payload_bytes in [1, 64, 255, 4096, 16_000, 16_400, LARGEST] {
            let (from, to) = (any_port().unwrap(), any_port().unwrap());
            let messages = fitting(&from, &to, &address(&to).unwrap(), payload_bytes).unwrap();
            connect_to(&from, &address(&to).unwrap()).unwrap();
            let message = vec![0; payload_bytes];
            for _ in 0..messages {
                send(from.as_raw_fd(), &message, MsgFlags::empty()).unwrap();
            }
            let take = || recv(to.as_raw_fd(), &mut [0], MsgFlags::MSG_DONTWAIT).is_ok();
            assert_eq!((0..=messages).filter(|_| take()).count(), messages as usize, "{payload_bytes} bytes");
        }
    }
}
