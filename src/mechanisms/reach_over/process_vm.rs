//! process_vm_readv(2) and process_vm_writev(2): bytes copied by the kernel between the memories of two processes, without a
//! buffer of its own. They bring no news, so both have a page beside them that says what lies where, and futex(2) or polling.
//!
//! - **process-vm-read**: the sender says where its message lies, and the receiver copies it from there, once. So a message
//!   is lent: its sender must not change it before the receiver has it. `send` waits until at most a window of messages is
//!   under way, its own included, so what was sent a window of messages before may be changed again; the receiver gives an
//!   entry back only after its copy.
//! - **process-vm-write**: the receiver says where it has room for a window of messages; the sender copies its message
//!   there, and the receiver copies it out to where it is wanted. With one copy, into the receiver's own variable, an end
//!   could only send while the other one is receiving, and two that send at once would wait for each other for ever.
//!
//! The other end's process must live while it is reached into, so a sender stays until its last message has been read:
//! `ESRCH` says that it is gone, and the message with it.
//!
//! In a stream on one CPU the two differ by more than the second copy: a sender that only says where its messages lie gets a
//! window of them ahead (0.06 switches a message of 64 bytes on the development machine), while a receiver that is woken
//! for what the sender has copied has next to nothing to do, and sleeps again (1.5).
#![allow(unsafe_code)] // reads of memory that another process writes into

use std::io::{self, IoSlice, IoSliceMut};

use ipcmark_harness::sys::memory::Buffer;
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

use super::ledger::{self, Ledger};
use super::permission;
use crate::descriptor::{ended, named, other_length};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup};
use crate::shapes::{self, Transport};

pub(super) static READ: Mechanism = Mechanism {
    name: "process-vm-read",
    summary: "the receiver copies from the sender's memory by process_vm_readv; one copy",
    family: Family::ReachOver,
    reach: Reach::Processes,
    references: &["process_vm_readv(2)", "ptrace(2)", "futex(2)"],
    support: || {
        let byte = 1_u8;
        let place = (&raw const byte).expose_provenance() as u64;
        permission::tried_by_child(|parent| pull(parent, place, &mut [0]))
    },
    rank: Rank::Headline,
    shapes: &[shapes::transport::<VmRead>()],
};

pub(super) static WRITE: Mechanism = Mechanism {
    name: "process-vm-write",
    summary: "the sender copies into the receiver's memory by process_vm_writev; the receiver copies out",
    family: Family::ReachOver,
    reach: Reach::Processes,
    references: &["process_vm_writev(2)", "ptrace(2)", "futex(2)"],
    support: || {
        let mut byte = 0_u8;
        let place = (&raw mut byte).expose_provenance() as u64;
        permission::tried_by_child(|parent| push(parent, place, &[1]))
    },
    rank: Rank::Common,
    shapes: &[shapes::transport::<VmWrite>()],
};

struct VmRead(Ledger);

impl Transport for VmRead {
    const BOUNDARIES: bool = true;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        Ledger::pair(setup).map(|(near, far)| (VmRead(near), VmRead(far)))
    }

    fn settle(&mut self) -> io::Result<()> {
        permission::grant();
        self.0.introduce(0);
        Ok(())
    }

    fn lends(setup: &Setup) -> usize {
        ledger::window(setup)
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.0.await_room()?;
        self.0.send(message.as_ptr().expose_provenance() as u64, message.len());
        Ok(())
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let next = self.0.next()?;
        let taken = match next.len == message.len() {
            true => self.0.peer().and_then(|(process, _)| pull(process, next.place, message)),
            false => Err(other_length(next.len, message.len())),
        };
        self.0.release();
        taken
    }

    fn hang_up(&mut self) {
        self.0.hang_up();
    }
}

struct VmWrite {
    ledger: Ledger,
    /// The room of one message.
    stride: usize,
    window: usize,
    /// Where messages to this end come in; made in the party that reads them.
    landing: Option<Buffer>,
}

impl Transport for VmWrite {
    const BOUNDARIES: bool = true;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        // Whole cache lines: neighbours are written and read at the same time.
        let stride = setup.payload_bytes.next_multiple_of(64);
        let end = |ledger| VmWrite { ledger, stride, window: ledger::window(setup), landing: None };
        Ledger::pair(setup).map(|(near, far)| (end(near), end(far)))
    }

    fn settle(&mut self) -> io::Result<()> {
        permission::grant();
        let mut landing = Buffer::new(self.stride * self.window)?;
        self.ledger.introduce(landing.as_mut_ptr().expose_provenance() as u64);
        self.landing = Some(landing);
        Ok(())
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        if message.len() > self.stride {
            return Err(other_length(message.len(), self.stride));
        }
        let offset = self.ledger.await_room()? * self.stride;
        let (process, landing) = self.ledger.peer()?;
        push(process, landing + offset as u64, message)?;
        self.ledger.send(offset as u64, message.len());
        Ok(())
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let next = self.ledger.next()?;
        let taken = self.copy_out(next.place as usize, next.len, message);
        self.ledger.release();
        taken
    }

    fn hang_up(&mut self) {
        self.ledger.hang_up();
    }
}

impl VmWrite {
    #[inline]
    fn copy_out(&self, offset: usize, len: usize, message: &mut [u8]) -> io::Result<()> {
        let Some(landing) = &self.landing else { return Err(io::Error::other("this end has not settled")) };
        if len != message.len() || offset + len > landing.len() {
            return Err(other_length(len, message.len()));
        }
        // SAFETY: in bounds, as just checked; the sender has published this message and leaves it alone until `release`.
        unsafe { landing.as_ptr().add(offset).copy_to_nonoverlapping(message.as_mut_ptr(), len) };
        Ok(())
    }
}

/// `process_vm_readv(2)` until `message` is full.
#[inline]
fn pull(process: Pid, place: u64, message: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < message.len() {
        let remote = RemoteIoVec { base: place as usize + done, len: message.len() - done };
        match process_vm_readv(process, &mut [IoSliceMut::new(&mut message[done..])], &[remote]) {
            Ok(count) => done += count,
            Err(errno) => interrupted("process_vm_readv", errno)?,
        }
    }
    Ok(())
}

/// `process_vm_writev(2)` until all of `message` is there.
#[inline]
fn push(process: Pid, place: u64, message: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < message.len() {
        let remote = RemoteIoVec { base: place as usize + done, len: message.len() - done };
        match process_vm_writev(process, &[IoSlice::new(&message[done..])], &[remote]) {
            Ok(count) => done += count,
            Err(errno) => interrupted("process_vm_writev", errno)?,
        }
    }
    Ok(())
}

/// Only an interrupted call is made again.
#[cold]
fn interrupted(call: &str, errno: Errno) -> io::Result<()> {
    match errno {
        Errno::EINTR => Ok(()),
        Errno::ESRCH => Err(ended()),
        Errno::ENOSYS => {
            Err(io::Error::other(format!("{call}: {errno}; this kernel is built without CONFIG_CROSS_MEMORY_ATTACH")))
        }
        errno => Err(named(call, errno)),
    }
}
