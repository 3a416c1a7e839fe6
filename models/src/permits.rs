//! That no more are inside than there are permits, that who leaves lets a sleeper in, and that no permit is lost.
//!
//! Two parties that come once are tried in every order. Where one comes again, and where there are three, their orders are
//! hundreds of thousands and more: those with at most five and at most three preemptions are tried.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use crate::words::Words;

struct Room {
    words: Words,
    inside: AtomicU32,
    /// Written by who is inside where that is one at a time: loom fails where two accesses are not ordered.
    count: UnsafeCell<u32>,
}

#[allow(unsafe_code)]
// SAFETY: the count is touched by who has the only permit; that this is enough is what loom checks.
unsafe impl Sync for Room {}
#[allow(unsafe_code)]
// SAFETY: as above.
unsafe impl Send for Room {}

impl Room {
    fn visit(&self, permits: u32) {
        self.words.take();
        if permits == 1 {
            #[allow(unsafe_code)]
            // SAFETY: as above.
            self.count.with_mut(|count| unsafe { *count += 1 });
        } else {
            // Relaxed, both: only the number.
            let others = self.inside.fetch_add(1, Ordering::Relaxed);
            assert!(others < permits, "{others} were inside when one more came in by {permits} permits");
            self.inside.fetch_sub(1, Ordering::Relaxed);
        }
        self.words.give_back();
    }
}

/// Each party visits so often, in every order, or in those with so few preemptions. A sleeper whom nobody wakes is a deadlock, at
/// which loom fails.
fn lets_in_no_more_than(permits: u32, visits: &'static [usize], preemptions: Option<usize>) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(move || {
        let room = Room { words: Words::default(), inside: AtomicU32::new(0), count: UnsafeCell::new(0) };
        room.words.free.store(permits, Ordering::Relaxed);
        let room = Arc::new(room);
        let party = |place: usize| {
            let room = Arc::clone(&room);
            move || (0..visits[place]).for_each(|_| room.visit(permits))
        };
        let others: Vec<_> = (1..visits.len()).map(|place| thread::spawn(party(place))).collect();
        party(0)();
        others.into_iter().for_each(|other| other.join().unwrap());
        // Each was given back, or this one sleeps for ever.
        (0..permits).for_each(|_| room.words.take());
    });
}

#[test]
fn two_parties_share_one_permit() {
    lets_in_no_more_than(1, &[1, 1], None);
    lets_in_no_more_than(1, &[2, 1], Some(5));
}

#[test]
fn three_parties_share_one_permit() {
    lets_in_no_more_than(1, &[1, 1, 1], Some(3));
}

#[test]
fn three_parties_share_two_permits() {
    lets_in_no_more_than(2, &[1, 1, 1], Some(3));
}
