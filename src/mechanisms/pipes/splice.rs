//! Pipes that are lent pages of a file: the sender has its messages in a memfd, splice(2) puts those pages into the pipe,
//! and read(2) copies out of them.
//!
//! A sender that makes its data in the memfd copies nothing. Here the message comes from elsewhere, and the copy into the
//! mapped memfd stands for the making; so `send` copies, and the receiver does. What limits the throughput beside the two
//! is as with vmsplice(2): a reference to each page, a slot of the pipe for each. A receiver that splices on into
//! /dev/null moves no data, and is not measured.
//!
//! When a page may be written again: after S further ones, as many as the pipe has slots (see `vmsplice`). Messages of up
//! to K pages lie one behind the other, each from the start of a page, and one that does not fit before the end of the
//! memfd begins at its start. So between two uses of a page all others are sent, but for up to K - 1 that are skipped at
//! the end and up to K - 1 that lie before it in its own message: of S + 2·K pages that leaves S + 1.
#![allow(unsafe_code)] // copying into pages that the pipe refers to

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ipcmark_harness::sys::huge_pages::Pages;
use ipcmark_harness::sys::memory::{Mapping, memfd_create};
use nix::fcntl::{SpliceFFlags, splice};

use super::pipe::DEFAULT_BYTES;
use super::vmsplice::{new_lent_pipe, page_bytes, pages, slots, waits};
use crate::descriptor::{other_length, read_all, until_done, wait_by};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "pipe-splice",
    summary: "pipes of default capacity that take pages of the sender's memfd (splice); the receiver copies by read",
    family: Family::Pipe,
    reach: Reach::Both,
    references: &["splice(2)", "memfd_create(2)", "pipe(7)"],
    support,
    rank: Rank::Rare,
    shapes: &[shapes::transport::<Splice>()],
};

fn support() -> Support {
    let sent = new_lent_pipe(DEFAULT_BYTES)
        .and_then(|(reader, writer)| Splice::new(reader, writer, 1, Waiting::Block)?.send(b"x"));
    match sent {
        Ok(()) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    }
}

struct Splice {
    reader: OwnedFd,
    writer: OwnedFd,
    flags: SpliceFFlags,
    memfd: OwnedFd,
    mapping: Mapping,
    page_bytes: usize,
    /// Where the next message lies in the memfd.
    next: usize,
}

impl Splice {
    /// One end, for messages of up to `most` bytes.
    fn new(reader: OwnedFd, writer: OwnedFd, most: usize, waiting: Waiting) -> io::Result<Self> {
        wait_by(&reader, waiting)?;
        let page_bytes = page_bytes();
        let len = (slots(DEFAULT_BYTES) + 2 * pages(most)) * page_bytes;
        let memfd = memfd_create(len, Pages::Base)?;
        let mapping = Mapping::of(&memfd, len, Pages::Base)?;
        Ok(Splice { reader, writer, flags: waits(waiting), memfd, mapping, page_bytes, next: 0 })
    }

    /// Where in the memfd the message now lies.
    #[inline]
    fn place(&mut self, message: &[u8]) -> io::Result<usize> {
        let span = message.len().next_multiple_of(self.page_bytes);
        if self.next + span > self.mapping.len() {
            self.next = 0;
        }
        let start = self.next;
        if start + span > self.mapping.len() {
            return Err(other_length(message.len(), self.mapping.len()));
        }
        // SAFETY: the range is mapped, as was just seen; `message` is no part of it, because nobody is given a reference
        // to the mapping; and the pipe's reader is through with it, by the reasoning above.
        unsafe { message.as_ptr().copy_to_nonoverlapping(self.mapping.as_ptr().add(start), message.len()) };
        self.next = start + span;
        Ok(start)
    }
}

impl Transport for Splice {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near_reader, far_writer) = new_lent_pipe(DEFAULT_BYTES)?;
        let (far_reader, near_writer) = new_lent_pipe(DEFAULT_BYTES)?;
        let end = |reader, writer| Self::new(reader, writer, setup.payload_bytes, setup.waiting);
        Ok((end(near_reader, near_writer)?, end(far_reader, far_writer)?))
    }

    fn settle(&mut self) -> io::Result<()> {
        self.mapping.fault_in()
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let start = self.place(message)?;
        let (mut at, end) = (start as libc::loff_t, (start + message.len()) as libc::loff_t);
        while at < end {
            let left = (end - at) as usize;
            until_done("splice", || splice(&self.memfd, Some(&mut at), &self.writer, None, left, self.flags))?;
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
