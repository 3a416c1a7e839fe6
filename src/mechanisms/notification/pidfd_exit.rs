//! The end of a process as the notification: poll(2) on its pidfd.
//!
//! For each notification the notifier forks a child that pauses, and the waiter opens a pidfd of it; both is outside the
//! clock. To notify is to kill the child. So what is timed is a chain: a signal wakes the child, the child runs to its end
//! on the notifier's CPU and takes its address space down (a copy of the notifier's), and that wakes the waiter. The child
//! is reaped before the next one is forked.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicU32;

use ipcmark_harness::sys::memory::{Shareable, Shared};
use ipcmark_harness::sys::pidfd::{pidfd_open, pidfd_send_signal};
use ipcmark_harness::sys::{futex, process};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getpid};

use crate::descriptor::{named, until_done};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Waiting};
use crate::shapes::{self, Role, Wakeup};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "pidfd-exit",
    summary: "the end of a killed process, seen by poll on its pidfd: the wake-up includes that end",
    family: Family::Notification,
    reach: Reach::Both,
    references: &["pidfd_open(2)", "pidfd_send_signal(2)", "poll(2)"],
    support: || probe().into(),
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Exits>()],
};

/// Opens a pidfd of this process, and sends the signal that is none.
fn probe() -> io::Result<()> {
    pidfd_send_signal(pidfd_open(getpid())?, 0).map_err(|errno| named("pidfd_send_signal", errno))
}

struct Exits {
    children: Shared<Children>,
    /// Whose end this end waits for; it ends the other.
    inbound: usize,
    timeout: PollTimeout,
    victim: Option<Victim>,
    /// The process number of the child that was waited for last: the next one has another.
    last: u32,
    watched: Option<OwnedFd>,
}

/// The process number of the child that stands for the next or the last notification, by direction.
#[repr(C)]
struct Children([AtomicU32; 2]);

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Children {}

/// A child of this process. Killed, if it has not been, and reaped when dropped.
struct Victim {
    process: Pid,
    pidfd: OwnedFd,
}

impl Drop for Victim {
    fn drop(&mut self) {
        // An error: it is dead.
        let _ = pidfd_send_signal(&self.pidfd, libc::SIGKILL);
        let _ = waitpid(self.process, None);
    }
}

impl Wakeup for Exits {
    const LASTS: bool = false;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let children = Shared::zeroed()?;
        let timeout = if setup.waiting == Waiting::Spin { PollTimeout::ZERO } else { PollTimeout::NONE };
        let end = |inbound| Exits {
            children: Shared::clone(&children),
            inbound,
            timeout,
            victim: None,
            last: 0,
            watched: None,
        };
        Ok((end(0), end(1)))
    }

    fn arm(&mut self, role: Role) -> io::Result<()> {
        match role {
            Role::Notifier => {
                // The last one, before there is another.
                self.victim = None;
                let process = process::fork_pausing(&self.children.0[1 - self.inbound])?;
                self.victim = Some(Victim { process, pidfd: pidfd_open(process)? });
            }
            Role::Waiter => {
                self.last = futex::wait_until(&self.children.0[self.inbound], |child| child != self.last);
                self.watched = Some(pidfd_open(Pid::from_raw(self.last as i32))?);
            }
        }
        Ok(())
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        let victim = self.victim.as_ref().ok_or_else(unarmed)?;
        pidfd_send_signal(&victim.pidfd, libc::SIGKILL).map_err(|errno| named("pidfd_send_signal", errno))
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        let watched = self.watched.as_ref().ok_or_else(unarmed)?;
        let mut watched = [PollFd::new(watched.as_fd(), PollFlags::POLLIN)];
        while until_done("poll", || poll(&mut watched, self.timeout))? == 0 {
            std::hint::spin_loop();
        }
        Ok(())
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.watched.as_ref().map(|pidfd| pidfd.as_fd())
    }
}

#[cold]
fn unarmed() -> io::Error {
    io::Error::other("a notification by the end of a process was not armed")
}
