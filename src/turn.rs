//! Waiting for the other party by a count in shared memory that one raises: by futex(2), or polling.
//!
//! A count that nobody sleeps for is raised without a system call, see [`Sleeper`].
//!
//! Two mechanisms have counts of their own, which this one would burden: `futex` adds to its only word, in which the sleeper
//! leaves a bit, and the flags between a mailbox's ends have neither an end nor a target to look at.
//!
//! [`Turns`] is for a channel that is made by a name: the near end tells the far one that the name is there.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::sys::memory::{Shareable, Shared};

use crate::manner::Sleeper;
use crate::mechanism::Waiting;

/// A count that only ever grows, raised by one party and awaited by one other; it wraps, so targets lie less than 2^31
/// ahead. 128 bytes, because the adjacent-line prefetcher pairs cache lines.
#[repr(C, align(128))]
pub struct Count {
    value: AtomicU32,
    /// Whether it will grow no more.
    ended: AtomicU32,
    sleeper: Sleeper,
    /// What the other party sleeps for.
    target: AtomicU32,
}

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Count {}

impl Count {
    /// Makes it one more. What was written before is visible to whoever sees that.
    #[inline]
    pub fn raise(&self, waiting: Waiting) {
        // Relaxed: only this party writes it. Release: pairs with the Acquire in `reaches`.
        let value = self.value.load(Ordering::Relaxed).wrapping_add(1);
        self.value.store(value, Ordering::Release);
        if waiting != Waiting::Spin {
            self.sleeper.wake_if(|| at_least(value, self.target.load(Ordering::Relaxed)));
        }
    }

    /// It will grow no more.
    pub fn end(&self) {
        // Release: pairs with the Acquire in `await_value`; what was raised before is visible with it.
        self.ended.store(1, Ordering::Release);
        self.sleeper.wake();
    }

    /// Whether it is `target` or more.
    #[inline]
    pub fn reaches(&self, target: u32) -> bool {
        // Acquire: pairs with the Release in `raise`.
        at_least(self.value.load(Ordering::Acquire), target)
    }

    /// Waits until it is `target` or more; false: it ended before.
    #[inline]
    pub fn await_value(&self, target: u32, waiting: Waiting) -> bool {
        loop {
            if self.reaches(target) {
                return true;
            }
            // Acquire: pairs with the Release in `end`.
            if self.ended.load(Ordering::Acquire) != 0 {
                return self.reaches(target);
            }
            match waiting {
                Waiting::Spin => std::hint::spin_loop(),
                Waiting::Block | Waiting::Adaptive | Waiting::Own => self.sleep_until(target),
            }
        }
    }

    /// Sleeps until woken, unless there is no need to after having said so.
    fn sleep_until(&self, target: u32) {
        self.target.store(target, Ordering::Relaxed);
        self.sleeper.sleep_unless(|| self.reaches(target) || self.ended.load(Ordering::Relaxed) != 0);
    }
}

fn at_least(value: u32, target: u32) -> bool {
    value.wrapping_sub(target).cast_signed() >= 0
}

/// One party's share of a page by which the near end lets the far one go on, again and again.
pub struct Turns {
    given: Shared<Count>,
    taken: u32,
    waiting: Waiting,
}

impl Turns {
    /// The near and the far end's; to be made before the parties part.
    pub fn new(waiting: Waiting) -> io::Result<(Turns, Turns)> {
        let given = Shared::<Count>::zeroed()?;
        let share = |given| Turns { given, taken: 0, waiting };
        Ok((share(given.clone()), share(given)))
    }

    /// Lets the other party go on. What was done before is done when it does.
    pub fn give(&self) {
        self.given.raise(self.waiting);
    }

    /// Waits for the next turn that is given, or takes one that was.
    pub fn take(&mut self) {
        self.taken = self.taken.wrapping_add(1);
        self.given.await_value(self.taken, self.waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_that_were_given_before_are_taken_at_once_and_later_ones_are_waited_for() {
        for waiting in [Waiting::Block, Waiting::Spin] {
            let (near, mut far) = Turns::new(waiting).unwrap();
            let (mut back, forth) = Turns::new(waiting).unwrap();
            near.give();
            near.give();
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    (0..1000).for_each(|_| {
                        far.take();
                        forth.give();
                    });
                });
                back.take();
                back.take();
                for _ in 2..1000 {
                    near.give();
                    back.take();
                }
            });
        }
    }

    #[test]
    fn a_count_wraps() {
        let count = Shared::<Count>::zeroed().unwrap();
        count.value.store(u32::MAX, Ordering::Relaxed);
        assert!(count.reaches(u32::MAX) && !count.reaches(0));
        count.raise(Waiting::Block);
        assert!(count.reaches(u32::MAX) && count.reaches(0) && !count.reaches(1));
    }

    #[test]
    fn the_end_wakes_who_waits_and_does_not_hide_what_was_raised_before() {
        let count = Shared::<Count>::zeroed().unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| (count.await_value(1, Waiting::Block), count.await_value(2, Waiting::Block)));
            count.raise(Waiting::Block);
            count.end();
            assert_eq!(waits.join().unwrap(), (true, false));
        });
    }
}
