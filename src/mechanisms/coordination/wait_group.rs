//! crossbeam's `WaitGroup`: `wait` returns when all clones of it are gone, and takes its own. So it serves one round, and each
//! round has a new group.
//!
//! The party at place 0 makes the group of the next round before it arrives for this one, and lays a clone of it at each other
//! party's place, where that finds it when this round is over. There are two places a party, for rounds in turn: a party may
//! not have looked for the next group yet when the one after it is laid down.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_utils::sync::WaitGroup;

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Barrier};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "wait-group",
    summary: "crossbeam's WaitGroup, made anew for each round by one of the parties",
    family: Family::Coordination,
    reach: Reach::Threads,
    references: &["crossbeam-utils 0.8 (crate), crossbeam_utils::sync::WaitGroup"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::barrier::<Member>()],
};

/// Where a party finds its clone for rounds of even, and of odd numbers.
type Places = Vec<[Mutex<Option<WaitGroup>>; 2]>;

struct Member {
    places: Arc<Places>,
    place: usize,
    group: WaitGroup,
    /// The number of the present round, modulo 2.
    turn: usize,
}

impl Barrier for Member {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let (first, places) = (WaitGroup::new(), Arc::new((0..setup.parties).map(|_| Default::default()).collect()));
        let member = |place| Member { places: Arc::clone(&places), place, group: first.clone(), turn: 0 };
        Ok((0..setup.parties).map(member).collect())
    }

    #[inline(always)]
    fn arrive(&mut self) -> io::Result<()> {
        self.turn ^= 1;
        let next = if self.place == 0 {
            let next = WaitGroup::new();
            for place in &self.places[1..] {
                *place[self.turn].lock().unwrap_or_else(PoisonError::into_inner) = Some(next.clone());
            }
            Some(next)
        } else {
            None
        };
        // A group to leave in its place for the moment; that of this round goes with the call.
        std::mem::take(&mut self.group).wait();
        let laid = || self.places[self.place][self.turn].lock().unwrap_or_else(PoisonError::into_inner).take();
        self.group = next.or_else(laid).ok_or_else(|| io::Error::other("no group was laid for the next round"))?;
        Ok(())
    }
}
