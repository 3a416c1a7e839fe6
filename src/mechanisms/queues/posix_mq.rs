//! POSIX message queues: two of them, one a direction, mq_send(3) and mq_receive(3), all messages of one priority.
//!
//! A queue needs a name for the moment in which it is opened; it is unpredictable, and unlinked at once. Queues keep
//! message boundaries and know nothing of who is at the other end: a dead peer shows only in its process's end.

use std::ffi::CString;
use std::io;
use std::os::fd::AsRawFd;

use ipcmark_harness::sys::names;
use nix::errno::Errno;
use nix::mqueue::{MQ_OFlag, MqAttr, MqdT, mq_attr_member_t, mq_open, mq_receive, mq_send, mq_unlink};
use nix::sys::stat::Mode;

use crate::descriptor::{other_length, until_done};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "posix-mq",
    summary: "POSIX message queues, one a direction, as deep as msg_max allows up to 10",
    family: Family::Queue,
    reach: Reach::Both,
    references: &["mq_overview(7)", "mq_open(3)"],
    support,
    rank: Rank::Headline,
    shapes: &[shapes::transport::<PosixMq>()],
};

/// The default of fs.mqueue.msg_max.
const DEPTH: usize = 10;

fn support() -> Support {
    match Queue::pair(1, Waiting::Block) {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    }
}

struct PosixMq {
    inbound: Queue,
    outbound: Queue,
    scratch: Vec<u8>,
}

impl Transport for PosixMq {
    const BOUNDARIES: bool = true;
    const REPORTS_END: bool = false;

    fn supports(setup: &Setup) -> Support {
        match limit("msgsize_max") {
            Some(most) if setup.payload_bytes > most => Support::Missing(format!(
                "a message of {} bytes exceeds fs.mqueue.msgsize_max, {most} bytes",
                setup.payload_bytes
            )),
            _ => Support::Available,
        }
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near_in, far_out) = Queue::pair(setup.payload_bytes, setup.waiting)?;
        let (far_in, near_out) = Queue::pair(setup.payload_bytes, setup.waiting)?;
        let end = |inbound, outbound| PosixMq { inbound, outbound, scratch: vec![0; setup.payload_bytes] };
        Ok((end(near_in, near_out), end(far_in, far_out)))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        until_done("mq_send", || mq_send(&self.outbound.0, message, 0))
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        // mq_receive wants room for the largest message of the queue, whatever comes.
        if message.len() == self.scratch.len() {
            return self.inbound.receive(message);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let received = self.inbound.receive_any(&mut scratch).and_then(|len| exact(len, message.len()));
        message.copy_from_slice(&scratch[..message.len()]);
        self.scratch = scratch;
        received
    }
}

/// One queue descriptor; closed on drop (nix's own type is not).
struct Queue(MqdT);

impl Queue {
    /// The reading and the writing end of a new queue, which has no name any more.
    fn pair(message_bytes: usize, waiting: Waiting) -> io::Result<(Queue, Queue)> {
        let depth = limit("msg_max").map_or(DEPTH, |most| most.min(DEPTH));
        let attr = MqAttr::new(0, depth as mq_attr_member_t, message_bytes as mq_attr_member_t, 0);
        let mut flags = MQ_OFlag::O_CLOEXEC;
        if waiting == Waiting::Spin {
            flags |= MQ_OFlag::O_NONBLOCK;
        }
        let name = CString::new(format!("/{}", names::next()))?;
        let owner_only = Mode::S_IRUSR | Mode::S_IWUSR;
        names::held(|| {
            let create = flags | MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL | MQ_OFlag::O_RDONLY;
            let reader = mq_open(name.as_c_str(), create, owner_only, Some(&attr))
                .map_err(|errno| explained(errno, depth, message_bytes))
                .map(Queue)?;
            let writer = mq_open(name.as_c_str(), flags | MQ_OFlag::O_WRONLY, owner_only, None).map(Queue);
            mq_unlink(name.as_c_str())?;
            Ok((reader, writer.map_err(|errno| explained(errno, depth, message_bytes))?))
        })
    }

    #[inline]
    fn receive(&self, message: &mut [u8]) -> io::Result<()> {
        let len = self.receive_any(message)?;
        exact(len, message.len())
    }

    #[inline]
    fn receive_any(&self, message: &mut [u8]) -> io::Result<usize> {
        let mut priority = 0;
        until_done("mq_receive", || mq_receive(&self.0, message, &mut priority))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // mq_close(3) is close(2) on Linux; an error leaves nothing to do.
        let _ = nix::unistd::close(self.0.as_raw_fd());
    }
}

#[inline]
fn exact(got: usize, wanted: usize) -> io::Result<()> {
    if got == wanted { Ok(()) } else { Err(other_length(got, wanted)) }
}

/// A limit of the message queue file system, where it can be read.
fn limit(name: &str) -> Option<usize> {
    std::fs::read_to_string(format!("/proc/sys/fs/mqueue/{name}")).ok()?.trim().parse().ok()
}

/// mq_open's errors name no limit; these do.
fn explained(errno: Errno, depth: usize, message_bytes: usize) -> io::Error {
    let cause = match errno {
        Errno::EMFILE => {
            let allowed = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_MSGQUEUE);
            let allowed = allowed.map_or_else(|_| "unknown".into(), |(soft, _)| soft.to_string());
            format!(": RLIMIT_MSGQUEUE allows {allowed} bytes of queues; raise it with `ulimit -q`")
        }
        Errno::EINVAL => ": see fs.mqueue.msg_max and fs.mqueue.msgsize_max".into(),
        Errno::ENOSPC => ": see fs.mqueue.queues_max".into(),
        Errno::ENOSYS => ": this kernel is built without CONFIG_POSIX_MQUEUE".into(),
        _ => String::new(),
    };
    io::Error::other(format!("mq_open of a queue of {depth} messages of {message_bytes} bytes: {errno}{cause}"))
}
