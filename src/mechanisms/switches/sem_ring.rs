//! A process-shared POSIX semaphore for each place: sem_post(3) passes the token, sem_wait(3) takes it.
//!
//! sem_post makes no system call where nobody waits, and sem_wait none where the token is there. Alone, both are so: there, a
//! `FUTEX_WAKE` that finds nobody and a `FUTEX_WAIT` whose word has changed stand for the calls of a hop that blocks.

use std::io;
use std::sync::atomic::AtomicU32;

use ipcmark_harness::sys::futex;
use ipcmark_harness::sys::memory::{Shareable, Shared};
use ipcmark_harness::sys::semaphore::Semaphore;

use crate::descriptor::until_done;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup};
use crate::shapes::{self, TokenRing};
use crate::workloads::MOST_PARTIES;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "sem-ring",
    summary: "a token from task to task by a process-shared POSIX semaphore for each",
    family: Family::Switch,
    reach: Reach::Tasks,
    references: &["sem_overview(7)", "sem_post(3)", "sem_wait(3)"],
    support: || board().into(),
    rank: Rank::Common,
    shapes: &[shapes::token_ring::<Semaphores>()],
};

struct Semaphores {
    board: Shared<Board>,
    place: usize,
    next: usize,
}

#[repr(C)]
struct Board {
    seats: [Seat; MOST_PARTIES],
    /// Never changes, and nobody sleeps on it: for the calls of a hop that is made alone.
    quiet: AtomicU32,
}

/// On a line of its own, and not next to the other: the adjacent-line prefetcher pairs cache lines.
#[repr(C, align(128))]
struct Seat(Semaphore);

#[allow(unsafe_code)]
// SAFETY: semaphores and an atomic integer, which are shareable themselves.
unsafe impl Shareable for Board {}

impl TokenRing for Semaphores {
    fn places(setup: &Setup) -> io::Result<Vec<Self>> {
        let board = board()?;
        let place = |place| Semaphores { board: board.clone(), place, next: (place + 1) % setup.parties };
        Ok((0..setup.parties).map(place).collect())
    }

    #[inline]
    fn pass(&mut self) -> io::Result<()> {
        until_done("sem_post", || self.board.seats[self.next].0.post())
    }

    #[inline]
    fn take(&mut self) -> io::Result<()> {
        until_done("sem_wait", || self.board.seats[self.place].0.wait())
    }

    #[inline]
    fn alone(&mut self) -> io::Result<()> {
        self.pass()?;
        futex::wake(&self.board.quiet, 1);
        futex::wait(&self.board.quiet, 1, None);
        self.take()
    }
}

fn board() -> io::Result<Shared<Board>> {
    Shared::initialized(|board: &mut Board| board.seats.iter_mut().try_for_each(|seat| seat.0.init(0)))
}
