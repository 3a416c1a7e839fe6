//! Every clause must be able to fail: one transport that keeps the contract, and one way to break each clause.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex};

use super::transport;
use crate::descriptor::ended;
use crate::mechanism::{Clause, Setup, Support, Verdict, Waiting};
use crate::shapes::{FanIn, FanOut, Transport};
use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::Placement;

/// Ways to break the contract.
const NONE: u8 = 0;
pub(crate) const FLIPS_A_BYTE: u8 = 1;
const SWAPS_MESSAGES: u8 = 2;
const HEARS_ITSELF: u8 = 3;
const FAILS_WHEN_FULL: u8 = 4;
const MERGES_MESSAGES: u8 = 5;
const DELIVERS_AFTER_THE_END: u8 = 6;
const REFUSES_WITHOUT_A_LIMIT: u8 = 7;
const LEAVES_A_NAME: u8 = 8;
pub(crate) const REPEATS_A_MESSAGE: u8 = 9;

/// A queue of messages and whether its sender is gone.
#[derive(Default)]
struct Lane {
    queue: Mutex<(VecDeque<Vec<u8>>, bool)>,
    news: Condvar,
}

/// Two lanes in memory: a correct transport but for its `FAULT`, which shows at the near end.
pub(crate) struct Faulty<const FAULT: u8> {
    inbound: Arc<Lane>,
    outbound: Arc<Lane>,
    is_near: bool,
    received: u64,
    last: Vec<u8>,
    _name: Option<Named>,
}

/// A file in /dev/shm with a name of ours.
pub(super) struct Named(std::path::PathBuf);

impl Named {
    pub(super) fn new() -> io::Result<Named> {
        let path = std::path::Path::new("/dev/shm").join(ipcmark_harness::sys::names::next());
        std::fs::write(&path, b"").map(|()| Named(path))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl<const FAULT: u8> Transport for Faulty<FAULT> {
    const BOUNDARIES: bool = true;

    fn supports(setup: &Setup) -> Support {
        match FAULT {
            REFUSES_WITHOUT_A_LIMIT if setup.payload_bytes > 65_536 => Support::Missing("too large".into()),
            _ => Support::Available,
        }
    }

    fn pair(_: &Setup) -> io::Result<(Self, Self)> {
        let (there, back) = (Arc::new(Lane::default()), Arc::new(Lane::default()));
        let heard = if FAULT == HEARS_ITSELF { &there } else { &back };
        let name = if FAULT == LEAVES_A_NAME { Some(Named::new()?) } else { None };
        let end = |inbound: &Arc<Lane>, outbound: &Arc<Lane>, is_near, name| {
            let (inbound, outbound) = (Arc::clone(inbound), Arc::clone(outbound));
            Faulty { inbound, outbound, is_near, received: 0, last: Vec::new(), _name: name }
        };
        Ok((end(heard, &there, true, name), end(&there, &back, false, None)))
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let mut lane = self.outbound.queue.lock().unwrap();
        if FAULT == FAILS_WHEN_FULL && lane.0.len() == 100 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        lane.0.push_back(message.to_vec());
        self.outbound.news.notify_all();
        Ok(())
    }

    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let mut lane = self.inbound.queue.lock().unwrap();
        let swaps = FAULT == SWAPS_MESSAGES && self.received == 7;
        let wanted = if swaps || FAULT == MERGES_MESSAGES { 2 } else { 1 };
        while lane.0.len() < wanted && !lane.1 {
            lane = self.inbound.news.wait(lane).unwrap();
        }
        if swaps && lane.0.len() > 1 {
            lane.0.swap(0, 1);
        }
        self.received += 1;
        let mut came = match lane.0.pop_front() {
            Some(came) => came,
            None if FAULT == DELIVERS_AFTER_THE_END => vec![0; message.len()],
            None => return Err(ended()),
        };
        while FAULT == MERGES_MESSAGES && came.len() < message.len() {
            came.extend(lane.0.pop_front().ok_or(io::ErrorKind::InvalidData)?);
        }
        if came.len() != message.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if FAULT == FLIPS_A_BYTE && self.is_near {
            came[message.len() / 2] ^= 1;
        }
        if FAULT == REPEATS_A_MESSAGE && self.is_near && self.received == 5 {
            came = std::mem::take(&mut self.last);
        }
        message.copy_from_slice(&came);
        self.last = came;
        Ok(())
    }

    fn hang_up(&mut self) {
        self.outbound.queue.lock().unwrap().1 = true;
        self.outbound.news.notify_all();
    }
}

impl<const FAULT: u8> Faulty<FAULT> {
    /// The near end, and several far ends of the same two lanes.
    fn with_several(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        let (near, far) = Self::pair(setup)?;
        let another = || {
            let (inbound, outbound) = (Arc::clone(&far.inbound), Arc::clone(&far.outbound));
            Faulty { inbound, outbound, is_near: false, received: 0, last: Vec::new(), _name: None }
        };
        let others = (1..setup.parties).map(|_| another()).collect();
        Ok((near, others))
    }
}

impl<const FAULT: u8> FanIn for Faulty<FAULT> {
    type Reader = Self;

