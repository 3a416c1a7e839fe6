//! A Unix stream socket through io_uring(7): each send and each receive is one submission, awaited before the next.
//!
//! Each end makes its ring where it is used. To block, one io_uring_enter(2) submits and waits. To poll, it submits only, and the
//! end looks at the completion queue in memory, and at the flag that says that the kernel has work to do for it there
//! (`IORING_SETUP_COOP_TASKRUN` and `IORING_SETUP_TASKRUN_FLAG`, Linux 5.19): without these the kernel would interrupt the
//! poller for that, which across two virtual CPUs made 38 µs of 6 µs a round trip when it was tried.
//!
//! Nothing is batched, linked or registered: this is what io_uring costs a conversation, and not what it saves a server with
//! many. The socket is a blocking one in either case: of others io_uring reports EAGAIN instead of waiting itself.
#![allow(unsafe_code)] // the kernel is given addresses

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use io_uring::squeue::Entry;
use io_uring::{IoUring, opcode, types};
use nix::errno::Errno;
use nix::sys::socket::SockType;

use crate::descriptor::{ended, named, unix_pair};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Transport};
use crate::uring::{await_completion, new_ring, submit};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "io-uring-socket",
    summary: "unix-stream through an io_uring at each end: one submission a call, awaited, or its completion polled in memory",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["io_uring(7)", "io_uring_enter(2)", "io-uring 0.7 (crate)"],
    support: || match settled_ring() {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    },
    rank: Rank::Common,
    shapes: &[shapes::transport::<UringSocket>()],
};

/// One operation is under way at most.
const ENTRIES: u32 = 1;

struct UringSocket {
    socket: OwnedFd,
    /// None until it is settled, or when it must not be used any more.
    ring: Option<IoUring>,
    waiting: Waiting,
}

impl Transport for UringSocket {
    const BOUNDARIES: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = unix_pair(SockType::Stream, Waiting::Block)?;
        let end = |socket| UringSocket { socket, ring: None, waiting: setup.waiting };
        Ok((end(near), end(far)))
    }

    fn settle(&mut self) -> io::Result<()> {
        self.ring = Some(settled_ring()?);
        Ok(())
    }

    #[inline]
    fn send(&mut self, mut message: &[u8]) -> io::Result<()> {
        while !message.is_empty() {
            let entry = opcode::Send::new(self.fd(), message.as_ptr(), message.len() as u32).flags(libc::MSG_NOSIGNAL);
            // SAFETY: `message` is borrowed until `done` returns.
            let sent = unsafe { self.done("send", &entry.build()) }?;
            message = &message[sent..];
        }
        Ok(())
    }

    #[inline]
    fn recv(&mut self, mut message: &mut [u8]) -> io::Result<()> {
        while !message.is_empty() {
            let entry = opcode::Recv::new(self.fd(), message.as_mut_ptr(), message.len() as u32);
            // SAFETY: `message` is borrowed, for writing, until `done` returns.
            match unsafe { self.done("recv", &entry.build()) }? {
                0 => return Err(ended()),
                got => message = &mut message[got..],
            }
        }
        Ok(())
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

fn settled_ring() -> io::Result<IoUring> {
    new_ring(IoUring::builder().setup_coop_taskrun().setup_taskrun_flag(), ENTRIES)
}

impl UringSocket {
    #[inline]
    fn fd(&self) -> types::Fd {
        types::Fd(self.socket.as_raw_fd())
    }

    /// Submits an operation and waits for its end: how many bytes it moved, 0 when the other end is gone.
    ///
    /// # Safety
    /// The memory that `entry` refers to must be the operation's until this returns.
    #[inline]
    unsafe fn done(&mut self, name: &str, entry: &Entry) -> io::Result<usize> {
        loop {
            let ring = self.ring.as_mut().ok_or_else(|| io::Error::other("there is no ring: settle makes it"))?;
            // SAFETY: by the caller. There is no return between the kernel taking the entry and its completion.
            unsafe { ring.submission().push(entry) }.map_err(|_| io::Error::other("the submission queue is full"))?;
            if let Err(errno) = submit(ring, self.waiting) {
                // The entry is in the queue still, and must not be submitted by the next call.
                self.ring = None;
                return Err(named("io_uring_enter", errno));
            }
            match await_completion(ring, self.waiting) {
                bytes @ 0.. => return Ok(bytes as usize),
                error => match Errno::from_raw(-error) {
                    Errno::EAGAIN | Errno::EINTR => {}
                    Errno::ECONNRESET => return Ok(0),
                    errno => return Err(named(name, errno)),
                },
            }
        }
    }
}
