//! Births against the memory of the parent.

use super::{Chart, Drawing};
use crate::page::axis::size;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

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
    place: |value| value,
    x_title: "resident in the parent",
    x_label: size,
    follows: followed::TIME_AND_TAIL,
    peers_together: false,
    tells: Tells::Nothing,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
