//! SCM_RIGHTS: each message is written into a memfd, and a descriptor of that goes over a Unix socket, with the place and the
//! length; the receiver reads the message from the memfd and closes its descriptor.
//!
//! Measured are pwrite(2), sendmsg(2), recvmsg(2), pread(2) and close(2): two copies, as through a pipe, and a descriptor
//! installed and removed. The memfd is made beforehand. It is one for all messages, each in a place of its own, because a
//! memfd for each that is under way would take 64 descriptors; passing one costs the same. That a place is free again is said
//! by a count in shared memory, as a compositor says it of a buffer that it was given.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ipcmark_harness::sys::rights::{receive_descriptor, send_descriptor};
use nix::errno::Errno;
use nix::sys::socket::SockType;

use super::ledger::{Ledger, Whereabouts};
use super::memory_file::{self, MemoryFile};
use crate::descriptor::{ended, named, other_length, unix_pair, until_done};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "fd-pass",
    summary: "a memfd that holds the message, passed over a Unix socket by SCM_RIGHTS",
    family: Family::ReachOver,
    reach: Reach::Processes,
    references: &["unix(7)", "cmsg(3)", "memfd_create(2)"],
    support: memory_file::support,
    rank: Rank::Common,
    shapes: &[shapes::transport::<FdPass>()],
};

struct FdPass {
    socket: OwnedFd,
    file: MemoryFile,
    ledger: Ledger,
}

impl Transport for FdPass {
    const BOUNDARIES: bool = true;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = unix_pair(SockType::SeqPacket, setup.waiting)?;
        let (near_ledger, far_ledger) = Ledger::pair(setup)?;
        let end = |socket, ledger| Ok::<_, io::Error>(FdPass { socket, file: MemoryFile::new(setup)?, ledger });
        Ok((end(near, near_ledger)?, end(far, far_ledger)?))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let place = self.file.put(self.ledger.await_room()?, message)?;
        let whereabouts = Whereabouts { place, len: message.len() }.to_bytes();
        until_done("sendmsg", || send_descriptor(&self.socket, &whereabouts, &self.file.fd))?;
        self.ledger.count_sent();
        Ok(())
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let (next, file) = self.next()?;
        let taken = match next.len == message.len() {
            true => memory_file::get(&file, next.place, message),
            false => Err(other_length(next.len, message.len())),
        };
        drop(file);
        self.ledger.release();
        taken
    }

    fn hang_up(&mut self) {
        self.ledger.hang_up();
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

impl FdPass {
    /// Where the next message lies, and the memfd that it lies in.
    #[inline]
    fn next(&self) -> io::Result<(Whereabouts, OwnedFd)> {
        let mut whereabouts = [0; 16];
        let received = until_done("recvmsg", || match receive_descriptor(&self.socket, &mut whereabouts) {
            // The other end was closed before it had read all.
            Err(Errno::ECONNRESET) => Ok((0, None)),
            received => received,
        })?;
        match received {
            (0, _) => Err(ended()),
            (_, Some(file)) => Ok((Whereabouts::from_bytes(whereabouts), file)),
            (_, None) => Err(named("recvmsg with a descriptor", Errno::EMFILE)),
        }
    }
}
