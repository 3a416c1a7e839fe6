//! `SO_ATTACH_FILTER`, socket(7): the kernel drops what a socket shall not receive, before it takes room in its buffer.
#![allow(unsafe_code)] // setsockopt takes a pointer to a program

use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

use super::refused;

// Of linux/filter.h: loads from a place in the packet, a comparison, an end.
const LOAD_HALF: u32 = libc::BPF_LD | libc::BPF_H | libc::BPF_ABS;
const LOAD_WORD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
/// Places from here on count from the header of IP: `SKF_NET_OFF`.
const NET_OFFSET: u32 = (-0x10_0000_i32) as u32;
/// Where the source address is in a header of IPv4, and the source port in one of UDP, where a UDP socket's packet begins.
const SOURCE_ADDRESS: u32 = NET_OFFSET + 12;
const SOURCE_PORT: u32 = 0;
/// So many bytes of the packet are kept.
const ALL: u32 = u32::MAX;
const NONE: u32 = 0;

const fn step(code: u32, k: u32, else_skip: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: else_skip, k }
}

/// From now on this UDP socket over IPv4 receives from `sender` only: other datagrams take no room and wake no receiver. What came
/// before stays.
pub fn receive_only_from(socket: impl AsFd, sender: SocketAddrV4) -> io::Result<()> {
    let program = [
        step(LOAD_HALF, SOURCE_PORT, 0),
        step(IF_EQUAL, sender.port().into(), 3),
        step(LOAD_WORD, SOURCE_ADDRESS, 0),
        step(IF_EQUAL, sender.ip().to_bits(), 1),
        step(RETURN, ALL, 0),
        step(RETURN, NONE, 0),
    ];
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    let (fd, size) = (socket.as_fd().as_raw_fd(), size_of::<libc::sock_fprog>() as libc::socklen_t);
    // SAFETY: the program lives through the call, in which the kernel copies it, and its length is that of the array.
    let set = unsafe {
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, std::ptr::from_ref(&program).cast(), size)
    };
    Errno::result(set).map(drop).map_err(|errno| refused("setsockopt(SO_ATTACH_FILTER)", errno, ""))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

    use super::*;

    fn bound() -> (UdpSocket, SocketAddrV4) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let SocketAddr::V4(address) = socket.local_addr().unwrap() else { panic!("no IPv4") };
        (socket, address)
    }

    #[test]
    fn only_the_sender_is_received_however_much_others_send() {
        let [(to, address), (sender, from), (stranger, _)] = [bound(), bound(), bound()];
        receive_only_from(&to, from).unwrap();
        for _ in 0..2000 {
            let _ = stranger.send_to(&[1; 512], address);
        }
        sender.send_to(&[2], address).unwrap();
        let mut got = [0];
        assert_eq!((to.recv(&mut got).unwrap(), got), (1, [2]));
        assert_eq!(to.recv(&mut got).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
