//! Others at work on the same machine: what has a name like ours and is not ours, and a second run.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::{Live, command, ipcmark, skip};
use crate::confined::World;
use crate::live_run::Place;

/// What somebody left, one of each kind, named as we name things: a System V key is as good as any other.
const PLANTED: &str = "\
    mkfifo -m 600 /dev/shm/ipcmark-0123456789abcdef-0 && \
    touch /dev/shm/ipcmark-0123456789abcdef-1 /dev/shm/sem.ipcmark-0123456789abcdef-2 && \
    touch queues/ipcmark-0123456789abcdef-3 && \
    mkdir -m 700 /dev/shm/ipcmark-0123456789abcdef && mkfifo /dev/shm/ipcmark-0123456789abcdef/ipcmark-0 && \
    ipcmk -p 0600 -Q && ipcmk -p 0600 -S 1 && ipcmk -p 0600 -M 4096 ";

/// The first cell that can run, of every mechanism.
fn one_of_each() -> Vec<String> {
    let list = ipcmark(Place::new().path(), &["list", "--json", "same-cpu/block/"]).out;
    let cells: Vec<Value> = serde_json::from_str(&list).unwrap();
    let text = |cell: &Value, key: &str| cell[key].as_str().unwrap().to_owned();
    let available = cells.iter().rev().filter(|cell| cell["support"] == "available");
    let each: BTreeMap<String, String> = available.map(|cell| (text(cell, "mechanism"), text(cell, "id"))).collect();
    each.into_values().collect()
}

/// `World` compares what is there before and after.
#[test]
fn what_somebody_left_with_names_like_ours_is_not_touched() {
    let Some(world) = World::new(&[]).filter(World::is_private) else {
        return skip("objects of others are planted only in namespaces of their own");
    };
    let each = one_of_each();
    let verify: Vec<&str> = ["verify"].into_iter().chain(each.iter().map(String::as_str)).collect();
    for args in [&verify[..], &["clean"]] {
        let ended = world.ipcmark_after(PLANTED, args);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

/// Runs this twice at once, and asserts that both succeed.
fn twice(args: &[&str]) -> [(String, Place); 2] {
    let start = |_| {
        let place = Place::new();
        (Live::start(command(place.path(), args)).unwrap(), place)
    };
    [0, 1].map(start).map(|(live, place)| {
        let ended = live.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        place.assert_nothing_left();
        (ended.err, place)
    })
}

#[test]
fn two_verifications_at_once_mix_nothing_up() {
    let each = one_of_each();
    let ids: Vec<&str> = each.iter().map(String::as_str).collect();
    for (err, _place) in twice(&[&["verify"], &ids[..]].concat()) {
        assert!(err.contains(&format!("{} passed, 0 failed, 0 skipped", ids.len())), "{err}");
    }
}

#[test]
fn two_runs_at_once_measure_every_cell() {
    let each = one_of_each();
    let ids: Vec<&str> = each.iter().map(String::as_str).collect();
    for (_err, place) in twice(&[&["run", "--launches", "1", "--out", "record.jsonl"], &ids[..]].concat()) {
        let record = place.read();
        assert_eq!(record.cells.len(), ids.len());
        let measured =
            |cell: &ipcmark_harness::record::Cell| cell.outcome == ipcmark_harness::record::Outcome::Measured;
        assert!(record.cells.iter().all(measured));
    }
}
