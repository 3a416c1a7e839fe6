//! What the algorithms stand on here: loom's atomics, and a futex made of its condition variable.

use std::cell::Cell;
use std::ops::Deref;

pub(super) use loom::sync::atomic::{AtomicU64, Ordering, fence};

/// loom's, which would let a sequentially consistent load see less than the newest value even where all stores are
/// sequentially consistent, too: here such a load takes the newest, as an exchange does.
#[derive(Default)]
pub(super) struct AtomicU32(loom::sync::atomic::AtomicU32);

impl Deref for AtomicU32 {
    type Target = loom::sync::atomic::AtomicU32;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl AtomicU32 {
    pub(super) fn load(&self, order: Ordering) -> u32 {
        match order {
            Ordering::SeqCst => self.0.fetch_add(0, Ordering::Acquire),
            order => self.0.load(order),
        }
    }
}

loom::thread_local! {
    static POLLS: Cell<u32> = Cell::new(0);
}

/// Who has polled in vain more often than that in one acquisition has its order run to its end, but no other orders are tried
/// from there on: two that poll would yield to each other for ever. Nothing is lost: where polling goes on until it finds
/// something, a look that finds nothing changes nothing and can only order more. Spin-then-park polls no more often here.
const POLLS_IN_VAIN: u32 = 1;

/// An acquisition begins.
pub(super) fn forget_polls() {
    POLLS.with(|polls| polls.set(0));
}

pub(super) fn spin_loop() {
    let polls = POLLS.with(|polls| polls.replace(polls.get() + 1));
    if polls == POLLS_IN_VAIN {
        loom::skip_branch();
    }
    loom::hint::spin_loop();
}

/// However long that is: one poll.
pub(super) fn fall_behind() {
    spin_loop();
}

/// One queue of sleepers for all words: each looks at its word again when it is woken.
pub(super) mod futex {
    use std::time::Duration;

    use loom::sync::{Condvar, Mutex};

    use super::{AtomicU32, Ordering};

    loom::lazy_static! {
        static ref SLEEPERS: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());
    }

    /// The kernel compares and goes to sleep in one step for whoever wakes.
    pub(crate) fn wait(word: &AtomicU32, expected: u32, _: Option<Duration>) {
        let sleepers = SLEEPERS.0.lock().unwrap();
        if word.load(Ordering::SeqCst) == expected {
            drop(SLEEPERS.1.wait(sleepers).unwrap());
        }
    }

    pub(crate) fn wake(_: &AtomicU32, count: u32) {
        let _sleepers = SLEEPERS.0.lock().unwrap();
        (0..count).for_each(|_| SLEEPERS.1.notify_one());
    }
}
