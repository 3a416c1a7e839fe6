//! Round trips by mechanism.

use super::{Chart, Drawing};
use crate::page::dots;
use crate::page::facets::{groups, largest};
use crate::page::sheet::{Sheet, setup_number};

pub(super) const CHART: Chart = Chart {
    anchor: "latency",
    title: "Latency by mechanism",
    reads: "A small message there and back again, fastest first, on a logarithmic scale, a panel for each size. The wide bar is the interval of the median \
            across launches; the thin one reaches to the tail of single operations. `null` does nothing: the floor that all others \
            are read against. At the right the rank: mechanisms that share one (`=`) are not told apart from the fastest of \
            them, by all ratios of the group together, of launches paired by round.",
    needs: "`round-trip` with messages of at most 64 bytes",
    draw,
};

const SMALL_BYTES: f64 = 64.0;
const MOST_GROUPS: usize = 8;

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    let size = |cell: usize| setup_number(sheet.cells[cell], "payload_bytes").unwrap_or(0.0);
    let small = |cell: &usize| [0.0, SMALL_BYTES].contains(&size(*cell));
    let cells: Vec<usize> = sheet.of_workload("round-trip").into_iter().filter(small).collect();
    let (groups, left_out) = largest(groups(sheet, &cells, &[]), |group| group.cells.len(), MOST_GROUPS);
    dots::draw(sheet, &groups, left_out)
}
