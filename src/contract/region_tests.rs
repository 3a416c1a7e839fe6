//! That each clause of the contract of memory can fail: kinds of memory that break it, and one that does not.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::sys::huge_pages::Pages;
use ipcmark_harness::sys::memory::Mapping;

use super::region;
use super::transport_tests::{Named, SETUP};
use crate::mechanism::Verdict;
use crate::shapes::Region;

/// Is not zero at the beginning.
pub(crate) const STALE: u8 = 1;
/// Says that its pages are twice as large as they are.
pub(crate) const SMALL: u8 = 2;
/// Was touched by another before.
pub(crate) const TOUCHED: u8 = 3;
/// Leaves a name.
const NAMED: u8 = 4;

/// Base pages with this fault; 0: none.
pub(crate) struct Faulty<const FAULT: u8> {
    mapping: Mapping,
    _name: Option<Named>,
}

impl<const FAULT: u8> Region for Faulty<FAULT> {
    fn page_bytes() -> io::Result<usize> {
        let bytes = Pages::Base.bytes()?;
        Ok(if FAULT == SMALL { 2 * bytes } else { bytes })
    }

    fn map(len: usize) -> io::Result<Self> {
        let mapping = Mapping::untouched_private(len, Pages::Base)?;
        mapping.in_base_pages()?;
        if FAULT == STALE {
            mapping.words()[0].store(7, Ordering::Relaxed);
        }
        if FAULT == TOUCHED {
            mapping.fault_in()?;
        }
        let name = if FAULT == NAMED { Some(Named::new()?) } else { None };
        Ok(Faulty { mapping, _name: name })
    }

    fn words(&self) -> &[AtomicU64] {
        self.mapping.words()
    }
}

fn verdict<R: Region>(clause: &str) -> Verdict {
    let clause = region::<R>().iter().find(|c| c.name == clause).unwrap();
    (clause.check)(&SETUP).unwrap()
}

fn is_broken<R: Region>(clause: &str) -> bool {
    matches!(verdict::<R>(clause), Verdict::Broken(_))
}

#[test]
fn memory_without_fault_keeps_every_clause() {
    for clause in region::<Faulty<0>>() {
        assert_eq!(verdict::<Faulty<0>>(clause.name), Verdict::Kept, "{}", clause.name);
    }
}

#[test]
fn each_fault_breaks_its_clause() {
    assert!(is_broken::<Faulty<STALE>>("new_memory_is_zero_and_keeps_what_is_written"));
    assert!(is_broken::<Faulty<SMALL>>("each_page_faults_once"));
    assert!(is_broken::<Faulty<TOUCHED>>("each_page_faults_once"));
    assert!(is_broken::<Faulty<NAMED>>("no_memory_is_left_by_name"));
}
