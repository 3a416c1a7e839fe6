//! Unix sequenced-packet sockets: one `socketpair(AF_UNIX, SOCK_SEQPACKET)`, default buffers, read(2) and write(2).

use std::io;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socketpair, sockopt};
use nix::unistd::{read, write};

use crate::descriptor::{ended, named, wait_by};
use crate::mechanism::{Family, Mechanism, Reach, Setup, Support, Transport};
use crate::{contract, workloads};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "unix-seqpacket",
    summary: "a connected pair of Unix sequenced-packet sockets, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["unix(7)", "socketpair(2)"],
    support: || Support::Available,
    workloads: workloads::transport::<UnixSeqpacket>(),
    contract: contract::transport::<UnixSeqpacket>(),
};

/// What the kernel keeps of the send buffer for itself (`unix_dgram_sendmsg`: a message may be 32 bytes shorter).
const OVERHEAD: usize = 32;

struct UnixSeqpacket(OwnedFd);

fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

impl Transport for UnixSeqpacket {
    const BOUNDARIES: bool = true;

    fn supports(setup: &Setup) -> Support {
        match pair().and_then(|(end, _)| Ok(getsockopt(&end, sockopt::SndBuf)?)) {
            Ok(buffer) if setup.payload_bytes + OVERHEAD > buffer => Support::Missing(format!(
                "a message of {} bytes exceeds the send buffer of {buffer} bytes (net.core.wmem_default)",
                setup.payload_bytes
            )),
            _ => Support::Available,
        }
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = pair()?;
        wait_by(&near, setup.waiting)?;
        wait_by(&far, setup.waiting)?;
        Ok((UnixSeqpacket(near), UnixSeqpacket(far)))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        loop {
            match write(&self.0, message) {
                Ok(_) => return Ok(()),
                Err(Errno::EAGAIN) => std::hint::spin_loop(),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(named("write", errno)),
            }
        }
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        loop {
            match read(&self.0, message) {
                Ok(len) if len == message.len() => return Ok(()),
                Ok(0) => return Err(ended()),
                Ok(_) => return Err(io::ErrorKind::InvalidData.into()),
                Err(Errno::EAGAIN) => std::hint::spin_loop(),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(named("read", errno)),
            }
        }
    }
}
