//! Latency at a given rate.

use super::{Chart, Drawing};
use crate::page::axis::{rate, round_time};
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Followed, Sweep, logarithmic};

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
    x_title: "operations planned per second",
    x_label: rate,
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
