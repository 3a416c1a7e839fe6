//! What the program says when something is withheld from it: exactly the cells that need it are missing, with a reason
//! that names it; all others are as they were; and verifying some of each succeeds.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::{Ended, skip};
use crate::confined::{Step, World};

/// Cells that are missing.
pub(crate) struct Missing {
    mechanism: &'static str,
    /// Those whose message is longer than this; none: all.
    above_bytes: Option<u64>,
    /// What the reason says.
    words: &'static [&'static str],
}

/// All cells of a mechanism.
pub(crate) fn all(mechanism: &'static str, words: &'static [&'static str]) -> Missing {
    Missing { mechanism, above_bytes: None, words }
}

/// Those cells of a mechanism whose message is longer than `bytes`.
pub(crate) fn above(bytes: u64, mechanism: &'static str, words: &'static [&'static str]) -> Missing {
    Missing { mechanism, above_bytes: Some(bytes), words }
}

impl Missing {
    fn has(&self, cell: &Cell) -> bool {
        cell.mechanism == self.mechanism && self.above_bytes.is_none_or(|bytes| cell.payload_bytes > bytes)
    }
}

struct Cell {
    id: String,
    mechanism: String,
    payload_bytes: u64,
    support: String,
}

/// The cells that are looked at: both kinds of peer, all workloads, all sizes.
const FILTER: &str = "same-cpu/block/";

/// Asserts that in the world of `steps` exactly these cells are missing that are there without.
#[track_caller]
pub(crate) fn withheld(steps: &[Step], missing: &[Missing]) {
    let ground: Vec<Step> = steps.iter().filter(|step| matches!(step, Step::BecomeStranger)).cloned().collect();
    let (Some(before), Some(world)) = (World::new(&ground), World::new(steps)) else { return };
    let (before, now) = (list(&before), list(&world));
    assert_eq!(before.len(), now.len());
    let mut wrong = Vec::new();
    for (before, now) in before.iter().zip(&now) {
        let Cell { id, support, .. } = now;
        match missing.iter().find(|missing| missing.has(now)) {
            None if *support != before.support => wrong.push(format!("{id}: {support} (before: {})", before.support)),
            // This machine has something else against it.
            Some(_) if before.support != "available" => {}
            Some(missing) if !missing.words.iter().all(|word| support.contains(word)) => {
                wrong.push(format!("{id}: {support} (wanted: {:?})", missing.words));
            }
            _ => {}
        }
    }
    for missing in missing {
        match before.iter().filter(|cell| missing.has(cell)).find(|cell| cell.support == "available") {
            Some(_) => {}
            None => match before.iter().find(|cell| missing.has(cell)) {
                Some(cell) => skip(format_args!("{} is missing anyway: {}", cell.mechanism, cell.support)),
                None => wrong.push(format!("{} has no such cell", missing.mechanism)),
            },
        }
    }
    assert!(wrong.is_empty(), "{} of {} cells:\n{}", wrong.len(), now.len(), wrong[..wrong.len().min(20)].join("\n"));
    verified(&world, &now);
}

fn list(world: &World) -> Vec<Cell> {
    let cell = |cell: Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Cell {
            id: text(&cell["id"]),
            mechanism: text(&cell["mechanism"]),
            payload_bytes: cell["setup"]["payload_bytes"].as_u64().unwrap(),
            support: text(&cell["support"]),
        }
    };
    array(&world.ipcmark(&["list", "--json", FILTER])).into_iter().map(cell).collect()
}

fn array(ended: &Ended) -> Vec<Value> {
    assert_eq!((ended.code, ended.signal), (Some(0), None), "{ended:?}");
    serde_json::from_str(&ended.out).unwrap()
}

/// Asserts that of every mechanism one cell that can run passes, and one that cannot is skipped with the reason.
fn verified(world: &World, cells: &[Cell]) {
    let mut chosen: BTreeMap<(&str, bool), &Cell> = BTreeMap::new();
    for cell in cells {
        chosen.entry((&cell.mechanism, cell.support == "available")).or_insert(cell);
    }
    let ids: Vec<&str> = chosen.values().map(|cell| cell.id.as_str()).collect();
    let outcomes = array(&world.ipcmark(&[&["verify", "--json", "--operations", "20"], &ids[..]].concat()));
    for cell in chosen.values() {
        let outcome = outcomes.iter().find(|outcome| outcome["id"] == cell.id.as_str()).unwrap();
        let expected = if cell.support == "available" { ("passed", None) } else { ("skipped", Some(&*cell.support)) };
        let (expected, expected_reason) = expected;
        assert_eq!(outcome["outcome"], expected, "{outcome}");
        assert_eq!(outcome["reason"].as_str().map(numberless), expected_reason.map(numberless));
    }
}

/// An object or a process that is named has another number each time.
fn numberless(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_ascii_hexdigit()).collect()
}

/// Asserts that in the world of `steps` every cell that `filter` means can run, or is skipped, and none fails.
#[track_caller]
pub(crate) fn none_fails(steps: &[Step], filter: &str) {
    let Some(world) = World::new(steps) else { return };
    let outcomes = array(&world.ipcmark(&["verify", "--json", "--operations", "20", filter]));
    assert!(outcomes.iter().any(|outcome| outcome["outcome"] == "passed"), "{outcomes:?}");
}
