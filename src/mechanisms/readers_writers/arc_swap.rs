//! `arc_swap::ArcSwap`: readers borrow the data from the pointer that is in place, under one of their thread's debt slots;
//! a writer copies them, changes the copy and puts it in place, then pays the debts on the old one. Writers take turns by a
//! mutex.

use std::io;
use std::sync::{Arc, Mutex};

use ::arc_swap::ArcSwap;

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, RwLock, Words};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "arc-swap",
    summary: "arc_swap::ArcSwap: readers borrow what is in place, writers replace it by a changed copy",
    family: Family::ReaderWriter,
    reach: Reach::Threads,
    references: &["crate arc-swap"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::rw_lock::<Swapped>()],
};

#[derive(Default)]
struct Place {
    words: ArcSwap<Words>,
    writer: Mutex<()>,
}

struct Swapped(Arc<Place>);

impl RwLock for Swapped {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let place = Arc::default();
        Ok((0..setup.parties).map(|_| Swapped(Arc::clone(&place))).collect())
    }

    #[inline(always)]
    fn read<R>(&mut self, mut look: impl FnMut(&Words) -> R) -> io::Result<R> {
        Ok(look(&self.0.words.load()))
    }

    #[inline(always)]
    fn write(&mut self, change: impl FnOnce(&Words)) -> io::Result<()> {
        let Place { words, writer } = &*self.0;
        let _turn = writer.lock().map_err(|_| io::Error::other("a writer panicked"))?;
        let next = Arc::new(Words::clone(&words.load()));
        change(&next);
        words.store(next);
        Ok(())
    }
}
