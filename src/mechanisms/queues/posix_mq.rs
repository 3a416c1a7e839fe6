//! POSIX message queues: two of them, one a direction, mq_send(3) and mq_receive(3), all messages of one priority.
//!
//! A queue needs a name for the moment in which it is opened; it is unpredictable, and unlinked at once. Queues keep
//! message boundaries and know nothing of who is at the other end: a dead peer shows only in its process's end.
//!
//! There is no variant with priorities. A [`Transport`] keeps its messages in order, so those of one conversation have one
//! priority at a time; and the kernel keeps a tree of the priorities in use, which has one node or none while a single
//! message is under way, whatever its priority. That a higher one overtakes is a test below.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use ipcmark_harness::sys::names;
use nix::errno::Errno;
use nix::mqueue::{MQ_OFlag, MqAttr, MqdT, mq_attr_member_t, mq_open, mq_receive, mq_send, mq_unlink};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::Mode;

use super::{fits, limit};
use crate::descriptor::{other_length, until_done};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, FanIn, FanOut, Rendezvous, Transport};
use crate::turn::Turns;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "posix-mq",
    summary: "POSIX message queues, one a direction, as deep as msg_max allows up to 10",
    family: Family::Queue,
    reach: Reach::Both,
    references: &["mq_overview(7)", "mq_open(3)"],
    support,
    rank: Rank::Headline,
    shapes: &[
        shapes::transport::<PosixMq>(),
        shapes::fan_in::<PosixMq>(),
        shapes::fan_out::<PosixMq>(),
        shapes::rendezvous::<PosixMq>(),
    ],
};

/// The default of fs.mqueue.msg_max.
const DEPTH: usize = 10;

fn support() -> Support {
    match Form::new(1, Waiting::Block).ends(1, 1) {
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
        fits(setup.payload_bytes, "fs.mqueue.msgsize_max").and(|| Form::of(setup).fits_twice())
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, mut far) = Self::star(setup, 1)?;
        Ok((near, far.remove(0)))
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

    /// A queue descriptor is a file descriptor on Linux, and pollable: mq_overview(7).
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.inbound.0.as_fd())
    }
}

impl FanIn for PosixMq {
    type Reader = Self;

    fn fan_in(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        Self::star(setup, setup.parties - 1)
    }
}

impl FanOut for PosixMq {
    fn fan_out(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        Self::star(setup, setup.parties - 1)
    }
}

impl PosixMq {
    fn new(inbound: Queue, outbound: Queue, form: &Form) -> PosixMq {
        PosixMq { inbound, outbound, scratch: vec![0; form.message_bytes] }
    }

    /// One end, and `others` that share its two queues.
    fn star(setup: &Setup, others: usize) -> io::Result<(Self, Vec<Self>)> {
        let form = Form::of(setup);
        let (mut near_in, far_out) = form.ends(1, others)?;
        let (far_in, mut near_out) = form.ends(others, 1)?;
        let far = far_in.into_iter().zip(far_out).map(|(inbound, outbound)| PosixMq::new(inbound, outbound, &form));
        Ok((PosixMq::new(near_in.remove(0), near_out.remove(0), &form), far.collect()))
    }
}

/// The names of the queues to come, that to the near end first.
struct Place {
    names: [CString; 2],
    form: Form,
    turns: Turns,
}

impl Rendezvous for PosixMq {
    type Place = Place;

    fn places(setup: &Setup) -> io::Result<(Place, Place)> {
        let (near, far) = Turns::new(setup.waiting)?;
        let names = [name()?, name()?];
        let place = |turns| Place { names: names.clone(), form: Form::of(setup), turns };
        Ok((place(near), place(far)))
    }

    /// The names are free again: the far end unlinked those of the channel before, and then answered through it.
    fn open_near(place: &mut Place) -> io::Result<Self> {
        let [to_near, to_far] = &place.names;
        let inbound = place.form.create(to_near, MQ_OFlag::O_RDONLY)?;
        let outbound = place.form.create(to_far, MQ_OFlag::O_WRONLY)?;
        place.turns.give();
        Ok(PosixMq::new(inbound, outbound, &place.form))
    }

    fn open_far(place: &mut Place) -> io::Result<Self> {
        let [to_near, to_far] = &place.names;
        place.turns.take();
        let inbound = place.form.open(to_far, MQ_OFlag::O_RDONLY);
        let outbound = place.form.open(to_near, MQ_OFlag::O_WRONLY);
        mq_unlink(to_near.as_c_str())?;
        mq_unlink(to_far.as_c_str())?;
        Ok(PosixMq::new(inbound?, outbound?, &place.form))
    }
}

/// An unused name, with the slash that mq_open(3) wants.
fn name() -> io::Result<CString> {
    Ok(CString::new(format!("/{}", names::next()))?)
}

