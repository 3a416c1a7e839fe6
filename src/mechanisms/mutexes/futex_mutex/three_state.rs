//! The algorithm: a word that is free, locked, or locked with somebody asleep.
//!
//! Drepper, Futexes Are Tricky (2011), section 6, "mutex 2" with the shortcut of "mutex 3": who finds it free takes it, and
//! who releases it wakes one sleeper if the word says that there may be one. Whoever has slept takes it as "somebody
//! asleep", since it does not know whether it was the last.
//!
//! Before a party sleeps it polls, for about twice as long as has been enough lately, as glibc's adaptive mutex does: but each
//! party keeps its own account of that, so that the word alone is shared.

use std::sync::atomic::Ordering;

/// Nobody holds it.
const FREE: u32 = 0;
/// Somebody holds it, and nobody sleeps.
const LOCKED: u32 = 1;
/// Somebody holds it, and somebody sleeps or is about to.
pub(super) const CONTENDED: u32 = 2;

/// The word, zero at first, and how its waiters sleep: an atomic and a futex, or the model of both.
pub(super) trait Word {
    /// A party polls so often where polling has not helped lately.
    const FEWEST_POLLS: u32 = 10;
    /// It never polls more often than this, as in glibc (`DEFAULT_ADAPTIVE_COUNT`).
    const MOST_POLLS: u32 = 100;
    /// `AtomicU32::load`.
    fn load(&self, order: Ordering) -> u32;
    /// `AtomicU32::compare_exchange`, whether it was `from`.
    fn replace(&self, from: u32, to: u32, success: Ordering, failure: Ordering) -> bool;
    /// `AtomicU32::swap`.
    fn swap(&self, to: u32, order: Ordering) -> u32;
    /// Sleeps while it is contended, until woken, or for no reason.
    fn sleep(&self);
    /// Wakes one who sleeps.
    fn wake_one(&self);
}

/// How long one party polls.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// How many polls have been enough lately, on average.
    enough: u32,
}

impl Patience {
    /// Polls until the lock is had, which it says, or for as long as is worth it.
    fn poll<W: Word>(&mut self, word: &W) -> bool {
        let limit = W::MOST_POLLS.min(2 * self.enough + W::FEWEST_POLLS);
        let mut polls = 0;
        let taken = loop {
            // Relaxed: it only looks; who takes it acquires.
            match word.load(Ordering::Relaxed) {
                FREE if take(word) => break true,
                // Who sleeps already has waited longer.
                CONTENDED => break false,
                _ if polls == limit => break false,
                _ => {}
            }
            polls += 1;
            std::hint::spin_loop();
        };
        self.enough = (7 * self.enough + polls) / 8;
        taken
    }
}

#[inline(always)]
fn take(word: &impl Word) -> bool {
    // Acquire: pairs with the Release in `unlock`.
    word.replace(FREE, LOCKED, Ordering::Acquire, Ordering::Relaxed)
}

#[inline(always)]
pub(super) fn lock(word: &impl Word, patience: &mut Patience) {
    if !take(word) {
        wait(word, patience);
    }
}

#[cold]
fn wait(word: &impl Word, patience: &mut Patience) {
    if patience.poll(word) {
        return;
    }
    // Acquire: pairs with the Release in `unlock`.
    while word.swap(CONTENDED, Ordering::Acquire) != FREE {
        word.sleep();
    }
}

#[inline(always)]
pub(super) fn unlock(word: &impl Word) {
    // Release: pairs with the Acquire of who takes it next.
    if word.swap(FREE, Ordering::Release) == CONTENDED {
        word.wake_one();
    }
}

#[cfg(test)]
mod tests {
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::AtomicU32;
    use loom::sync::{Arc, Condvar, Mutex};

    use super::*;

    /// The kernel looks at the word and queues the sleeper in one step, in which nobody is woken: so does who holds `queue`.
    struct Model {
        state: AtomicU32,
        queue: Mutex<()>,
        woken: Condvar,
        guarded: UnsafeCell<u32>,
    }

    impl Word for Model {
        const FEWEST_POLLS: u32 = 1;
        const MOST_POLLS: u32 = 1;

        fn load(&self, order: Ordering) -> u32 {
            self.state.load(order)
        }

        fn replace(&self, from: u32, to: u32, success: Ordering, failure: Ordering) -> bool {
            self.state.compare_exchange(from, to, success, failure).is_ok()
        }

        fn swap(&self, to: u32, order: Ordering) -> u32 {
            self.state.swap(to, order)
        }

        fn sleep(&self) {
            let queue = self.queue.lock().unwrap();
            if self.state.load(Ordering::Relaxed) == CONTENDED {
                drop(self.woken.wait(queue).unwrap());
            }
        }

        fn wake_one(&self) {
            let _queue = self.queue.lock().unwrap();
            self.woken.notify_one();
        }
    }

    /// In every interleaving that pre-empts a party at most `preemptions` times. A sleeper whom nobody wakes is a deadlock,
    /// data that two hold at once a race: loom fails at both.
    fn in_every_interleaving(parties: u32, holds: u32, preemptions: Option<usize>) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = preemptions;
        builder.check(move || {
            let model = Arc::new(Model {
                state: AtomicU32::new(FREE),
                queue: Mutex::new(()),
                woken: Condvar::new(),
                guarded: UnsafeCell::new(0),
            });
            let work = move |model: &Model| {
                let mut patience = Patience::default();
                for _ in 0..holds {
                    lock(model, &mut patience);
                    #[allow(unsafe_code)]
                    // SAFETY: this party holds the lock; if that keeps nobody out, loom says so.
                    model.guarded.with_mut(|count| unsafe { *count += 1 });
                    unlock(model);
                }
            };
            let others: Vec<_> = (1..parties)
                .map(|_| {
                    let model = Arc::clone(&model);
                    loom::thread::spawn(move || work(&model))
                })
                .collect();
            work(&model);
            others.into_iter().for_each(|other| other.join().unwrap());
            #[allow(unsafe_code)]
            // SAFETY: all parties are done.
            let counted = model.guarded.with(|count| unsafe { *count });
            assert_eq!((counted, model.state.load(Ordering::Relaxed)), (parties * holds, FREE));
        });
    }

    #[test]
    fn two_parties_lose_no_update_and_no_wake_up() {
        in_every_interleaving(2, 2, None);
    }

    #[test]
    fn three_parties_lose_no_update_and_no_wake_up() {
        in_every_interleaving(3, 1, Some(3));
    }
}
