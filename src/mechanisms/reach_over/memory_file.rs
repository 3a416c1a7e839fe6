//! A memory file, memfd_create(2), with room for as many messages as may be under way.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use ipcmark_harness::sys::huge_pages::Pages;
use ipcmark_harness::sys::memory::memfd_create;
use nix::sys::uio::{pread, pwrite};

use super::ledger;
use crate::descriptor::until_done;
use crate::mechanism::{Setup, Support};

pub(super) struct MemoryFile {
    pub(super) fd: OwnedFd,
    /// The room of one message: whole pages of 4096 bytes, as if each had a file of its own.
    stride: usize,
}

/// Whether there are memory files at all.
pub(super) fn support() -> Support {
    match memfd_create(1, Pages::Base) {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    }
}

impl MemoryFile {
    /// With all its pages there.
    pub(super) fn new(setup: &Setup) -> io::Result<MemoryFile> {
        let stride = setup.payload_bytes.next_multiple_of(4096);
        let len = stride * ledger::window(setup);
        let file = MemoryFile { fd: memfd_create(len, Pages::Base)?, stride };
        file.put(0, &vec![0; len])?;
        Ok(file)
    }

    /// `pwrite(2)` of `message` into the room of this number; returns where that begins.
    #[inline]
    pub(super) fn put(&self, number: usize, message: &[u8]) -> io::Result<u64> {
        let start = number * self.stride;
        let mut done = 0;
        while done < message.len() {
            let at = (start + done) as libc::off_t;
            done += until_done("pwrite to a memfd", || pwrite(&self.fd, &message[done..], at))?;
        }
        Ok(start as u64)
    }
}

/// `pread(2)` from `start` until `message` is full.
#[inline]
pub(super) fn get(file: &impl AsFd, start: u64, message: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < message.len() {
        let at = start as libc::off_t + done as libc::off_t;
        match until_done("pread of a memfd", || pread(file, &mut message[done..], at))? {
            0 => return Err(io::Error::new(io::ErrorKind::InvalidData, "a memfd is shorter than its message")),
            count => done += count,
        }
    }
    Ok(())
}
