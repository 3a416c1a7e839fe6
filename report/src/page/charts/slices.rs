//! Time slices.

use super::{Chart, Drawing};
use crate::page::axis::round_time;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

pub(super) const CHART: Chart = Chart {
    anchor: "slices",
    title: "Forced switches against the time slice",
    reads: "Time of one unit of work where a task must leave the CPU at every end of a slice: what short slices cost.",
    needs: "`time-slice` with several slices",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["time-slice"],
    along: "quantum_ns",
    place: |value| value,
    x_title: "a task leaves the CPU every",
    x_label: round_time,
    follows: followed::TIME,
    peers_together: false,
    tells: Tells::Nothing,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
