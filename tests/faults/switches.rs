//! What may be withheld from those who switch: tasks, memory, the kernel's own counts.

use ipcmark_harness::record::{Cell, Outcome};
use nix::errno::Errno;
use nix::sys::resource::Resource;

use crate::confined::Step::{self, BecomeStranger, Limit};
use crate::confined::World;
use crate::seccomp::Refusal;

/// The cells of one launch that these filters mean, in a world of these steps; none where it cannot be made.
fn measured(steps: &[Step], filters: &[&str]) -> Option<Vec<Cell>> {
    let world = World::new(steps)?;
    let run = ["run", "--profile", "full", "--launches", "1", "--out", "record.jsonl"];
    let ended = world.ipcmark(&[&run, filters].concat());
    assert!(ended.signal.is_none() && !ended.err.contains("panicked"), "{ended:?}");
    Some(world.read().cells)
}

/// Beside other tests the parties of a cell are not alone on their CPU, which it notices.
fn is_measured(cell: &Cell) -> bool {
    cell.outcome == Outcome::Measured || cell.reason.as_ref().is_some_and(|why| why.contains("something else ran"))
}

#[test]
fn where_few_tasks_may_be_started_larger_rings_are_skipped_with_the_limit() {
    let filters = ["switch/*/futex-ring/0B-2parties", "switch/*/futex-ring/0B-32parties"];
    let Some(cells) = measured(&[BecomeStranger, Limit(Resource::RLIMIT_NPROC, 12)], &filters) else { return };
    assert_eq!(cells.len(), 6);
    for cell in cells {
        let reason = cell.reason.clone().unwrap_or_default();
        if cell.id.ends_with("-2parties") {
            assert!(is_measured(&cell), "{}: {:?}", cell.id, cell.reason);
        } else {
            let named = reason.contains("RLIMIT_NPROC allows the user 12") && reason.contains("ulimit -u");
            assert!(cell.outcome == Outcome::Skipped && named, "{}: {reason}", cell.id);
        }
    }
}

#[test]
fn without_room_for_the_memory_that_tasks_touch_their_cells_are_skipped_with_the_limit() {
    let filters = ["switch-touch/*/futex-ring/*-8parties-mem4MiB-stride64B"];
    let Some(cells) = measured(&[Limit(Resource::RLIMIT_AS, 60 << 20)], &filters) else { return };
    assert!(!cells.is_empty());
    for cell in cells {
        let reason = cell.reason.unwrap_or_default();
        assert!(cell.outcome == Outcome::Skipped && reason.contains("RLIMIT_AS"), "{}: {reason}", cell.id);
    }
}

#[test]
fn without_perf_events_switches_are_counted_all_the_same_and_a_note_says_so() {
    let refused = Refusal { call: libc::SYS_perf_event_open, first: None, errno: Errno::EACCES };
    let Some(cells) = measured(&[Step::Refuse(refused)], &["switch/thread/*/futex-ring/0B-2parties"]) else { return };
    let [cell] = &cells[..] else { panic!("{cells:?}") };
    if cell.outcome == Outcome::Failed && is_measured(cell) {
        return crate::common::skip(format!("{:?}", cell.reason));
    }
    assert_eq!(cell.outcome, Outcome::Measured, "{:?}", cell.reason);
    assert!(cell.facts.contains_key("switches_per_hop") && !cell.facts.contains_key("perf_switches_per_hop"));
    assert!(cell.notes.iter().any(|note| note.contains("perf_event_open: EACCES")), "{:?}", cell.notes);
}
