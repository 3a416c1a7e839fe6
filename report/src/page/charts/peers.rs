//! One against many.

use super::{Chart, Drawing};
use crate::page::axis::plain;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

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
    place: |value| value,
    x_title: "parties",
    x_label: plain,
    follows: followed::TIME,
    peers_together: false,
    tells: Tells::Nothing,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
