//! Cells and a header for tests.

use std::collections::BTreeMap;

use ipcmark_harness::record::{Cell, Header, Identity, Launch, Measurement};

use crate::made_up::Run;

/// Of a record in which nothing is wrong.
pub(crate) fn header() -> Header {
    Run { cells: 1, ..Run::default() }.record().header
}

/// A cell with these launches, one a round.
pub(crate) fn cell_of_launches(mechanism: &str, launches_ns: &[f64]) -> Cell {
    let launch = |ns: &f64| Launch { batches_ns: vec![*ns], operations: 1, ..Launch::default() };
    let identity = Identity {
        id: format!("round-trip/{mechanism}"),
        mechanism: mechanism.into(),
        family: "pipe".into(),
        workload: "round-trip".into(),
        ..Identity::default()
    };
    let measurement = Measurement {
        launches: launches_ns.iter().map(launch).collect(),
        histogram: Err("none".into()),
        bytes_per_operation: None,
        verification: Some("passed".into()),
        conditions: BTreeMap::new(),
        notes: Vec::new(),
    };
    let mut cell = Cell::measured(identity, measurement);
    (1..).zip(&mut cell.per_launch).for_each(|(round, launch)| launch.round = round);
    cell
}
