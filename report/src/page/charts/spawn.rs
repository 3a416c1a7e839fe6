//! Births against the memory of the parent.

use super::{Chart, Drawing};
use crate::page::axis::{round_time, size};
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Followed, Sweep, logarithmic};

pub(super) const CHART: Chart = Chart {
    anchor: "spawn",
    title: "Spawn cost against resident size",
    reads: "From the call that creates a task to its end being noticed, as the memory that the parent has resident \
            grows: page tables are copied, or not.",
    needs: "`spawn` with several resident sizes",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["spawn"],
    along: "memory_bytes",
    x_title: "resident in the parent",
    x_label: size,
    follows: &[
        Followed { key: "est", title: "time of one operation", scale: logarithmic, label: round_time },
        Followed { key: "p99", title: "p99 of single operations", scale: logarithmic, label: round_time },
    ],
    peers_together: false,
    crossings: false,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
