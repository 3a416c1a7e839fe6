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
    reads: "Acquisitions a second as more of them only read: where a reader-writer lock begins to pay for itself.",
    needs: "`read-mix` with several shares of readers",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["read-mix"],
    along: "reads_per_mille",
    x_title: "share of reads",
    x_label: |reads| format!("{} %", plain(reads / 10.0)),
    follows: followed::ACQUISITIONS,
    peers_together: false,
    tells: Tells::Nothing,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
