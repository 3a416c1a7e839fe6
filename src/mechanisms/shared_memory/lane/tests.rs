//! Lanes of two slots, where each end waits for the other all the time: no step may be lost, and none counted twice.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::hand_off::{Condvar, Eventfd, Flag, HandOff, Sem};
use super::super::mapping::{AnonShm, Mapping};
use super::{Lane, Receiver, Sender, Slots};
use crate::manner::Manner;
use crate::mechanism::Waiting;

/// So long that only two fit a lane; what is sent through it is shorter.
const SLOT_BYTES: usize = 128 * 1024;

/// A hand-off that is watched.
#[derive(Clone)]
struct Counted<H> {
    hand_off: H,
    posts: Arc<AtomicU64>,
    waits: Arc<AtomicU64>,
}

impl<H: HandOff> HandOff for Counted<H> {
    const REFERENCES: [&'static str; 2] = H::REFERENCES;
    const WAITINGS: &'static [Waiting] = H::WAITINGS;

    type Word = H::Word;

    fn new(manner: Manner, posters: usize) -> io::Result<Self> {
        H::new(manner, posters).map(|hand_off| Counted { hand_off, posts: Arc::default(), waits: Arc::default() })
    }

    fn init(&self, word: &mut H::Word) -> io::Result<()> {
        self.hand_off.init(word)
    }

    fn post(&mut self, word: &H::Word) -> io::Result<()> {
        self.posts.fetch_add(1, Ordering::Relaxed);
        self.hand_off.post(word)
    }

    fn wait(&mut self, word: &H::Word) -> io::Result<()> {
        self.hand_off.wait(word)?;
        self.waits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl<H> Counted<H> {
    fn counts(&self) -> (u64, u64) {
        (self.posts.load(Ordering::Relaxed), self.waits.load(Ordering::Relaxed))
    }
}

fn with_lane<H: HandOff>(waiting: Waiting, body: impl FnOnce(&Lane<H>, Sender<H>, Receiver<H>)) {
    let apart = std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1);
    let slots = Slots::of(SLOT_BYTES);
    let lane = Lane::<H>::new(slots, 0, Manner::new(waiting, apart)).unwrap();
    let memory = AnonShm::several(slots.lane_bytes::<H>(), 1).unwrap().remove(0);
    // SAFETY: the memory is new and long enough, and outlives the ends, of which there is one each.
    let (sender, receiver) = unsafe {
        lane.init(memory.start()).unwrap();
        (lane.sender(memory.start()), lane.receiver(memory.start()))
    };
    body(&lane, sender, receiver);
}

/// Each message is posted and awaited once, in order, and so is each grant of room.
fn crowd<H: HandOff>(waiting: Waiting, messages: u64) {
    with_lane::<Counted<H>>(waiting, |lane, mut sender, mut receiver| {
        std::thread::scope(|scope| {
            scope.spawn(move || (0..messages).for_each(|number| sender.send(&number.to_le_bytes()).unwrap()));
            for number in 0..messages {
                let mut message = [0; 8];
                receiver.await_news().unwrap();
                receiver.take(&mut message).unwrap();
                assert_eq!(u64::from_le_bytes(message), number);
            }
        });
        assert_eq!(lane.news.counts(), (messages, messages));
        let (granted, awaited) = lane.room.counts();
        assert_eq!(granted, awaited);
    });
}

#[test]
fn each_step_counts_once_in_a_crowded_lane_by_flag() {
    crowd::<Flag>(Waiting::Block, 5_000);
    crowd::<Flag>(Waiting::Spin, 500);
    crowd::<Flag>(Waiting::Adaptive, 50_000);
}

#[test]
fn each_step_counts_once_in_a_crowded_lane_by_semaphore() {
    crowd::<Sem>(Waiting::Block, 5_000);
    crowd::<Sem>(Waiting::Spin, 500);
}

#[test]
fn each_step_counts_once_in_a_crowded_lane_by_condition_variable() {
    crowd::<Condvar>(Waiting::Block, 5_000);
}

#[test]
fn each_step_counts_once_in_a_crowded_lane_by_eventfd() {
    crowd::<Eventfd>(Waiting::Block, 5_000);
    crowd::<Eventfd>(Waiting::Spin, 500);
}

#[test]
fn the_end_comes_after_the_last_message_and_stays() {
    with_lane::<Flag>(Waiting::Block, |_, mut sender, mut receiver| {
        sender.send(b"last").unwrap();
        sender.close().unwrap();
        let mut message = [0; 4];
        let mut recv = || receiver.await_news().and_then(|()| receiver.take(&mut message));
        recv().unwrap();
        assert_eq!(recv().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(recv().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn slots_fill_256_kib_but_are_at_least_2_and_at_most_64() {
    let counts = [1, 64, 4096, 65_536, SLOT_BYTES, 1 << 20].map(|bytes| Slots::of(bytes).count);
    assert_eq!(counts, [64, 64, 63, 3, 2, 2]);
}

#[test]
fn a_message_longer_than_a_slot_is_refused_with_both_sizes() {
    with_lane::<Flag>(Waiting::Block, |_, mut sender, _| {
        let error = sender.send(&[0; SLOT_BYTES + 64]).unwrap_err().to_string();
        assert!(error.contains("131136 bytes") && error.contains("131128 bytes"), "{error}");
    });
}
