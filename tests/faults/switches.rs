//! What may be withheld from those who switch: tasks, memory, the kernel's own counts.

use ipcmark_harness::record::{Cell, Outcome};
use nix::errno::Errno;
use nix::sys::resource::Resource;

use crate::confined::Step::{self, BecomeStranger, Limit};
use crate::confined::World;
use crate::seccomp::Refusal;

/// These cells of the ring by futex, `workload/*/value`, of each kind of task, in a world of these steps; none where it cannot
/// be made. Given by their ids: a plan of all cells takes more memory than a test may want to leave.
fn measured(steps: &[Step], cells: &[(&str, &str)]) -> Option<Vec<Cell>> {
    let world = World::new(steps)?;
    let id =
        |kind: &str, (workload, value): &(&str, &str)| format!("{workload}/{kind}/same-cpu/block/futex-ring/{value}");
    let ids: Vec<String> =
        ["thread", "process", "clone-vm"].iter().flat_map(|kind| cells.iter().map(|cell| id(kind, cell))).collect();
    let run = ["run", "--launches", "1", "--out", "record.jsonl"];
    let ended = world.ipcmark(&run.into_iter().chain(ids.iter().map(String::as_str)).collect::<Vec<_>>());
    assert!(ended.signal.is_none() && !ended.err.contains("panicked"), "{ended:?}");
    Some(world.read().cells)
}

/// Beside other tests the parties of a cell are not alone on their CPU, which it notices.
fn is_measured(cell: &Cell) -> bool {
    matches!(cell.outcome, Outcome::Measured | Outcome::Disturbed)
}

#[test]
fn where_few_tasks_may_be_started_larger_rings_are_skipped_with_the_limit() {
    let rings = [("switch", "0B-2parties"), ("switch", "0B-32parties")];
    let Some(cells) = measured(&[BecomeStranger, Limit(Resource::RLIMIT_NPROC, 12)], &rings) else { return };
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
    let large = [("switch-touch", "0B-8parties-mem4MiB-stride64B")];
    let Some(cells) = measured(&[Limit(Resource::RLIMIT_AS, 64 << 20)], &large) else { return };
    assert_eq!(cells.len(), 3);
    for cell in cells {
        let reason = cell.reason.unwrap_or_default();
        assert!(cell.outcome == Outcome::Skipped && reason.contains("RLIMIT_AS"), "{}: {reason}", cell.id);
    }
}

#[test]
fn without_perf_events_switches_are_counted_all_the_same() {
    let refused = Refusal { call: libc::SYS_perf_event_open, first: None, errno: Errno::EACCES };
    let Some(cells) = measured(&[Step::Refuse(refused)], &[("switch", "0B-2parties")]) else { return };
    assert!(cells.len() == 3 && cells.iter().all(is_measured), "{cells:?}");
    for cell in cells.iter().filter(|cell| cell.outcome == Outcome::Measured) {
        assert!(cell.facts.contains_key("switches_per_hop") && !cell.facts.contains_key("perf_switches_per_hop"));
        // None is asked for: an open one makes every switch dearer.
        assert!(cell.notes.iter().all(|note| !note.contains("perf_event_open")), "{:?}", cell.notes);
    }
}
