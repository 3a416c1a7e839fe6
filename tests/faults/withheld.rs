//! What the program says when something is withheld from it: exactly the cells that need it are missing, with a reason
//! that names it; all others are as they were; and verifying some of each succeeds.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;
use wildmatch::WildMatch;

use crate::common::{Ended, skip};
use crate::confined::{Step, World};

/// Cells that are missing.
pub(crate) struct Missing {
    /// A glob over names.
    mechanisms: &'static str,
    /// Those whose message is longer than this; none: all.
    above_bytes: Option<u64>,
    /// What the reason says.
    words: &'static [&'static str],
    /// Some kernels do without.
    perhaps: bool,
}

/// All cells of these mechanisms.
pub(crate) fn all(mechanisms: &'static str, words: &'static [&'static str]) -> Missing {
    Missing { mechanisms, above_bytes: None, words, perhaps: false }
}

/// Those cells of these mechanisms whose message is longer than `bytes`.
pub(crate) fn above(bytes: u64, mechanisms: &'static str, words: &'static [&'static str]) -> Missing {
    Missing { mechanisms, above_bytes: Some(bytes), words, perhaps: false }
}

impl Missing {
    /// They may as well be there: it depends on the kernel.
    pub(crate) fn or_not(self) -> Missing {
        Missing { perhaps: true, ..self }
    }

    fn has(&self, cell: &Cell) -> bool {
        WildMatch::new(self.mechanisms).matches(&cell.mechanism)
            && self.above_bytes.is_none_or(|bytes| cell.payload_bytes > bytes)
    }
}

/// What `list` says of a cell.
pub(crate) struct Cell {
    id: String,
    mechanism: String,
    payload_bytes: u64,
    support: String,
}

/// The cells that are looked at: all workloads and sizes, between processes. A thread's peer asks no more of a kernel.
const FILTER: &str = "process/same-cpu/block/";

/// A cell of every mechanism that works between processes.
pub(crate) const ONE_OF_EACH: [&str; 3] = [
    "round-trip/process/same-cpu/block/*/64B",
    "round-trip/process/same-cpu/block/*/0B",
    "wake/process/same-cpu/block/pidfd-exit/0B-after-0",
];

/// Asserts that in the world of `steps` exactly these cells are missing that are there without, and that of every
/// mechanism one cell that can run passes, and one that cannot is skipped with the reason.
#[track_caller]
pub(crate) fn withheld(steps: &[Step], missing: &[Missing]) {
    if let Some((world, cells)) = listed(steps, missing) {
        verified(&world, &cells, missing);
    }
}

/// As `withheld`, but for the second half.
#[track_caller]
pub(crate) fn listed(steps: &[Step], missing: &[Missing]) -> Option<(World, Vec<Cell>)> {
    let before = without_loss(steps.iter().any(|step| matches!(step, Step::BecomeStranger)))?;
    let world = World::new(steps)?;
    let now = list(&world);
    assert_eq!(before.len(), now.len());
    let pairs = before.iter().zip(&now);
    let mut wrong: Vec<String> = pairs.filter_map(|(before, now)| wrong(before, now, missing)).collect();
    wrong.extend(missing.iter().filter_map(|missing| idle(missing, before)));
    wrong.sort_unstable();
    assert!(wrong.is_empty(), "{} of {} cells:\n{}", wrong.len(), now.len(), wrong.join("\n"));
    Some((world, now))
}

/// What `list` says where nothing is withheld, to root or to a stranger: the same for all tests, so it is asked once.
fn without_loss(as_stranger: bool) -> Option<&'static [Cell]> {
    static LISTS: [OnceLock<Option<Vec<Cell>>>; 2] = [const { OnceLock::new() }; 2];
    let steps: &[Step] = if as_stranger { &[Step::BecomeStranger] } else { &[] };
    LISTS[usize::from(as_stranger)].get_or_init(|| Some(list(&World::new(steps)?))).as_deref()
}

/// What is wrong with the support of a cell, if anything is.
fn wrong(before: &Cell, now: &Cell, missing: &[Missing]) -> Option<String> {
    let Cell { id, support, .. } = now;
    match missing.iter().find(|missing| missing.has(now)) {
        None if numberless(support) == numberless(&before.support) => None,
        None => Some(format!("{id}: {support} (before: {})", before.support)),
        // This machine has something else against it, which may come first.
        Some(_) if before.support != "available" => None,
        Some(missing) if missing.perhaps && support == "available" => None,
        Some(missing) if missing.words.iter().all(|word| support.contains(word)) => None,
        Some(missing) => Some(format!("{id}: {support} (wanted: {:?})", missing.words)),
    }
}

/// Says why no cell can be told to have gone missing: there is none of the kind, or none that could run before.
fn idle(missing: &Missing, before: &[Cell]) -> Option<String> {
    let mut cells = before.iter().filter(|cell| missing.has(cell)).peekable();
    let Some(first) = cells.peek() else { return Some(format!("there is no such cell of {}", missing.mechanisms)) };
    let (mechanism, why) = (first.mechanism.clone(), first.support.clone());
    if !cells.any(|cell| cell.support == "available") {
        skip(format_args!("{mechanism} is missing anyway: {why}"));
    }
    None
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

fn verified(world: &World, cells: &[Cell], missing: &[Missing]) {
    let supports: BTreeMap<&str, &str> = cells.iter().map(|cell| (&*cell.id, &*cell.support)).collect();
    // Of what only long messages lack, none of the others shows the reason.
    let longest = missing.iter().filter_map(|missing| cells.iter().rfind(|cell| missing.has(cell)));
    let filters: Vec<&str> = ONE_OF_EACH.into_iter().chain(longest.map(|cell| cell.id.as_str())).collect();
    for outcome in array(&world.ipcmark(&[&["verify", "--json", "--operations", "20"], &filters[..]].concat())) {
        let reason = supports[outcome["id"].as_str().unwrap()];
        let passes = reason == "available";
        assert_eq!(outcome["outcome"], if passes { "passed" } else { "skipped" }, "{outcome}");
        assert_eq!(outcome["reason"].as_str().map(numberless), (!passes).then(|| numberless(reason)));
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
