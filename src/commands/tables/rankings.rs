//! The groups for programs: what the tables say, unrounded.

use ipcmark_harness::record::Cell;
use ipcmark_report::paired::RunContext;
use ipcmark_report::ranking::Ranked;
use serde::Serialize;

use super::Shown;
use super::groups::{Group, groups};

/// One group.
#[derive(Debug, Serialize)]
pub(in super::super) struct Ranking {
    workload: String,
    conditions: String,
    cells: Vec<RankedCell>,
}

#[derive(Debug, Serialize)]
struct RankedCell {
    id: String,
    /// Absent for a floor, and where there are too few launches.
    rank: Option<usize>,
    shared: bool,
    reference: bool,
    ratio: Option<ipcmark_report::paired::PairedRatio>,
}

/// All groups, in the order of their workloads.
pub(in super::super) fn rankings<'a>(run: impl Into<RunContext<'a>>, cells: &[Cell], shown: Shown<'_>) -> Vec<Ranking> {
    let cell = |row: Ranked<'_>| RankedCell {
        id: row.cell.id.clone(),
        rank: row.rank.map(|rank| rank.place),
        shared: row.rank.is_some_and(|rank| rank.shared),
        reference: row.is_reference,
        ratio: row.ratio,
    };
    let ranking = |group: Group<'_>| Ranking {
        workload: group.workload.to_owned(),
        conditions: group.conditions,
        cells: group.rows.into_iter().map(cell).collect(),
    };
    groups(run.into(), cells, shown.reference).into_iter().map(ranking).collect()
}
