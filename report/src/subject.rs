//! What a cell's figures are of. Where parties compete, the central value is the time by the operations of all of them, and the
//! quantiles are of how long single ones waited: neither stands under the other's name. And whose CPU time is the cost: where one
//! party polls a clock until the other is to be woken, its time is the benchmark's and not the mechanism's.

use ipcmark_harness::record::{Cell, LaunchSummary, Merge};

/// What the figures of a workload's cells are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The central value's name at the head of a column.
    pub central: &'static str,
    /// And in a sentence, behind the figure.
    pub per: &'static str,
    /// What the quantiles are of, before their names; empty: of what the central value is of.
    pub quantiles: &'static str,
    /// And in a sentence.
    pub quantiles_of: &'static str,
    cpu: Cpu,
}

/// Whose CPU time an operation costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cpu {
    All,
    /// The worker's: its peers poll until they are to do something.
    Near(&'static str),
    /// The peers': the worker polls.
    Far(&'static str),
    /// No party's: all poll until their planned times.
    Polled,
}

const PLAIN: Subject =
    Subject { central: "median", per: "per operation", quantiles: "", quantiles_of: "", cpu: Cpu::All };

const fn competing(central: &'static str, per: &'static str) -> Subject {
    Subject { central, per, quantiles: "wait", quantiles_of: "waits of single parties", cpu: Cpu::All }
}

const fn by_one_party(central: &'static str, per: &'static str) -> Subject {
    let quantiles_of = "single operations of one party";
    Subject { central, per, quantiles: "one party's", quantiles_of, cpu: Cpu::All }
}

impl Subject {
    /// Of the workload of this name; of an unknown one as of most: one operation, and the CPU time of all parties.
    #[must_use]
    pub fn of(workload: &str) -> Subject {
        match workload {
            "contended" | "oversubscribed" => competing("per acquisition", "per acquisition by any party"),
            "permits" => competing("per visit", "per visit by any party"),
            "philosophers" => competing("per meal", "per meal of any party"),
            "read-mix" => competing("per use", "per use by any party"),
            "count" => by_one_party("per addition", "per addition by any party"),
            "workers" => by_one_party("per operation", "per operation of any worker"),
            "tail" => Subject { cpu: Cpu::Polled, ..competing("mean wait", "mean wait from the planned time") },
            "wake" | "hand-off" | "priority" => Subject { cpu: Cpu::Near("waiter's"), ..PLAIN },
            "paced" => Subject { cpu: Cpu::Far("receiver's"), ..PLAIN },
            _ => PLAIN,
        }
    }

    /// Whether the quantiles are of something else than the central value.
    #[must_use]
    pub fn differs(&self) -> bool {
        !self.quantiles.is_empty()
    }

    /// `p99`, `wait p99`.
    #[must_use]
    pub fn quantile(&self, name: &str) -> String {
        if self.differs() { format!("{} {name}", self.quantiles) } else { name.to_owned() }
    }

    /// `CPU/op`, `waiter's CPU/op`.
    #[must_use]
    pub fn cpu(&self) -> String {
        match self.cpu {
            Cpu::Near(whose) | Cpu::Far(whose) => format!("{whose} CPU/op"),
            Cpu::All | Cpu::Polled => "CPU/op".to_owned(),
        }
    }

    /// `of all parties`, `of the waiter`.
    #[must_use]
    pub fn cpu_of(&self) -> String {
        match self.cpu {
            Cpu::Near(whose) | Cpu::Far(whose) => format!("of the {}", whose.trim_end_matches("'s")),
            Cpu::All | Cpu::Polled => "of all parties".to_owned(),
        }
    }
}

/// CPU time an operation costs, in ns, of those whose time is a cost ([`Subject::cpu_of`]).
#[must_use]
pub fn cpu_ns_per_op(cell: &Cell) -> Option<f64> {
    let cpu = cell.cpu_ns_per_op?;
    match Subject::of(&cell.workload).cpu {
        Cpu::All => Some(cpu.near + cpu.far),
        Cpu::Near(_) => Some(cpu.near),
        Cpu::Far(_) => Some(cpu.far),
        Cpu::Polled => None,
    }
}

/// A fact of the cell: of its launches as [`Merge`] says, since earlier versions took the median of whatever it was.
#[must_use]
pub fn fact(cell: &Cell, name: &str) -> Option<f64> {
    let value = |launch: &LaunchSummary| launch.facts.get(name).copied();
    let launches: Vec<f64> = cell.per_launch.iter().filter_map(value).collect();
    Merge::of(name).of_all(&launches).or_else(|| cell.facts.get(name).copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paired::testing::cell_of_launches;
    use ipcmark_harness::record::CpuTimes;

    #[test]
    fn quantiles_of_something_else_have_a_name_of_their_own() {
        let lock = Subject::of("contended");
        assert_eq!((lock.central, lock.quantile("p99").as_str()), ("per acquisition", "wait p99"));
        let trip = Subject::of("round-trip");
        assert_eq!((trip.central, trip.quantile("p99").as_str()), ("median", "p99"));
    }

    #[test]
    fn the_cost_of_a_wake_up_is_the_waiters_and_not_the_notifiers_polling() {
        let mut cell = cell_of_launches("futex", &[1000.0; 6]);
        cell.cpu_ns_per_op = Some(CpuTimes { near: 3000.0, far: 10e6, ..CpuTimes::default() });
        for (workload, cost, of) in [
            ("round-trip", Some(10e6 + 3000.0), "of all parties"),
            ("wake", Some(3000.0), "of the waiter"),
            ("paced", Some(10e6), "of the receiver"),
            ("tail", None, "of all parties"),
        ] {
            cell.workload = workload.into();
            assert_eq!((cpu_ns_per_op(&cell), Subject::of(workload).cpu_of().as_str()), (cost, of), "{workload}");
        }
    }

    #[test]
    fn a_longest_wait_is_the_longest_of_the_launches_in_records_of_earlier_versions_too() {
        let mut cell = cell_of_launches("lock", &[100.0; 3]);
        for (launch, ns) in cell.per_launch.iter_mut().zip([13.7e6, 28.1e6, 2.0e6]) {
            launch.facts.insert("longest_wait_ns".into(), ns);
        }
        cell.facts.insert("longest_wait_ns".into(), 13.7e6);
        assert_eq!(fact(&cell, "longest_wait_ns"), Some(28.1e6));
        cell.per_launch.clear();
        assert_eq!(fact(&cell, "longest_wait_ns"), Some(13.7e6));
    }
}
