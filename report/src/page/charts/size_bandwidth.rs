//! Streams against the size of the message.

use super::{Chart, Drawing};
use crate::page::axis::{bytes_per_s, size};
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Followed, Sweep, logarithmic};

pub(super) const CHART: Chart = Chart {
    anchor: "size-bandwidth",
    title: "Bandwidth against message size",
    reads: "Payload that arrives in a second when the sender never waits for an answer. Both axes are logarithmic; \
            higher is better.",
    needs: "`stream` with several message sizes",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["stream"],
    along: "payload_bytes",
    x_title: "message size",
    x_label: size,
    follows: &[Followed { key: "bps", title: "payload per second", scale: logarithmic, label: bytes_per_s }],
    peers_together: false,
    crossings: false,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
