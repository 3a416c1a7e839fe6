//! Memory accesses against how much memory there is.

use super::{Chart, Drawing};
use crate::page::axis::{round_time, size};
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Followed, Sweep, logarithmic};

pub(super) const CHART: Chart = Chart {
    anchor: "memory",
    title: "Memory against working set",
    reads: "What one access, or one first touch, costs as the memory it is spread over outgrows caches and page- \
            table caches.",
    needs: "`chase` or `first-touch` with several sizes",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["chase", "first-touch"],
    along: "memory_bytes",
    x_title: "memory",
    x_label: size,
    follows: &[Followed { key: "est", title: "time of one operation", scale: logarithmic, label: round_time }],
    peers_together: false,
    crossings: false,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
