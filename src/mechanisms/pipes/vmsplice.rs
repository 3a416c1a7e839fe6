//! Pipes that are lent pages: vmsplice(2) puts the sender's own pages into the pipe, and read(2) copies out of them.
//!
//! What limits the throughput: the kernel takes a reference to each page of 4 KiB and gives it back, each part of a page
//! takes one of the pipe's slots however short it is, and the receiver still copies. So it beats write(2) from some
//! kilobytes on, and loses below: a write fills a page up with short messages, here each one takes a slot, and the sender
//! walks through as many pages as there are slots. A receiver that splices on into /dev/null moves no data at all; the
//! tens of gigabytes a second that are told of it are not measured here.
//!
//! When a lent message may change: the pipe has S slots (`F_GETPIPE_SZ` in pages), a message of K pages takes K of them or,
//! where it does not begin on a page, one more. A slot is given up under the pipe's lock once its last byte is copied, and
//! not before: a partly read one counts. Slots are taken and given up in order. Suppose a byte of a message is unread
//! after j further ones have been sent: its slot and the j·K of the others are all taken, 1 + j·K ≤ S. So after
//! j = ⌈S / K⌉ further ones it has been read.
//!
//! `SPLICE_F_GIFT` promises that the pages never change again, so that a reader by splice(2) may keep them as they are.
//! This reader copies, so it keeps nothing, and what is measured is that the flag makes no difference to it.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{SpliceFFlags, vmsplice};
use nix::unistd::{SysconfVar, sysconf};

use super::pipe::{DEFAULT_BYTES, ENLARGED_BYTES, new_pipe};
use crate::descriptor::{read_all, until_done, wait_by};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Transport};

pub(super) static DEFAULT: Mechanism = Mechanism {
    name: "pipe-vmsplice",
    summary: "pipes of default capacity that take the sender's pages (vmsplice); the receiver copies by read",
    family: Family::Pipe,
    reach: Reach::Both,
    references: REFERENCES,
    support: support::<DEFAULT_BYTES, false>,
    rank: Rank::Common,
    shapes: &[shapes::transport::<Vmsplice<DEFAULT_BYTES, false>>()],
};

pub(super) static GIFT: Mechanism = Mechanism {
    name: "pipe-vmsplice-gift",
    summary: "as pipe-vmsplice, the pages given for good (SPLICE_F_GIFT), which a receiver that copies does not use",
    family: Family::Pipe,
    reach: Reach::Both,
    references: REFERENCES,
    support: support::<DEFAULT_BYTES, true>,
    rank: Rank::Rare,
    shapes: &[shapes::transport::<Vmsplice<DEFAULT_BYTES, true>>()],
};

pub(super) static ENLARGED: Mechanism = Mechanism {
    name: "pipe-vmsplice-1mib",
    summary: "as pipe-vmsplice, enlarged to 1 MiB by F_SETPIPE_SZ: 256 pages may be under way",
    family: Family::Pipe,
    reach: Reach::Both,
    references: REFERENCES,
    support: support::<ENLARGED_BYTES, false>,
    rank: Rank::Common,
    shapes: &[shapes::transport::<Vmsplice<ENLARGED_BYTES, false>>()],
};

const REFERENCES: &[&str] = &["vmsplice(2)", "pipe(7)", "F_SETPIPE_SZ in fcntl(2)"];

fn support<const CAPACITY: usize, const GIFT: bool>() -> Support {
    let sent = new_lent_pipe(CAPACITY)
        .and_then(|(reader, writer)| Vmsplice::<CAPACITY, GIFT>::new(reader, writer, Waiting::Block)?.send(b"x"));
    match sent {
        Ok(()) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    }
}

struct Vmsplice<const CAPACITY: usize, const GIFT: bool> {
    reader: OwnedFd,
    writer: OwnedFd,
    flags: SpliceFFlags,
}

impl<const CAPACITY: usize, const GIFT: bool> Vmsplice<CAPACITY, GIFT> {
    fn new(reader: OwnedFd, writer: OwnedFd, waiting: Waiting) -> io::Result<Self> {
        wait_by(&reader, waiting)?;
        let mut flags = waits(waiting);
        flags.set(SpliceFFlags::SPLICE_F_GIFT, GIFT);
        Ok(Vmsplice { reader, writer, flags })
    }
}

impl<const CAPACITY: usize, const GIFT: bool> Transport for Vmsplice<CAPACITY, GIFT> {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near_reader, far_writer) = new_lent_pipe(CAPACITY)?;
        let (far_reader, near_writer) = new_lent_pipe(CAPACITY)?;
        let end = |reader, writer| Self::new(reader, writer, setup.waiting);
        Ok((end(near_reader, near_writer)?, end(far_reader, far_writer)?))
    }

    fn lends(setup: &Setup) -> usize {
        slots(CAPACITY).div_ceil(pages(setup.payload_bytes))
    }

    #[inline]
    fn send(&mut self, mut message: &[u8]) -> io::Result<()> {
        while !message.is_empty() {
            let lent = until_done("vmsplice", || vmsplice(&self.writer, &[IoSlice::new(message)], self.flags))?;
            message = &message[lent..];
        }
        Ok(())
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        read_all(&self.reader, message)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.reader.as_fd())
    }
}

/// The flags of a call that waits for room like this; vmsplice(2) does not look at `O_NONBLOCK`.
pub(super) fn waits(waiting: Waiting) -> SpliceFFlags {
    match waiting {
        Waiting::Spin => SpliceFFlags::SPLICE_F_NONBLOCK,
        Waiting::Block | Waiting::Adaptive | Waiting::Own => SpliceFFlags::empty(),
    }
}

/// A pipe of exactly [`slots`] of this capacity: left alone, one beyond fs.pipe-user-pages-soft would have fewer.
pub(super) fn new_lent_pipe(capacity: usize) -> io::Result<(OwnedFd, OwnedFd)> {
    new_pipe(slots(capacity) * page_bytes())
}

/// How many parts of pages a pipe of this capacity holds. The default is 16 pages, whatever their size (pipe(7)).
pub(super) fn slots(capacity: usize) -> usize {
    if capacity == DEFAULT_BYTES { 16 } else { pages(capacity) }
}

/// How many pages so many bytes take, at least one.
pub(super) fn pages(bytes: usize) -> usize {
    bytes.div_ceil(page_bytes()).max(1)
}

pub(super) fn page_bytes() -> usize {
    sysconf(SysconfVar::PAGE_SIZE).ok().flatten().map_or(4096, |bytes| bytes as usize)
}
