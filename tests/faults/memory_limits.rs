//! A control group that allows little memory: beyond it nothing is refused, the kernel kills. What is known before is
//! skipped, who is killed is said to have been, and all else is measured.

use ipcmark_harness::record::{Cell, Outcome, Record};

use crate::common::Ended;
use crate::confined::World;
use crate::control_group::Group;
use crate::live_run::eventually;

const PIPE: &str = "round-trip/process/same-cpu/block/pipe/64B";
/// Touches 256 MiB, anew for each sample.
const TOUCHING: &str = "first-touch/*/pages-4k/*mem256MiB";

/// Room for a plan of all cells and for what measures a pipe; not for the other cell.
const LITTLE: &str = "167772160";

/// None where the groups are not ours to change, and then standard error says so.
fn group() -> Option<Group> {
    let group = Group::new("memory")?;
    // What is swapped out is not killed; version 1 sets it where a limit is, and has it off for a group of no swappiness.
    let _ = group.try_to_set(&[("memory.swap.max", "0"), ("memory.swappiness", "0")]);
    Some(group)
}

fn limit(bytes: &str) -> [(&str, &str); 2] {
    [("memory.max", bytes), ("memory.limit_in_bytes", bytes)]
}

fn reason(cell: &Cell) -> &str {
    cell.reason.as_deref().unwrap_or_default()
}

/// The cell that touches memory, after it has been seen that the other one was measured.
#[track_caller]
fn touching(ended: &Ended, record: Record) -> Cell {
    let (pipe, mut others): (Vec<Cell>, Vec<Cell>) = record.cells.into_iter().partition(|cell| cell.id == PIPE);
    assert_eq!((pipe.len(), others.len()), (1, 1), "{ended:?}");
    assert_eq!(pipe[0].outcome, Outcome::Measured, "{}", reason(&pipe[0]));
    others.remove(0)
}

#[test]
fn what_a_control_group_has_no_memory_for_is_skipped_with_its_limit_and_the_rest_is_measured() {
    let Some(group) = group() else { return };
    group.set(&limit(LITTLE));
    let Some(world) = World::new(&[group.join()]) else { return };
    let args = ["run", "--profile", "full", "--launches", "1", "--out", "record.jsonl", PIPE, TOUCHING];
    let ended = world.ipcmark(&args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let cell = touching(&ended, world.read());
    let named = ["memory.max", "memory.limit_in_bytes"].iter().any(|file| reason(&cell).contains(file));
    let told = named && reason(&cell).contains(&format!("allows {LITTLE} bytes"));
    assert!(cell.outcome == Outcome::Skipped && told, "{}", reason(&cell));
}

/// The limit comes when the cell is under way already, so that nobody could know it before.
#[test]
fn a_worker_that_the_oom_killer_ends_fails_its_cell_with_the_limit_and_the_rest_is_measured() {
    let Some(group) = group() else { return };
    let Some(world) = World::new(&[group.join()]) else { return };
    let args = ["run", "--profile", "full", "--launches", "20", "--out", "record.jsonl", PIPE, TOUCHING];
    let run = world.start(&args);
    eventually("the first cell", || world.place().record().exists().then_some(()));
    // Version 1 refuses a limit below what is in use, version 2 has it meet whoever is above.
    eventually("a limit", || group.try_to_set(&limit(LITTLE)).ok());
    let ended = run.end();
    world.place().assert_nothing_left();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let cell = touching(&ended, world.read());
    let words = ["was killed by signal 9", "OOM killer", "oom_kill in ", &format!("allows {LITTLE} bytes")];
    let told = words.iter().all(|word| reason(&cell).contains(word));
    assert!(cell.outcome == Outcome::Failed && told, "{}", reason(&cell));
}

/// Down to what the program itself cannot live in: whoever is killed, nobody waits for it, and nothing is left.
#[test]
fn however_little_memory_a_group_allows_a_run_ends_and_no_cell_is_lost() {
    for kibibytes in [1_u64 << 10, 2 << 10, 3 << 10, 4 << 10, 6 << 10, 8 << 10, 64 << 10] {
        let Some(group) = group() else { return };
        let Some(world) = World::new(&[group.join()]) else { return };
        group.set(&limit(&(kibibytes << 10).to_string()));
        let run = world.start(&["run", "--launches", "1", "--out", "record.jsonl", PIPE]);
        let ended = run.end();
        let context = format!("{kibibytes} KiB: {ended:?}");
        // Where the program itself is killed, it has no more to say, and what a worker leaves that was killed, too, is for `ipcmark
        // clean`, which cannot come into these namespaces any more.
        if ended.signal == Some(9) {
            world.place().assert_no_process_left();
            world.place().remove_what_the_dead_have_left();
            continue;
        }
        world.place().assert_nothing_left();
        assert!(matches!(ended.code, Some(0 | 1)) && !ended.err.contains("panicked"), "{context}");
        let cells = Record::read(&world.place().record()).map_or_else(|_| Vec::new(), |(record, _)| record.cells);
        let explained = |words: &str| words.contains("OOM killer") || words.contains("memory");
        match &cells[..] {
            [] => assert!(ended.code == Some(1) && explained(&ended.err), "{context}"),
            [cell] if cell.outcome == Outcome::Measured => assert_eq!(ended.code, Some(0), "{context}"),
            [cell] => assert!(explained(reason(cell)), "{}: {context}", reason(cell)),
            _ => panic!("{context}"),
        }
    }
}
