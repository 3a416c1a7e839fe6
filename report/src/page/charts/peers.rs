//! One against many.

use super::{Chart, Drawing};
use crate::page::axis::{plain, round_time};
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Followed, Sweep, logarithmic};

pub(super) const CHART: Chart = Chart {
    anchor: "peers",
    title: "Many writers, many readers",
    reads: "What one message costs as more peers write to, or read from, the same channel.",
    needs: "`fan-in` or `fan-out` with several numbers of peers",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["fan-in", "fan-out"],
    along: "parties",
    x_title: "parties",
    x_label: plain,
    follows: &[Followed { key: "est", title: "time of one operation", scale: logarithmic, label: round_time }],
    peers_together: false,
    crossings: false,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