    fn fan_in(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        Self::with_several(setup)
    }
}

/// Here the faults show at the readers.
impl<const FAULT: u8> FanOut for Faulty<FAULT> {
    fn fan_out(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        let (writer, mut readers) = Self::with_several(setup)?;
        readers.iter_mut().for_each(|reader| reader.is_near = true);
        Ok((writer, readers))
    }
}

/// Two threads anywhere, a cache line between them.
pub(crate) const SETUP: Setup = Setup::new(PeerKind::Thread, Placement::Unpinned, Waiting::Block, 64);

/// Of each clause, whether it is kept.
pub(crate) fn kept(clauses: &[Clause]) -> Vec<bool> {
    clauses.iter().map(|clause| (clause.check)(&SETUP).unwrap() == Verdict::Kept).collect()
}

fn try_clause<T: Transport>(name: &str) -> io::Result<Verdict> {
    let clause = transport::<T>().iter().find(|clause| clause.name == name).unwrap();
    (clause.check)(&SETUP)
}

#[test]
fn a_transport_that_keeps_the_contract_breaks_no_clause() {
    for clause in transport::<Faulty<NONE>>() {
        let verdict = try_clause::<Faulty<NONE>>(clause.name).unwrap();
        assert!(!matches!(verdict, Verdict::Broken(_)), "{}: {verdict:?}", clause.name);
    }
}

#[track_caller]
fn assert_broken<T: Transport>(clause: &str) {
    let found = try_clause::<T>(clause);
    assert!(matches!(found, Err(_) | Ok(Verdict::Broken(_))), "{clause}: {found:?}");
}

#[track_caller]
fn assert_fan_broken<T: FanIn + FanOut>() {
    for clause in super::fan_in::<T>().iter().chain(super::fan_out::<T>()) {
        let found = (clause.check)(&SETUP);
        assert!(matches!(found, Err(_) | Ok(Verdict::Broken(_))), "{}: {found:?}", clause.name);
    }
}

#[test]
fn a_channel_that_keeps_the_contract_serves_several_writers_and_several_readers() {
    for clause in super::fan_in::<Faulty<NONE>>().iter().chain(super::fan_out::<Faulty<NONE>>()) {
        assert_eq!((clause.check)(&SETUP).unwrap(), Verdict::Kept, "{}", clause.name);
    }
}

#[test]
fn a_changed_byte_breaks_the_clauses_of_several_writers_and_several_readers() {
    assert_fan_broken::<Faulty<FLIPS_A_BYTE>>();
}

#[test]
fn a_repeated_message_breaks_the_clauses_of_several_writers_and_several_readers() {
    assert_fan_broken::<Faulty<REPEATS_A_MESSAGE>>();
}

#[test]
fn a_changed_byte_breaks_messages_arrive_whole_and_unchanged() {
    assert_broken::<Faulty<FLIPS_A_BYTE>>("messages_arrive_whole_and_unchanged");
}

#[test]
fn swapped_messages_break_messages_arrive_in_order() {
    assert_broken::<Faulty<SWAPS_MESSAGES>>("messages_arrive_in_order");
}

#[test]
fn hearing_oneself_breaks_both_directions_carry_messages() {
    assert_broken::<Faulty<HEARS_ITSELF>>("both_directions_carry_messages");
}

#[test]
fn failing_when_full_breaks_a_full_channel_holds_the_sender_back() {
    assert_broken::<Faulty<FAILS_WHEN_FULL>>("a_full_channel_holds_the_sender_back");
}

#[test]
fn merged_messages_break_boundaries_are_kept() {
    assert_broken::<Faulty<MERGES_MESSAGES>>("boundaries_are_kept");
}

#[test]
fn a_message_after_the_end_breaks_recv_after_the_other_end_is_gone_reports_end() {
    assert_broken::<Faulty<DELIVERS_AFTER_THE_END>>("recv_after_the_other_end_is_gone_reports_end");
}

#[test]
fn a_name_in_dev_shm_breaks_nothing_is_left_by_name() {
    match Named::new() {
        Ok(_) => assert_broken::<Faulty<LEAVES_A_NAME>>("nothing_is_left_by_name"),
        Err(error) => eprintln!("skipped: /dev/shm cannot be written: {error}"),
    }
}

#[test]
fn a_refusal_without_a_figure_breaks_sizes_it_does_not_take_are_refused_with_the_limit() {
    assert_broken::<Faulty<REFUSES_WITHOUT_A_LIMIT>>("sizes_it_does_not_take_are_refused_with_the_limit");
}
