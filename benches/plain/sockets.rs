//! Sockets by hand: one message out, one message in, blocking.

use std::net::UdpSocket;
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::{read, write};

use super::{MESSAGE, Plan};

pub(crate) fn unix_seqpacket_round_trip(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    let (near, far) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::empty())?;
    round_trip(plan, &near, &far)
}

pub(crate) fn udp_round_trip(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    let (near, far) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    near.connect(far.local_addr()?)?;
    far.connect(near.local_addr()?)?;
    round_trip(plan, &OwnedFd::from(near), &OwnedFd::from(far))
}

fn round_trip(plan: &Plan<'_>, near: &OwnedFd, far: &OwnedFd) -> anyhow::Result<Vec<f64>> {
    let (mut near_message, mut far_message) = ([0; MESSAGE], [0; MESSAGE]);
    plan.in_two_processes(
        || {
            for _ in 0..plan.operations() {
                let _ = read(far.as_fd(), &mut far_message);
                let _ = write(far.as_fd(), &far_message);
            }
        },
        || {
            plan.time(|| {
                let _ = write(near.as_fd(), &near_message);
                let _ = read(near.as_fd(), &mut near_message);
            })
        },
    )
}
