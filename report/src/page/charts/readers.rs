//! Reader-writer locks against the share of readers.

use super::{Chart, Drawing};
use crate::page::axis::plain;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

pub(super) const CHART: Chart = Chart {
    anchor: "readers",
    title: "Reader share",
    reads: "Acquisitions a second by all parties together, from reads alone at the left to writes alone at the right: how rare writes \
            must be before a reader-writer lock pays for itself.",
    needs: "`read-mix` with several shares of readers",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["read-mix"],
    along: "reads_per_mille",
    // What matters happens where writes become rare.
    place: |reads| 1000.0 - reads,
    x_title: "share of writes",
    x_label: |writes| format!("{} %", plain(writes / 10.0)),
    follows: followed::ACQUISITIONS,
    peers_together: false,
    tells: Tells::Nothing,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
