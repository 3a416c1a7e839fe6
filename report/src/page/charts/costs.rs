//! One operation of every other workload by mechanism.

use super::{Chart, Drawing};
use crate::page::dots;
use crate::page::facets::{Group, groups, largest};
use crate::page::sheet::Sheet;

pub(super) const CHART: Chart = Chart {
    anchor: "costs",
    title: "Cost of one operation, by workload",
    reads: "As above, for each other workload the conditions under which most mechanisms were measured. One operation is one wake-up, one \
            acquisition, one switch, one message: what the workload's name says.",
    needs: "any workload beside `round-trip`",
    draw,
};

/// Of each workload.
const MOST_GROUPS: usize = 1;
/// There are some forty.
const MOST_WORKLOADS: usize = 100;

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    let workloads: Vec<&str> = sheet.workloads().filter(|workload| *workload != "round-trip").collect();
    let (mut drawn, mut left_out) = (Vec::new(), workloads.len().saturating_sub(MOST_WORKLOADS));
    for workload in workloads.into_iter().take(MOST_WORKLOADS) {
        let all = groups(sheet, &sheet.of_workload(workload), &[]);
        let (largest, further) = largest(all, |group| group.cells.len(), MOST_GROUPS);
        drawn.extend(
            largest.into_iter().map(|group| Group { phrase: format!("{workload}: {}", group.phrase), ..group }),
        );
        left_out += further;
    }
    dots::draw(sheet, &drawn, left_out)
}
