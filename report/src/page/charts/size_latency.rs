//! Round trips against the size of the message.

use super::{Chart, Drawing};
use crate::page::axis::size;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

pub(super) const CHART: Chart = Chart {
    anchor: "size-latency",
    title: "Latency against message size",
    reads: "Both axes are logarithmic. A dashed line marks where the fastest mechanism changes, if both are clear of \
            each other's intervals at the sizes on either side; the band is its interval.",
    needs: "`round-trip` with several message sizes",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["round-trip"],
    along: "payload_bytes",
    place: |value| value,
    x_title: "message size",
    x_label: size,
    follows: followed::TIME,
    peers_together: false,
    tells: Tells::Fastest,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
