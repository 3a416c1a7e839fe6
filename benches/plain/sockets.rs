//! Sockets by hand: one message out, one message in, blocking.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::{read, write};

use super::{MESSAGE, Plan};

pub(crate) fn unix_stream_round_trip(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    unix(plan, SockType::Stream)
}

pub(crate) fn unix_dgram_round_trip(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    unix(plan, SockType::Datagram)
}

pub(crate) fn unix_seqpacket_round_trip(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    unix(plan, SockType::SeqPacket)
}

fn unix(plan: &Plan, kind: SockType) -> anyhow::Result<Vec<f64>> {
    let (near, far) = socketpair(AddressFamily::Unix, kind, None, SockFlag::empty())?;
    round_trip(plan, &near, &far)
}

pub(crate) fn udp_round_trip(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let (near, far) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    near.connect(far.local_addr()?)?;
    far.connect(near.local_addr()?)?;
    round_trip(plan, &OwnedFd::from(near), &OwnedFd::from(far))
}

pub(crate) fn tcp_round_trip(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    round_trip(plan, &OwnedFd::from(near), &OwnedFd::from(far))
}

fn round_trip(plan: &Plan, near: &OwnedFd, far: &OwnedFd) -> anyhow::Result<Vec<f64>> {
    let (mut near_message, mut far_message) = ([0; MESSAGE], [0; MESSAGE]);
    plan.in_two_processes(
        || {
            let _ = read(far.as_fd(), &mut far_message);
            let _ = write(far.as_fd(), &far_message);
        },
        || {
            plan.time(|| {
                let _ = write(near.as_fd(), &near_message);
                let _ = read(near.as_fd(), &mut near_message);
            })
        },
    )
}
