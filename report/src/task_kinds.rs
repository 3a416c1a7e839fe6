//! How the kinds of task differ: what a switch takes beyond its calls between threads, between processes of one address space
//! and between forked ones, and whether that is more than noise.
//!
//! Read from records alone. Each launch has its own net figure; their median and its interval are taken as those of times
//! are. Two kinds are told apart where their intervals do not overlap.

use std::collections::BTreeMap;
use std::fmt;

use ipcmark_harness::estimate::{Estimate, estimate};
use ipcmark_harness::record::{Cell, LaunchSummary, Outcome};

use crate::grouping::grouped;
use crate::words::{Figures, time};

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
        let Estimate { point_ns, interval, .. } = of_launches(cell, "net_ns")?;
        Some(Net { median: point_ns, low: interval.low, high: interval.high })
    }

    /// Whether the interval leaves out that there is nothing.
    fn is_something(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }

    fn overlaps(&self, other: &Net) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

/// The median of a fact across launches, with its interval; none where they do not have it.
pub(crate) fn of_launches(cell: &Cell, fact: &str) -> Option<Estimate> {
    let value = |launch: &LaunchSummary| Some(vec![*launch.facts.get(fact)?]);
    estimate(&cell.per_launch.iter().filter_map(value).collect::<Vec<_>>())
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = Figures::new(self.median, Some([self.low, self.high]));
        let said = match (self.is_something(), &figures.interval) {
            (false, Some([low, high])) => format!("not told apart from none ({low} – {high} {})", figures.unit),
            _ => figures.to_string(),
        };
        f.write_str(&said.replace('-', "−"))
    }
}

/// What is known of the net cost of a cell, in words: the cost with its interval across launches, or that it is not told apart from
/// none. None: the cell has no net cost.
#[must_use]
pub fn net_said(cell: &Cell) -> Option<String> {
    Net::of(cell).map(|net| net.to_string())
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

/// What one kind takes more than another, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The kind that has less of its own.
    pub less: &'static str,
    /// The other.
    pub more: &'static str,
    /// How much longer the other takes.
    pub ns: f64,
    /// Whether their intervals do not overlap.
    pub beyond_noise: bool,
}

/// Every set of cells of which at least two kinds of task were measured.
pub fn of_switches<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> Vec<Kinds> {
    let netted = |cell: &&Cell| cell.outcome == Outcome::Measured && cell.facts.contains_key("net_ns");
    let sets = grouped(cells.into_iter().filter(netted), |cell| {
        let rest: Vec<String> =
            cell.setup.iter().filter(|(key, _)| *key != "peer").map(|(key, value)| format!("{key}={value}")).collect();
        (cell.workload.as_str(), cell.mechanism.as_str(), rest)
    });
    sets.iter().filter_map(|(_, set)| Kinds::of(set)).collect()
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

impl Kinds {
    /// What the tasks did.
    #[must_use]
    pub fn mechanism(&self) -> &str {
        &self.mechanism
    }

    /// Without intervals, and with the differences that are beyond the noise alone: `switch futex-ring: thread 1.54 µs, process 1.62 µs;
    /// process − thread +76.0 ns`.
    #[must_use]
    pub fn brief(&self) -> String {
        let net = |(kind, net): &(&str, Net)| match net.is_something() {
            true => format!("{kind} {}", signed(net.median)),
            false => format!("{kind} not told apart from none"),
        };
        let nets: Vec<String> = self.nets.iter().map(net).collect();
        let beyond = self.differences().filter(|difference| difference.beyond_noise);
        let beyond: Vec<String> = beyond
            .map(|Difference { less, more, ns, .. }| format!("; {more} − {less} {}", signed_always(ns)))
            .collect();
        let others = if beyond.len() + 1 < self.nets.len() { "; no other two told apart" } else { "" };
        let others = if beyond.is_empty() { "; not told apart" } else { others };
        format!("{} {}: {}{}{others}", self.workload, self.mechanism, nets.join(", "), beyond.concat())
    }

    /// From each kind to the next one that was measured.
    pub fn differences(&self) -> impl Iterator<Item = Difference> {
        self.nets.windows(2).filter_map(|pair| {
            let [(less, from), (more, to)] = pair else { return None };
            Some(Difference { less, more, ns: to.median - from.median, beyond_noise: !from.overlaps(to) })
        })
    }
}

/// `1.54 µs`, `−3.20 ns`.
fn signed(ns: f64) -> String {
    format!("{}{}", if ns < 0.0 { "−" } else { "" }, time(ns.abs()))
}

/// `+91.0 ns`, `−3.20 ns`.
fn signed_always(ns: f64) -> String {
    format!("{}{}", if ns < 0.0 { "−" } else { "+" }, time(ns.abs()))
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kinds { workload, mechanism, value, nets } = self;
        let each: Vec<String> = nets.iter().map(|(kind, net)| format!("{kind} {net}")).collect();
        write!(f, "{workload}, {mechanism}, {value}: {}", each.join(", "))?;
        for Difference { less, more, ns, beyond_noise } in self.differences() {
            match beyond_noise {
                true => write!(f, "; {more} − {less} {}, beyond the noise", signed_always(ns))?,
                false => write!(f, "; {more} and {less} not told apart")?,
            }
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
            said[0].starts_with("switch, futex-ring, 0B-2parties: thread 902.5 ns (900.0 – 905.0), clone-vm"),
            "{said:?}"
        );
        assert!(said[0].contains("clone-vm and thread not told apart"), "{said:?}");
        assert!(said[0].contains("process − clone-vm +198 ns, beyond the noise"), "{said:?}");
        assert_eq!(
            found[0].brief(),
            "switch futex-ring: thread 902 ns, clone-vm 904 ns, process 1.10 µs; process − clone-vm +198 ns; no other two told apart"
        );
    }

    #[test]
    fn an_interval_on_both_sides_of_nothing_is_not_told_apart_from_none() {
        let net = net_said(&cell("thread", [-6718.0, -900.0, -876.0, -870.0, 100.0, 5611.0])).unwrap();
        assert_eq!(net, "not told apart from none (−6718 – 5611 ns)");
    }

    #[test]
    fn one_kind_alone_is_compared_with_nothing() {
        assert_eq!(of_switches(&[cell("thread", [1.0; 6])]), []);
    }
}
