//! A mailbox: WHERE the memory comes from × HOW a message is handed over, each combination a mechanism.
//!
//! The object holds a lane a direction (see `lane`); a payload is copied in once and out once. A peer that is killed says
//! nothing: its end shows only in its process's end.

use std::io;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;

use super::hand_off::HandOff;
use super::lane::{self, Lane, Receiver, Sender, Slots};
use super::mapping::{Mapping, Memory, PosixShm};
use crate::manner::Manner;
use crate::mechanism::{Setup, Support, Waiting};
use crate::shapes::{FanIn, Pairing, Receive, Transport};

/// One end; in POSIX shared memory, unless it comes about by [`Within`] another kind of memory.
pub(super) struct Mailbox<H: HandOff> {
    /// None: one of several writers, whom nobody answers.
    inbound: Option<Receiver<H>>,
    outbound: Sender<H>,
    // After the ends that point into it.
    memory: Memory,
}

/// Mailboxes in this kind of memory.
pub(super) struct Within<M, H>(PhantomData<(M, H)>);

/// Whether the kernel has both: it is tried.
pub(super) fn support<M: Mapping, H: HandOff>() -> Support {
    M::several(1, 1).and_then(|_| lane::try_hand_off::<H>()).into()
}

#[allow(unsafe_code)]
impl<H: HandOff> Mailbox<H> {
    /// The end that reads lane `inbound` and writes lane `outbound` of this memory.
    ///
    /// # Safety
    /// The lanes are in the memory, initialized, and their ends not taken.
    pub(super) unsafe fn new(memory: Memory, inbound: Option<&Lane<H>>, outbound: &Lane<H>) -> Self {
        let start = memory.start();
        // SAFETY: promised by the caller; the memory stays mapped as long as `memory`, which is dropped last.
        let (inbound, outbound) = unsafe { (inbound.map(|lane| lane.receiver(start)), outbound.sender(start)) };
        Mailbox { inbound, outbound, memory }
    }
}

/// What so many lanes take.
fn lanes_bytes<H: HandOff>(setup: &Setup, lanes: usize) -> usize {
    lanes * Slots::of(setup.payload_bytes).lane_bytes::<H>()
}

/// The two lanes of a pair; the near end reads the first.
pub(super) fn two_lanes<H: HandOff>(setup: &Setup) -> io::Result<(usize, [Lane<H>; 2])> {
    let (slots, manner) = (Slots::of(setup.payload_bytes), Manner::of(setup));
    let lanes = [Lane::new(slots, 0, manner)?, Lane::new(slots, 1, manner)?];
    Ok((lanes_bytes::<H>(setup, 2), lanes))
}

impl<M: Mapping, H: HandOff> Pairing for Within<M, H> {
    type End = Mailbox<H>;

    fn supports(setup: &Setup) -> Support {
        M::may_have(lanes_bytes::<H>(setup, 2)).into()
    }

    fn pair(setup: &Setup) -> io::Result<(Mailbox<H>, Mailbox<H>)> {
        let (bytes, [back, there]) = two_lanes::<H>(setup)?;
        let [near, far] = M::pair(bytes)?;
        #[allow(unsafe_code)]
        // SAFETY: the memory is new, long enough for both lanes, and each lane gets one end of each kind.
        unsafe {
            back.init(near.start())?;
            there.init(near.start())?;
            Ok((Mailbox::new(near, Some(&back), &there), Mailbox::new(far, Some(&there), &back)))
        }
    }
}

impl<H: HandOff> Transport for Mailbox<H> {
    const BOUNDARIES: bool = true;
    const WAITINGS: &'static [Waiting] = H::WAITINGS;

    fn supports(setup: &Setup) -> Support {
        Within::<PosixShm, H>::supports(setup)
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        Within::<PosixShm, H>::pair(setup)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.memory.fault_in()
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.outbound.send(message)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let Some(inbound) = &mut self.inbound else { return Err(io::ErrorKind::NotConnected.into()) };
        inbound.await_news()?;
        inbound.take(message)
    }

    fn hang_up(&mut self) {
        // An error would leave the other end waiting, as if this one had been killed.
        let _ = self.outbound.close();
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.inbound.as_ref()?.descriptor()
    }
}

/// The reading end of a lane from each writer, all with one hand-off: it tells that a message is there, and a look at the
/// lanes tells where.
pub(super) struct Reader<H: HandOff> {
    lanes: Vec<Receiver<H>>,
    /// The lane that is looked at first: the one behind that of the last message.
    next: usize,
    // After the ends that point into it.
    memory: Memory,
}

impl<H: HandOff> Reader<H> {
    /// The lane that comes after this one.
    #[inline(always)]
    fn behind(&self, lane: usize) -> usize {
        if lane + 1 == self.lanes.len() { 0 } else { lane + 1 }
    }
}

impl<H: HandOff> Receive for Reader<H> {
    fn settle(&mut self) -> io::Result<()> {
        self.memory.fault_in()
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        self.lanes[0].await_news()?;
        // Its writer had put it there before it told, so that a look at each lane finds one.
        let mut at = self.next;
        while !self.lanes[at].has_message() {
            at = self.behind(at);
            if at == self.next {
                break;
            }
        }
        self.next = self.behind(at);
        self.lanes[at].take(message)
    }
}

impl<H: HandOff> FanIn for Mailbox<H> {
    type Reader = Reader<H>;

    fn supports_fan_in(setup: &Setup) -> Support {
        PosixShm::may_have(lanes_bytes::<H>(setup, setup.parties - 1)).into()
    }

    fn fan_in(setup: &Setup) -> io::Result<(Reader<H>, Vec<Self>)> {
        let writers = setup.parties - 1;
        let slots = Slots::of(setup.payload_bytes);
        let lanes = Lane::<H>::with_one_bell(slots, writers, Manner::of(setup))?;
        let mut memories = PosixShm::several(lanes_bytes::<H>(setup, writers), setup.parties)?.into_iter();
        let memory = memories.next().ok_or(io::ErrorKind::InvalidInput)?;
        #[allow(unsafe_code)]
        // SAFETY: the memory is new, long enough for all lanes, and each lane gets one end of each kind.
        unsafe {
            lanes.iter().try_for_each(|lane| lane.init(memory.start()))?;
            let writers = memories.zip(&lanes).map(|(memory, lane)| Mailbox::new(memory, None, lane)).collect();
            let lanes = lanes.iter().map(|lane| lane.receiver(memory.start())).collect();
            Ok((Reader { lanes, next: 0, memory }, writers))
        }
    }
}
