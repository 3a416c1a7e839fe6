//! System V message queues: one queue for both directions, msgsnd(2) and msgrcv(2), told apart by the messages' types.
//!
//! - The kernel wants a message's type in front of its text, so there is one copy into such a buffer and one out of it.
//! - A queue holds `kernel.msgmnb` bytes (16384 by default) of both directions together: two ends that only send would hold
//!   each other up where two queues had held twice as much.
//! - There is no descriptor, so no poll(2); and no end, so a dead peer shows only in its process's end.
//! - A queue keeps its key as long as it is there. The process that made it removes it when it closes its end; what a
//!   killed one left is found by the key.

use std::ffi::{c_int, c_long};
use std::io;
use std::sync::Arc;

use ipcmark_harness::sys::names;
use ipcmark_harness::sys::sysv::message_queue::{MessageBuffer, MessageQueue};

use super::fits;
use crate::descriptor::{other_length, until_done};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, FanIn, FanOut, Rendezvous, Transport};
use crate::turn::Turns;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "sysv-mq",
    summary: "one System V message queue, a message type for either direction",
    family: Family::Queue,
    reach: Reach::Both,
    references: &["sysvipc(7)", "msgget(2)", "msgop(2)"],
    support,
    rank: Rank::Headline,
    shapes: &[
        shapes::transport::<SysvMq>(),
        shapes::fan_in::<SysvMq>(),
        shapes::fan_out::<SysvMq>(),
        shapes::rendezvous::<SysvMq>(),
    ],
};

fn support() -> Support {
    match MessageQueue::create(names::key()) {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(error.to_string()),
    }
}

/// The type of messages to the near end, and to the far one.
const TO_NEAR: c_long = 1;
const TO_FAR: c_long = 2;

struct SysvMq {
    queue: Arc<MessageQueue>,
    inbound: c_long,
    outbound: c_long,
    flags: c_int,
    buffer: MessageBuffer,
}

impl Transport for SysvMq {
    const BOUNDARIES: bool = true;
    const REPORTS_END: bool = false;

    fn supports(setup: &Setup) -> Support {
        fits(setup.payload_bytes, "kernel.msgmax").and(|| fits(setup.payload_bytes, "kernel.msgmnb"))
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let queue = Arc::new(MessageQueue::create(names::key())?);
        Ok((Self::near(Arc::clone(&queue), setup), Self::far(queue, setup)))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.buffer.set_mtype(self.outbound);
        self.buffer.text_mut()[..message.len()].copy_from_slice(message);
        until_done("msgsnd", || self.queue.send(&self.buffer, message.len(), self.flags))
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let len = until_done("msgrcv", || self.queue.receive(&mut self.buffer, self.inbound, self.flags))?;
        if len != message.len() {
            return Err(other_length(len, message.len()));
        }
        message.copy_from_slice(&self.buffer.text()[..len]);
        Ok(())
    }
}

impl SysvMq {
    fn near(queue: Arc<MessageQueue>, setup: &Setup) -> SysvMq {
        let flags = if setup.waiting == Waiting::Spin { libc::IPC_NOWAIT } else { 0 };
        let buffer = MessageBuffer::new(setup.payload_bytes);
        SysvMq { queue, inbound: TO_NEAR, outbound: TO_FAR, flags, buffer }
    }

    fn far(queue: Arc<MessageQueue>, setup: &Setup) -> SysvMq {
        SysvMq { inbound: TO_FAR, outbound: TO_NEAR, ..SysvMq::near(queue, setup) }
    }
}

impl FanIn for SysvMq {
    type Reader = Self;

    fn fan_in(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        let (one, other) = Self::pair(setup)?;
        let others = (1..setup.parties).map(|_| Self::far(Arc::clone(&other.queue), setup)).collect();
        Ok((one, others))
    }
}

impl FanOut for SysvMq {
    fn fan_out(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        Self::fan_in(setup)
    }
}

/// Under which key the queues to come are found.
struct Place {
    key: i32,
    setup: Setup,
    turns: Turns,
}

impl Rendezvous for SysvMq {
    type Place = Place;

    fn places(setup: &Setup) -> io::Result<(Place, Place)> {
        let (near, far) = Turns::new(setup.waiting)?;
        let key = names::key();
        let place = |turns| Place { key, setup: *setup, turns };
        Ok((place(near), place(far)))
    }

    /// The key is free again: this end removed the queue before, when it was closed.
    fn open_near(place: &mut Place) -> io::Result<Self> {
        let queue = MessageQueue::create(place.key)?;
        place.turns.give();
        Ok(Self::near(Arc::new(queue), &place.setup))
    }

    fn open_far(place: &mut Place) -> io::Result<Self> {
        place.turns.take();
        Ok(Self::far(Arc::new(MessageQueue::open(place.key)?), &place.setup))
    }
}

#[cfg(test)]
mod tests {
    use ipcmark_harness::parties::PeerKind;
    use ipcmark_harness::placement::Placement;

    use super::*;

    #[test]
    fn each_end_takes_the_first_message_of_its_type_whatever_came_before() {
        if let Support::Missing(why) = support() {
            return eprintln!("skipped: {why}");
        }
        let setup = Setup::new(PeerKind::Thread, Placement::Unpinned, Waiting::Spin, 1);
        let (mut near, mut far) = SysvMq::pair(&setup).unwrap();
        for (to_near, to_far) in [(b"a", b"c"), (b"b", b"d")] {
            far.send(to_near).unwrap();
            near.send(to_far).unwrap();
        }
        let take = |end: &mut SysvMq| {
            let mut text = [0];
            end.recv(&mut text).map(|()| text[0])
        };
        let taken = [take(&mut far), take(&mut near), take(&mut near), take(&mut far)];
        assert_eq!(taken.map(Result::unwrap), *b"cabd");
    }
}
