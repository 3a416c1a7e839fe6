//! Latency at a given rate.

use super::{Chart, Drawing};
use crate::page::axis::rate;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

pub(super) const CHART: Chart = Chart {
    anchor: "load",
    title: "Latency under load",
    reads: "Messages are sent at planned moments, whether or not the last one has arrived; latency counts from the \
            plan, so a stall is charged to every message that it delays.",
    needs: "`paced` or `tail` at several rates",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["paced", "tail"],
    along: "rate_per_s",
    place: |value| value,
    x_title: "operations planned per second",
    x_label: rate,
    follows: followed::TIME_AND_TAIL,
    peers_together: false,
    tells: Tells::Nothing,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