/// What queues are like.
#[derive(Copy, Clone)]
struct Form {
    depth: usize,
    message_bytes: usize,
    flags: MQ_OFlag,
}

impl Form {
    fn of(setup: &Setup) -> Form {
        Form::new(setup.payload_bytes, setup.waiting)
    }

    fn new(message_bytes: usize, waiting: Waiting) -> Form {
        let depth = limit("fs.mqueue.msg_max").map_or(DEPTH, |most| most.min(DEPTH));
        let polls = if waiting == Waiting::Spin { MQ_OFlag::O_NONBLOCK } else { MQ_OFlag::empty() };
        Form { depth, message_bytes, flags: MQ_OFlag::O_CLOEXEC | polls }
    }

    /// Whether this user may have two such queues. What a queue takes stands in getrlimit(2): each message 48 bytes for
    /// itself (`struct msg_msg`), and 48 for its priority (`struct posix_msg_tree_node`).
    fn fits_twice(&self) -> Support {
        let Form { depth, message_bytes, .. } = *self;
        let bytes = 2 * depth * (48 + 48 + message_bytes);
        match getrlimit(Resource::RLIMIT_MSGQUEUE) {
            Ok((most, _)) if bytes as u64 > most => Support::Missing(format!(
                "two queues of {depth} messages of {message_bytes} bytes take {bytes} bytes, RLIMIT_MSGQUEUE allows {most}; \
                 raise it with `ulimit -q`"
            )),
            _ => Support::Available,
        }
    }

    /// The reading and the writing ends of a new queue, which has no name any more.
    fn ends(&self, readers: usize, writers: usize) -> io::Result<(Vec<Queue>, Vec<Queue>)> {
        let name = name()?;
        names::held(|| {
            let first = self.create(&name, MQ_OFlag::O_RDONLY)?;
            let open = |access, count| (0..count).map(|_| self.open(&name, access)).collect::<io::Result<Vec<_>>>();
            let ends = open(MQ_OFlag::O_RDONLY, readers - 1).and_then(|mut more| {
                more.push(first);
                Ok((more, open(MQ_OFlag::O_WRONLY, writers)?))
            });
            mq_unlink(name.as_c_str())?;
            ends
        })
    }

    /// For its owner only.
    fn create(&self, name: &CStr, access: MQ_OFlag) -> io::Result<Queue> {
        let attr = MqAttr::new(0, self.depth as mq_attr_member_t, self.message_bytes as mq_attr_member_t, 0);
        let flags = self.flags | access | MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL;
        let queue = mq_open(name, flags, Mode::S_IRUSR | Mode::S_IWUSR, Some(&attr));
        queue.map(Queue).map_err(|errno| self.explained(errno))
    }

    fn open(&self, name: &CStr, access: MQ_OFlag) -> io::Result<Queue> {
        mq_open(name, self.flags | access, Mode::empty(), None).map(Queue).map_err(|errno| self.explained(errno))
    }

    /// mq_open's errors name no limit; these do.
    fn explained(&self, errno: Errno) -> io::Error {
        let cause = match errno {
            Errno::EMFILE => {
                let allowed = getrlimit(Resource::RLIMIT_MSGQUEUE);
                let allowed = allowed.map_or_else(|_| "unknown".into(), |(soft, _)| soft.to_string());
                format!(": RLIMIT_MSGQUEUE allows {allowed} bytes of queues; raise it with `ulimit -q`")
            }
            Errno::EINVAL => ": see fs.mqueue.msg_max and fs.mqueue.msgsize_max".into(),
            Errno::ENOSPC => ": see fs.mqueue.queues_max".into(),
            Errno::ENOSYS => ": this kernel is built without CONFIG_POSIX_MQUEUE".into(),
            _ => String::new(),
        };
        let (depth, message_bytes) = (self.depth, self.message_bytes);
        io::Error::other(format!("mq_open of a queue of {depth} messages of {message_bytes} bytes: {errno}{cause}"))
    }
}

/// One queue descriptor; closed on drop (nix's own type is not).
struct Queue(MqdT);

impl Queue {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_higher_priority_overtakes_and_those_of_one_priority_keep_their_order() {
        let (readers, writers) = match Form::new(1, Waiting::Block).ends(1, 1) {
            Ok(ends) => ends,
            Err(error) => return eprintln!("skipped: {error}"),
        };
        for (text, priority) in [(b"a", 0), (b"b", 0), (b"c", 7), (b"d", 3), (b"e", 7)] {
            mq_send(&writers[0].0, text, priority).unwrap();
        }
        let mut taken = Vec::new();
        for _ in 0..5 {
            let (mut text, mut priority) = ([0], 0);
            mq_receive(&readers[0].0, &mut text, &mut priority).unwrap();
            taken.push((char::from(text[0]), priority));
        }
        assert_eq!(taken, [('c', 7), ('e', 7), ('d', 3), ('a', 0), ('b', 0)]);
    }
}
