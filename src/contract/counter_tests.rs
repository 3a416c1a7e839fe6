//! That each clause of a counter's contract can fail: counters that break it, and one that does not.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::counter;
use super::transport_tests::{Named, SETUP};
use crate::mechanism::{Setup, Verdict};
use crate::shapes::Counter;

/// Adds in two steps.
pub(crate) const FORGETFUL: u8 = 1;
/// Shows each party its own additions only.
const SELFISH: u8 = 2;
/// Every other total is far too high.
pub(crate) const WAVERING: u8 = 3;
/// Leaves a name.
const NAMED: u8 = 4;

/// With this fault; 0: none.
pub(crate) struct Faulty<const FAULT: u8> {
    count: Arc<AtomicU64>,
    own: u64,
    asked: u64,
    _name: Option<Arc<Named>>,
}

impl<const FAULT: u8> Counter for Faulty<FAULT> {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let count = Arc::<AtomicU64>::default();
        let name = if FAULT == NAMED { Some(Arc::new(Named::new()?)) } else { None };
        let handle = |_| Faulty { count: Arc::clone(&count), own: 0, asked: 0, _name: name.clone() };
        Ok((0..setup.parties).map(handle).collect())
    }

    fn add(&mut self) -> io::Result<()> {
        self.own += 1;
        if FAULT == FORGETFUL {
            let now = self.count.load(Ordering::Relaxed);
            if self.own.is_multiple_of(64) {
                std::thread::yield_now();
            }
            self.count.store(now + 1, Ordering::Relaxed);
        } else {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn total(&mut self) -> io::Result<u64> {
        self.asked += 1;
        let total = self.count.load(Ordering::Relaxed);
        Ok(match FAULT {
            SELFISH => self.own,
            WAVERING => total + self.asked % 2 * 1_000_000,
            _ => total,
        })
    }
}

fn verdict<C: Counter>(clause: &str) -> Verdict {
    let clause = counter::<C>().iter().find(|c| c.name == clause).unwrap();
    (clause.check)(&SETUP).unwrap()
}

fn is_broken<C: Counter>(clause: &str) -> bool {
    matches!(verdict::<C>(clause), Verdict::Broken(_))
}

#[test]
fn a_counter_without_fault_keeps_every_clause() {
    for clause in counter::<Faulty<0>>() {
        assert_eq!(verdict::<Faulty<0>>(clause.name), Verdict::Kept, "{}", clause.name);
    }
}

#[test]
fn adding_in_two_steps_breaks_no_addition_is_lost() {
    // A matter of luck where the parties hardly meet: several tries.
    assert!((0..50).any(|_| is_broken::<Faulty<FORGETFUL>>("no_addition_is_lost")));
}

#[test]
fn showing_each_its_own_breaks_a_total_has_what_was_added_before() {
    assert!(is_broken::<Faulty<SELFISH>>("a_total_has_what_was_added_before"));
}

#[test]
fn totals_that_waver_break_a_total_never_goes_back() {
    assert!((0..50).any(|_| is_broken::<Faulty<WAVERING>>("a_total_never_goes_back")));
}

#[test]
fn a_file_that_stays_breaks_no_counter_is_left_by_name() {
    if std::path::Path::new("/dev/shm").is_dir() {
        assert!(is_broken::<Faulty<NAMED>>("no_counter_is_left_by_name"));
    } else {
        eprintln!("skipped: there is no /dev/shm");
    }
}
