//! A completion that one io_uring puts into another one: `IORING_OP_MSG_RING`, since Linux 5.18.
//!
//! Each end has a ring, made before the peer is started: its queues are shared mappings and its descriptor is inherited, so
//! a forked peer uses it as a thread would. An end submits to its own ring and waits for completions in it; to poll, it
//! looks at the completion queue in memory, without a system call. Nothing comes back for what was sent, unless it failed.
//! The rings are made without flags: neither end may promise to be the only task that submits (`IORING_SETUP_SINGLE_ISSUER`).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use io_uring::squeue::Flags;
use io_uring::{IoUring, opcode, types};
use nix::errno::Errno;

use crate::descriptor::{duplicated, named, until_done};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Wakeup};
use crate::uring::{errno, new_ring};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "io-uring-msg-ring",
    summary: "a completion put into the other end's io_uring by IORING_OP_MSG_RING; waits in its own, or polls it in memory",
    family: Family::Notification,
    reach: Reach::Both,
    references: &["io_uring_enter(2)", "io_uring_prep_msg_ring(3)", "io-uring 0.7 (crate)"],
    support,
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Rings>()],
};

/// Makes two rings and sends once.
fn support() -> Support {
    let sent = Rings::pair_waiting(Waiting::Block).and_then(|(mut near, mut far)| {
        near.notify()?;
        // What failed is completed where it was submitted.
        near.take()?;
        far.take()
    });
    match sent {
        Ok(true) => Support::Available,
        Ok(false) => Support::Missing("IORING_OP_MSG_RING was taken and nothing came".into()),
        Err(error) => Support::Missing(error.to_string()),
    }
}

/// One conversation has one message under way at most.
const ENTRIES: u32 = 2;

struct Rings {
    ring: IoUring,
    /// The other end's ring.
    outbound: OwnedFd,
    waiting: Waiting,
}

impl Wakeup for Rings {
    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        Rings::pair_waiting(setup.waiting)
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        let message = opcode::MsgRingData::new(types::Fd(self.outbound.as_raw_fd()), 0, 0, None);
        let message = message.build().flags(Flags::SKIP_SUCCESS);
        #[allow(unsafe_code)]
        // SAFETY: the entry refers to no memory, and to a descriptor that lives as long as the ring.
        let pushed = unsafe { self.ring.submission().push(&message) };
        pushed.map_err(|_| io::Error::other("the submission queue is full"))?;
        until_done("io_uring_enter", || self.ring.submit().map_err(errno)).map(drop)
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        while !self.take()? {
            match self.waiting {
                Waiting::Spin => std::hint::spin_loop(),
                _ => drop(until_done("io_uring_enter", || self.ring.submit_and_wait(1).map_err(errno))?),
            }
        }
        Ok(())
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.ring.as_fd())
    }
}

impl Rings {
    fn pair_waiting(waiting: Waiting) -> io::Result<(Self, Self)> {
        let ring = || new_ring(&IoUring::builder(), ENTRIES);
        let (near, far) = (ring()?, ring()?);
        let (to_near, to_far) = (duplicated(&near.as_fd())?, duplicated(&far.as_fd())?);
        Ok((Rings { ring: near, outbound: to_far, waiting }, Rings { ring: far, outbound: to_near, waiting }))
    }

    /// Takes the next completion if there is one; an error if it is that of a message that could not be sent.
    #[inline]
    fn take(&mut self) -> io::Result<bool> {
        match self.ring.completion().next() {
            None => Ok(false),
            Some(completion) if completion.result() >= 0 => Ok(true),
            Some(completion) => Err(named("IORING_OP_MSG_RING (Linux 5.18)", Errno::from_raw(-completion.result()))),
        }
    }
}
