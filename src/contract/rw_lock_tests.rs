//! That each clause of [`RwLock`]'s contract can fail: types that break it, and one that does not.

use std::io;
use std::sync::{Arc, Mutex, RwLock as StdRwLock};

use super::rw_lock;
use super::transport_tests::{Named, SETUP};
use crate::mechanism::{Setup, Verdict};
use crate::shapes::{RwLock, Words};

/// Lets everybody in.
pub(crate) const OPEN: u8 = 1;
/// Lets one reader in at a time.
const SERIAL: u8 = 2;
/// Shows its readers what was before the last write.
const STALE: u8 = 3;
/// Leaves a name.
const NAMED: u8 = 4;
/// Changes a copy that nobody sees.
pub(crate) const FORGETFUL: u8 = 5;

#[derive(Default)]
struct Guarded {
    lock: StdRwLock<()>,
    words: Words,
    before: Mutex<Words>,
}

/// With this fault; 0: none.
pub(crate) struct Faulty<const FAULT: u8> {
    guarded: Arc<Guarded>,
    _name: Option<Arc<Named>>,
}

impl<const FAULT: u8> RwLock for Faulty<FAULT> {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let guarded = Arc::<Guarded>::default();
        let name = if FAULT == NAMED { Some(Arc::new(Named::new()?)) } else { None };
        Ok((0..setup.parties).map(|_| Faulty { guarded: Arc::clone(&guarded), _name: name.clone() }).collect())
    }

    fn read<R>(&mut self, mut look: impl FnMut(&Words) -> R) -> io::Result<R> {
        let Guarded { lock, words, before } = &*self.guarded;
        match FAULT {
            OPEN => Ok(look(words)),
            SERIAL => {
                let _guard = lock.write();
                Ok(look(words))
            }
            STALE => Ok(look(&before.lock().unwrap())),
            _ => {
                let _guard = lock.read();
                Ok(look(words))
            }
        }
    }

    fn write(&mut self, change: impl FnOnce(&Words)) -> io::Result<()> {
        let Guarded { lock, words, before } = &*self.guarded;
        let _guard = (FAULT != OPEN).then(|| lock.write());
        if FAULT == STALE {
            *before.lock().unwrap() = words.clone();
        }
        if FAULT == FORGETFUL {
            change(&words.clone())
        } else {
            change(words)
        }
        Ok(())
    }
}

fn verdict<L: RwLock>(clause: &str) -> Verdict {
    let clause = rw_lock::<L>().iter().find(|c| c.name == clause).unwrap();
    (clause.check)(&SETUP).unwrap()
}

fn is_broken<L: RwLock>(clause: &str) -> bool {
    matches!(verdict::<L>(clause), Verdict::Broken(_))
}

#[test]
fn what_has_no_fault_keeps_every_clause() {
    for clause in rw_lock::<Faulty<0>>() {
        assert_eq!(verdict::<Faulty<0>>(clause.name), Verdict::Kept, "{}", clause.name);
    }
}

#[test]
fn letting_everybody_in_breaks_readers_see_no_half_written_data() {
    // A matter of luck where the parties hardly meet: several tries.
    assert!((0..50).any(|_| is_broken::<Faulty<OPEN>>("readers_see_no_half_written_data")));
}

#[test]
fn letting_everybody_in_breaks_what_a_reader_sees_stays_as_it_is() {
    assert!(is_broken::<Faulty<OPEN>>("what_a_reader_sees_stays_as_it_is"));
}

#[test]
fn letting_everybody_in_breaks_a_reader_waits_for_a_writer_or_sees_what_was_before() {
    assert!(is_broken::<Faulty<OPEN>>("a_reader_waits_for_a_writer_or_sees_what_was_before"));
}

#[test]
fn letting_everybody_in_breaks_at_most_one_writes() {
    assert!((0..50).any(|_| is_broken::<Faulty<OPEN>>("at_most_one_writes")));
}

#[test]
fn showing_what_was_before_breaks_a_read_after_a_write_sees_it() {
    assert!(is_broken::<Faulty<STALE>>("a_read_after_a_write_sees_it"));
}

#[test]
fn changing_a_copy_that_nobody_sees_breaks_a_read_after_a_write_sees_it() {
    assert!(is_broken::<Faulty<FORGETFUL>>("a_read_after_a_write_sees_it"));
}

#[test]
fn letting_one_reader_in_at_a_time_breaks_several_readers_are_inside_at_once() {
    assert!(is_broken::<Faulty<SERIAL>>("several_readers_are_inside_at_once"));
}

#[test]
fn a_file_that_stays_breaks_nothing_is_left_by_name() {
    if std::path::Path::new("/dev/shm").is_dir() {
        assert!(is_broken::<Faulty<NAMED>>("nothing_is_left_by_name"));
    } else {
        eprintln!("skipped: there is no /dev/shm");
    }
}
