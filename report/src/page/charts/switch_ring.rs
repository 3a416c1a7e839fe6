//! Switches against how many tasks take turns.

use super::{Chart, Drawing};
use crate::page::axis::{plain, round_time};
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Followed, Sweep, logarithmic};

pub(super) const CHART: Chart = Chart {
    anchor: "switch-ring",
    title: "Switch cost against ring size",
    reads: "One switch as more tasks pass a token round on one CPU: address spaces that the processor can no longer tell apart, \
            and caches that no longer hold all of them, show as steps.",
    needs: "`switch` with several ring sizes",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["switch"],
    along: "parties",
    x_title: "tasks in the ring",
    x_label: plain,
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
