//! Switches against what each task touches.

use super::{Chart, Drawing};
use crate::page::axis::{round_time, size};
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Followed, Sweep, logarithmic};

pub(super) const CHART: Chart = Chart {
    anchor: "switch",
    title: "Switch cost against working set",
    reads: "Net is what remains of the gross cost of one switch when the same calls without a switch (overhead) are \
            taken away. Threads, processes and processes that share an address space run the same code.",
    needs: "`switch-touch` or `switch-touch-shared` with several working sets",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["switch-touch", "switch-touch-shared"],
    along: "memory_bytes",
    x_title: "working set of each task",
    x_label: size,
    follows: &[
        Followed { key: "fact.net_ns", title: "net cost of a switch", scale: logarithmic, label: round_time },
        Followed { key: "est", title: "gross cost of a switch", scale: logarithmic, label: round_time },
        Followed { key: "fact.overhead_ns", title: "overhead without a switch", scale: logarithmic, label: round_time },
    ],
    peers_together: true,
    crossings: false,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
