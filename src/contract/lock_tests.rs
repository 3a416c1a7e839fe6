//! That each clause of a lock's contract can fail: locks that break exactly one, and one that breaks none.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ipcmark_harness::sys::names;

use super::lock;
use super::transport_tests::SETUP;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::Lock;

/// Lets everybody in.
pub(crate) const OPEN: u8 = 1;
/// Lets a second party in after a while.
const IMPATIENT: u8 = 2;
/// Leaves a name.
const NAMED: u8 = 3;

/// A lock with this fault; 0: none.
pub(crate) struct Faulty<const FAULT: u8> {
    lock: Arc<(AtomicBool, Mutex<()>)>,
    _name: Option<Arc<tempfile::NamedTempFile>>,
}

impl<const FAULT: u8> Lock for Faulty<FAULT> {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let lock = Arc::default();
        let file = || tempfile::Builder::new().prefix(&names::token_prefix()).tempfile_in("/dev/shm").map(Arc::new);
        let name = if FAULT == NAMED { Some(file()?) } else { None };
        Ok((0..setup.parties).map(|_| Faulty { lock: Arc::clone(&lock), _name: name.clone() }).collect())
    }

    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let (is_held, mutex) = &*self.lock;
        match FAULT {
            OPEN => Ok(critical()),
            IMPATIENT => {
                for _ in 0..3 {
                    if !is_held.swap(true, Ordering::Acquire) {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                let result = critical();
                is_held.store(false, Ordering::Release);
                Ok(result)
            }
            _ => {
                let _guard = mutex.lock();
                Ok(critical())
            }
        }
    }
}

fn verdict<L: Lock>(clause: &str) -> Verdict {
    let clause = lock::<L>().iter().find(|c| c.name == clause).unwrap();
    (clause.check)(&SETUP).unwrap()
}

fn assert_broken<L: Lock>(clause: &str) {
    assert!(matches!(verdict::<L>(clause), Verdict::Broken(_)), "{clause}");
}

#[test]
fn a_lock_without_fault_keeps_every_clause() {
    // It lives in one process, and here are other threads: nothing forks.
    let tried = |clause: &&Clause| clause.name != "a_killed_holder_leaves_it_as_told";
    for clause in lock::<Faulty<0>>().iter().filter(tried) {
        assert_eq!(verdict::<Faulty<0>>(clause.name), Verdict::Kept, "{}", clause.name);
    }
}

#[test]
fn a_lock_that_lets_everybody_in_breaks_at_most_one_holds_it() {
    assert_broken::<Faulty<OPEN>>("at_most_one_holds_it");
}

#[test]
fn a_lock_that_lets_everybody_in_breaks_what_one_holder_wrote_the_next_one_sees() {
    // Lost updates are a matter of luck where the parties hardly meet: several tries.
    assert!(
        (0..50).any(|_| {
            matches!(verdict::<Faulty<OPEN>>("what_one_holder_wrote_the_next_one_sees"), Verdict::Broken(_))
        })
    );
}

#[test]
fn a_lock_whose_waiter_gives_up_breaks_a_release_lets_a_waiter_in() {
    assert_broken::<Faulty<IMPATIENT>>("a_release_lets_a_waiter_in");
}

#[test]
fn a_file_that_stays_breaks_no_lock_is_left_by_name() {
    if std::path::Path::new("/dev/shm").is_dir() {
        assert_broken::<Faulty<NAMED>>("no_lock_is_left_by_name");
    } else {
        eprintln!("skipped: there is no /dev/shm");
    }
}
