//! The algorithm: a word that is free, locked, or locked with somebody asleep.
//!
//! Drepper, Futexes Are Tricky (2011), section 6, "mutex 2" with the shortcut of "mutex 3": who finds it free takes it, and
//! who releases it wakes one sleeper if the word says that there may be one. Whoever has slept takes it as "somebody
//! asleep", since it does not know whether it was the last.
//!
//! Before a party sleeps it polls, for about as long as sleeping and being woken take: then it never loses more than twice the
//! time that the better choice would have cost (Karlin et al., Empirical Studies of Competitive Spinning, SOSP 1991). The time
//! between two polls doubles, so that the holder, who may well take the lock again, seldom loses its cache line.

use std::sync::atomic::Ordering;

/// Nobody holds it.
const FREE: u32 = 0;
/// Somebody holds it, and nobody sleeps.
const LOCKED: u32 = 1;
/// Somebody holds it, and somebody sleeps or is about to.
pub(super) const CONTENDED: u32 = 2;

/// The word, zero at first, and how its waiters sleep: an atomic and a futex, or the model of both.
pub(super) trait Word {
    /// How often a party polls before it sleeps: 1600 pauses all in all, 16 us where a pause takes 10 ns, as on the
    /// development machine, whose sleepers wake up after 40 us.
    const POLLS: u32 = 30;
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

/// Up to so many pauses lie between two polls, as a power of two.
const LONGEST_PAUSE_LOG2: u32 = 6;

#[inline(always)]
pub(super) fn lock(word: &impl Word) {
    if !take(word, LOCKED) {
        wait(word);
    }
}

#[inline(always)]
fn take(word: &impl Word, state: u32) -> bool {
    // Acquire: pairs with the Release in `unlock`.
    word.replace(FREE, state, Ordering::Acquire, Ordering::Relaxed)
}

#[cold]
fn wait(word: &impl Word) {
    let mut taken = poll(word, LOCKED);
    while !taken {
        // Acquire: pairs with the Release in `unlock`.
        if word.swap(CONTENDED, Ordering::Acquire) == FREE {
            return;
        }
        word.sleep();
        taken = poll(word, CONTENDED);
    }
}

/// Whether the lock was had, in this state.
fn poll<W: Word>(word: &W, state: u32) -> bool {
    for poll in 0..W::POLLS {
        for _ in 0..1 << poll.min(LONGEST_PAUSE_LOG2) {
            std::hint::spin_loop();
        }
        // Relaxed: it only looks; who takes it acquires.
        match word.load(Ordering::Relaxed) {
            FREE if take(word, state) => return true,
            // Who sleeps already has waited longer.
            CONTENDED => return false,
            _ => {}
        }
    }
    false
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
        const POLLS: u32 = 1;

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

    /// In every interleaving in which parties are pre-empted at most `preemptions` times; none: in every one. A sleeper whom nobody wakes is a deadlock,
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
                for _ in 0..holds {
                    lock(model);
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
        in_every_interleaving(2, 1, None);
        in_every_interleaving(2, 2, Some(3));
    }

    #[test]
    fn three_parties_lose_no_update_and_no_wake_up() {
        in_every_interleaving(3, 1, Some(3));
    }
}
