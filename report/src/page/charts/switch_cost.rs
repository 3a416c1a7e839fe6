//! Switches against what each task touches.

use super::{Chart, Drawing};
use crate::page::axis::size;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

pub(super) const CHART: Chart = Chart {
    anchor: "switch",
    title: "Switch cost against working set",
    reads: "Net is what remains of the gross cost of one switch when the same calls without a switch (overhead) are \
            taken away. Threads, processes and processes that share an address space (clone-vm) run the \
            same code. They differ by more than noise where their intervals across launches do not overlap.",
    needs: "`switch-touch` or `switch-touch-shared` with several working sets",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["switch-touch", "switch-touch-shared"],
    along: "memory_bytes",
    place: |value| value,
    x_title: "working set of each task",
    x_label: size,
    follows: followed::SWITCH,
    peers_together: true,
    tells: Tells::Kinds,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
