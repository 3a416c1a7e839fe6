//! How the kinds of task differ: what a switch takes beyond its calls between threads, between processes of one address space
//! and between forked ones, and whether that is more than noise.
//!
//! Read from records alone. Each launch has its own net figure; their median and its interval are taken as those of times
//! are. Two kinds are told apart where their intervals do not overlap.

use std::collections::BTreeMap;
use std::fmt;

use ipcmark_harness::estimate::estimate;
use ipcmark_harness::record::{Cell, Outcome};

/// What one kind of task takes, in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
struct Net {
    median: f64,
    low: f64,
    high: f64,
}

impl Net {
    /// Of the launches of one cell; none where they have no net figure.
    fn of(cell: &Cell) -> Option<Net> {
        let launches: Vec<Vec<f64>> =
            cell.per_launch.iter().filter_map(|launch| Some(vec![*launch.facts.get("net_ns")?])).collect();
        let estimate = estimate(&launches)?;
        Some(Net { median: estimate.point_ns, low: estimate.interval.low, high: estimate.interval.high })
    }

    fn overlaps(&self, other: &Net) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} ns ({:.0} – {:.0})", self.median, self.low, self.high)
    }
}

/// Cells that differ in nothing but the kind of task.
#[derive(Clone, Debug, PartialEq)]
pub struct Kinds {
    workload: String,
    mechanism: String,
    value: String,
    /// The kinds that were measured, in the order in which each has more of its own than the one before.
    nets: Vec<(&'static str, Net)>,
}

/// As in ids: a thread shares everything, a process of the same address space only that, a forked one nothing.
const ORDER: [&str; 3] = ["thread", "clone-vm", "process"];

/// Every set of cells of which at least two kinds of task were measured.
pub fn of_switches(cells: &[Cell]) -> Vec<Kinds> {
    let mut sets: Vec<(String, Vec<&Cell>)> = Vec::new();
    for cell in cells.iter().filter(|cell| cell.outcome == Outcome::Measured && cell.facts.contains_key("net_ns")) {
        let key = without_kind(&cell.id);
        match sets.iter_mut().find(|(known, _)| *known == key) {
            Some((_, set)) => set.push(cell),
            None => sets.push((key, vec![cell])),
        }
    }
    sets.iter().filter_map(|(_, set)| Kinds::of(set)).collect()
}

/// An id but for the kind of task, which is its second part.
fn without_kind(id: &str) -> String {
    let parts: Vec<&str> = id.split('/').collect();
    parts.iter().enumerate().filter(|(i, _)| *i != 1).map(|(_, part)| *part).collect::<Vec<_>>().join("/")
}

impl Kinds {
    fn of(cells: &[&Cell]) -> Option<Kinds> {
        let by_kind: BTreeMap<&str, &Cell> =
            cells.iter().filter_map(|cell| Some((cell.setup.get("peer")?.as_str()?, *cell))).collect();
        let nets: Vec<_> = ORDER.iter().filter_map(|kind| Some((*kind, Net::of(by_kind.get(kind)?)?))).collect();
        let first = cells.first()?;
        let value = first.id.rsplit('/').next()?.to_owned();
        let (workload, mechanism) = (first.workload.clone(), first.mechanism.clone());
        (nets.len() > 1).then_some(Kinds { workload, mechanism, value, nets })
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kinds { workload, mechanism, value, nets } = self;
        let each: Vec<String> = nets.iter().map(|(kind, net)| format!("{kind} {net}")).collect();
        write!(f, "{workload}, {mechanism}, {value}: {}", each.join(", "))?;
        for pair in nets.windows(2) {
            let [(less, from), (more, to)] = pair else { continue };
            let verdict = if from.overlaps(to) { "within the noise" } else { "beyond the noise" };
            write!(f, "; {more} − {less} {:+.0} ns, {verdict}", to.median - from.median)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipcmark_harness::record::{Identity, Launch, Measurement};

    fn cell(kind: &str, nets: [f64; 6]) -> Cell {
        let launch = |&net: &f64| Launch {
            batches_ns: vec![net + 300.0],
            operations: 1,
            facts: BTreeMap::from([("net_ns".to_owned(), net)]),
            ..Launch::default()
        };
        let identity = Identity {
            id: format!("switch/{kind}/same-cpu/block/futex-ring/0B-2parties"),
            mechanism: "futex-ring".into(),
            workload: "switch".into(),
            setup: serde_json::json!({"peer": kind}).as_object().cloned().unwrap_or_default(),
            ..Identity::default()
        };
        let measurement = Measurement {
            launches: nets.iter().map(launch).collect(),
            histogram: Err("none".into()),
            bytes_per_operation: None,
            verification: None,
            conditions: BTreeMap::new(),
            notes: Vec::new(),
        };
        Cell::measured(identity, measurement)
    }

    #[test]
    fn kinds_are_told_apart_where_their_intervals_do_not_overlap() {
        let cells = [
            cell("process", [1100.0, 1101.0, 1102.0, 1103.0, 1104.0, 1105.0]),
            cell("thread", [900.0, 901.0, 902.0, 903.0, 904.0, 905.0]),
            cell("clone-vm", [898.0, 903.0, 904.0, 905.0, 906.0, 910.0]),
        ];
        let found = of_switches(&cells);
        let said: Vec<String> = found.iter().map(Kinds::to_string).collect();
        assert_eq!(said.len(), 1);
        assert!(
            said[0].starts_with("switch, futex-ring, 0B-2parties: thread 902 ns (900 – 905), clone-vm"),
            "{said:?}"
        );
        assert!(said[0].contains("clone-vm − thread +2 ns, within the noise"), "{said:?}");
        assert!(said[0].contains("process − clone-vm +198 ns, beyond the noise"), "{said:?}");
    }

    #[test]
    fn one_kind_alone_is_compared_with_nothing() {
        assert_eq!(of_switches(&[cell("thread", [1.0; 6])]), []);
    }
}
