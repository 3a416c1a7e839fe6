//! Memory accesses against how much memory there is.

use super::{Chart, Drawing};
use crate::page::axis::size;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

pub(super) const CHART: Chart = Chart {
    anchor: "memory",
    title: "Memory against working set",
    reads: "What one access, or one first touch, costs as the memory it is spread over outgrows caches and \
            page-table caches.",
    needs: "`chase` or `first-touch` with several sizes",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["chase", "first-touch"],
    along: "memory_bytes",
    place: |value| value,
    x_title: "memory",
    x_label: size,
    follows: followed::TIME,
    peers_together: false,
    tells: Tells::Nothing,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
