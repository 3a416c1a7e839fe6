//! What a sender with `MSG_ZEROCOPY` has lent to the kernel, and the notes by which it gets that back.
//!
//! The kernel counts the calls of send(2) that lent something, and puts a note into the socket's error queue when it is done
//! with a range of them; it merges notes that nobody has fetched yet.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

use crate::descriptor::{named, until_done};
use crate::mechanism::Waiting;

/// linux/errqueue.h; the libc crate has it not.
const SO_EE_ORIGIN_ZEROCOPY: u8 = 5;

pub(super) struct Lent {
    most: usize,
    waiting: Waiting,
    /// Calls that lent something, and those of them that the kernel is done with; modulo 2^32, as it counts.
    calls: u32,
    done: u32,
    /// What `calls` was after each message that is still lent.
    messages: VecDeque<u32>,
    /// Room for one note.
    control: Vec<u8>,
}

impl Lent {
    /// Room for so many messages.
    pub(super) fn new(most: usize, waiting: Waiting) -> Lent {
        let control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in);
        Lent { most, waiting, calls: 0, done: 0, messages: VecDeque::with_capacity(most), control }
    }

    pub(super) fn is_full(&self) -> bool {
        self.messages.len() == self.most
    }

    /// Whether a note is still to come.
    pub(super) fn is_any(&self) -> bool {
        self.calls != self.done
    }

    pub(super) fn count_call(&mut self) {
        self.calls = self.calls.wrapping_add(1);
    }

    pub(super) fn end_message(&mut self) {
        self.messages.push_back(self.calls);
    }

    /// Waits until the kernel is done with something more.
    pub(super) fn await_note(&mut self, socket: &OwnedFd) -> io::Result<()> {
        while !self.take_note(socket)? {
            if self.waiting == Waiting::Spin {
                std::hint::spin_loop();
                continue;
            }
            // A note shows as POLLERR, which is reported without being asked for.
            let mut fd = [PollFd::new(socket.as_fd(), PollFlags::empty())];
            until_done("poll", || poll(&mut fd, PollTimeout::NONE))?;
        }
        let under_way = self.calls.wrapping_sub(self.done);
        while self.messages.front().is_some_and(|&end| self.calls.wrapping_sub(end) >= under_way) {
            self.messages.pop_front();
        }
        Ok(())
    }

    /// Takes a note from the error queue, if there is one.
    fn take_note(&mut self, socket: &OwnedFd) -> io::Result<bool> {
        let got = recvmsg::<()>(socket.as_raw_fd(), &mut [], Some(&mut self.control), MsgFlags::MSG_ERRQUEUE);
        let got = match got {
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(false),
            got => got.map_err(|errno| named("recvmsg of the error queue", errno))?,
        };
        match got.cmsgs()?.next() {
            Some(ControlMessageOwned::Ipv4RecvErr(note, _))
                if note.ee_origin == SO_EE_ORIGIN_ZEROCOPY && note.ee_info == self.done =>
            {
                self.done = note.ee_data.wrapping_add(1);
                Ok(true)
            }
            other => Err(io::Error::other(format!("send {} was to be done next; instead: {other:?}", self.done))),
        }
    }
}
