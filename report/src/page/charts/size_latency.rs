//! Round trips against the size of the message.

use super::{Chart, Drawing};
use crate::page::axis::{round_time, size};
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Followed, Sweep, logarithmic};

pub(super) const CHART: Chart = Chart {
    anchor: "size-latency",
    title: "Latency against message size",
    reads: "Both axes are logarithmic. A dashed line marks where the fastest mechanism changes, if both are clear of \
            each other's intervals at the sizes on either side.",
    needs: "`round-trip` with several message sizes",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["round-trip"],
    along: "payload_bytes",
    x_title: "message size",
    x_label: size,
    follows: &[Followed { key: "est", title: "time of one operation", scale: logarithmic, label: round_time }],
    peers_together: false,
    crossings: true,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
