//! Streams against the size of the message.

use super::{Chart, Drawing};
use crate::page::axis::size;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

pub(super) const CHART: Chart = Chart {
    anchor: "size-bandwidth",
    title: "Bandwidth against message size",
    reads: "Payload that arrives in a second when the sender never waits for an answer. Both axes are logarithmic; \
            higher is better. A dashed line marks where the fastest mechanism changes; the band is its interval.",
    needs: "`stream` with several message sizes",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["stream"],
    along: "payload_bytes",
    place: |value| value,
    x_title: "message size",
    x_label: size,
    follows: followed::BANDWIDTH,
    peers_together: false,
    tells: Tells::Fastest,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
