//! Whether all launches of a cell were scheduled alike: those of a resumed run may not have been.

use crate::grade::Letter;
use crate::machine::Scheduling;
use crate::record::{Cell, NearFar};

/// A median over launches of different policies, nice values or CPUs is of none of them.
#[must_use]
pub fn of_scheduling(cell: &Cell) -> Option<(Letter, String)> {
    let first = cell.per_launch.first()?;
    let other = cell.per_launch.iter().find(|launch| launch.scheduling != first.scheduling)?;
    let (one, other) = (words(first.scheduling.as_ref()), words(other.scheduling.as_ref()));
    Some((Letter::D, format!("launches were scheduled differently: {one}; {other}")))
}

fn words(parties: Option<&NearFar<Vec<Scheduling>>>) -> String {
    let Some(parties) = parties else { return "as the run when it started".into() };
    let list = |all: &[Scheduling]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let far = if parties.far.is_empty() { String::new() } else { format!(", far {}", list(&parties.far)) };
    format!("near {}{far}", list(&parties.near))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Identity, Launch, Measurement};

    fn cell(nice: &[Option<i64>]) -> Cell {
        let scheduling =
            |nice: i64| NearFar { near: vec![Scheduling { nice, ..Scheduling::default() }], far: Vec::new() };
        let launch = |nice: &Option<i64>| Launch {
            batches_ns: vec![10.0],
            operations: 1,
            scheduling: nice.map(scheduling),
            ..Launch::default()
        };
        let measurement = Measurement {
            launches: nice.iter().map(launch).collect(),
            histogram: Err("none".into()),
            bytes_per_operation: None,
            verification: None,
            conditions: Default::default(),
            notes: Vec::new(),
        };
        Cell::measured(Identity::default(), measurement)
    }

    #[test]
    fn launches_that_were_scheduled_differently_make_a_d() {
        let (letter, why) = of_scheduling(&cell(&[None, Some(5)])).unwrap();
        assert!(letter == Letter::D && why.contains("nice 5"), "{why}");
        assert!(of_scheduling(&cell(&[Some(3), Some(5)])).is_some());
        assert_eq!(of_scheduling(&cell(&[Some(5), Some(5)])), None);
        assert_eq!(of_scheduling(&cell(&[None, None])), None);
    }
}
