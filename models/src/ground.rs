//! What the algorithms stand on here: loom's atomics, and a futex made of its condition variable.

pub(super) use loom::hint::spin_loop;
pub(super) use loom::sync::atomic::{AtomicU32, Ordering};

/// One queue of sleepers for all words: each looks at its word again when it is woken.
pub(super) mod futex {
    use std::time::Duration;

    use loom::sync::atomic::{AtomicU32, Ordering};
    use loom::sync::{Condvar, Mutex};

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
