//! A wall clock that is stepped during a run, which changes nothing but the date in its header.
//!
//! The machine's own clock is everybody's: so it is the C library's answers that are stepped, of the front end, its workers
//! and their peers, in a mount namespace of their own. (Time namespaces have no CLOCK_REALTIME, see time_namespaces(7).)

use std::ffi::CString;
use std::process::Command;

use ipcmark_harness::record::Outcome;

use crate::common::skip;
use crate::confined::Step::{Mount, Set};
use crate::confined::World;
use crate::live_run::Place;

#[test]
fn a_wall_clock_that_jumps_to_and_fro_changes_nothing_but_the_date() {
    let place = Place::new();
    let library = place.path().join("wall_clock.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/wall_clock.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
    if !compiled.is_ok_and(|status| status.success()) {
        return skip("there is no C compiler");
    }
    let preload = Set(CString::new("/etc/ld.so.preload").unwrap(), library.to_str().unwrap().into());
    let Some(world) = World::new(&[Mount(c"tmpfs", c"/etc", c"mode=755"), preload]) else { return };
    let cells = "round-trip/process/same-cpu/block/*/64B";
    let ended = world.ipcmark(&["run", "--launches", "1", "--out", "record.jsonl", cells]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = world.place().read();
    let today = &humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()[..7];
    assert!(!record.header.started_utc.starts_with(today), "its clock was not stepped: {}", record.header.started_utc);
    let measured = record.cells.iter().filter(|cell| cell.outcome == Outcome::Measured);
    assert!(measured.count() > 5 && record.cells.iter().all(|cell| cell.outcome != Outcome::Failed), "{ended:?}");
    // A span that met a step would be 800 days long, or negative.
    let day_ns = 86_400e9;
    assert!(record.cells.iter().filter_map(|cell| cell.estimate_ns).all(|ns| ns > 0.0 && ns < day_ns));
}
