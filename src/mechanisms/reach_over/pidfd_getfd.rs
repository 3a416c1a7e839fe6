//! pidfd_getfd(2): each message is written into a memfd; the receiver learns from a shared page where it lies, duplicates the
//! memfd's descriptor out of the sender's process, reads the message, and closes its duplicate.
//!
//! Beside fd-pass it shows what taking a descriptor costs against being given one: the same memfd, without the socket. A
//! receiver that means to keep the descriptor would take it once; here it is taken for each message.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use ipcmark_harness::sys::huge_pages::Pages;
use ipcmark_harness::sys::memory::memfd_create;
use ipcmark_harness::sys::pidfd;

use super::ledger::Ledger;
use super::memory_file::{self, MemoryFile};
use super::permission;
use crate::descriptor::other_length;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "pidfd-getfd",
    summary: "a memfd that holds the message, taken out of the sender's process by pidfd_getfd",
    family: Family::ReachOver,
    reach: Reach::Processes,
    references: &["pidfd_getfd(2)", "pidfd_open(2)", "memfd_create(2)", "ptrace(2)"],
    support,
    rank: Rank::Common,
    shapes: &[shapes::transport::<PidfdGetfd>()],
};

fn support() -> Support {
    let file = match memfd_create(1, Pages::Base) {
        Ok(file) => file,
        Err(error) => return Support::Missing(error.to_string()),
    };
    let number = file.as_raw_fd();
    permission::tried_by_child(|parent| pidfd::pidfd_getfd(pidfd::pidfd_open(parent)?, number).map(drop))
}

struct PidfdGetfd {
    file: MemoryFile,
    ledger: Ledger,
    /// The other end's process, and the number that its memfd has there.
    peer: Option<(OwnedFd, RawFd)>,
}

impl Transport for PidfdGetfd {
    const BOUNDARIES: bool = true;
    /// An end that is closed takes its memfd with it, and what is still in there.
    const REPORTS_END: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = Ledger::pair(setup)?;
        let end = |ledger| Ok::<_, io::Error>(PidfdGetfd { file: MemoryFile::new(setup)?, ledger, peer: None });
        Ok((end(near)?, end(far)?))
    }

    fn settle(&mut self) -> io::Result<()> {
        permission::grant();
        self.ledger.introduce(self.file.fd.as_raw_fd() as u64);
        Ok(())
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let place = self.file.put(self.ledger.await_room()?, message)?;
        self.ledger.send(place, message.len());
        Ok(())
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let next = self.ledger.next()?;
        let taken = match next.len == message.len() {
            true => self.take().and_then(|file| memory_file::get(&file, next.place, message)),
            false => Err(other_length(next.len, message.len())),
        };
        self.ledger.release();
        taken
    }

    fn hang_up(&mut self) {
        self.ledger.hang_up();
    }
}

impl PidfdGetfd {
    /// A duplicate of the sender's memfd.
    #[inline]
    fn take(&mut self) -> io::Result<OwnedFd> {
        let (process, number) = match &mut self.peer {
            Some(peer) => peer,
            none => none.insert(meet(&self.ledger)?),
        };
        pidfd::pidfd_getfd(process, *number)
    }
}

/// Not before the first message comes: only then the other end has surely said who it is.
#[cold]
fn meet(ledger: &Ledger) -> io::Result<(OwnedFd, RawFd)> {
    let (process, number) = ledger.peer()?;
    Ok((pidfd::pidfd_open(process)?, number as RawFd))
}
