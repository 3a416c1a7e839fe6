//! Locks against how long they are held.

use super::{Chart, Drawing};
use crate::page::axis::round_time;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

pub(super) const CHART: Chart = Chart {
    anchor: "lock-hold",
    title: "Locks against hold time",
    reads: "Time of one acquisition by any of the parties, the inverse of their throughput, as the section under the lock grows. \
            A dashed line marks where a mutex overtakes a spinlock, or the other way round; the band is its interval.",
    needs: "`contended` with several hold times",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["contended"],
    along: "hold_ns",
    place: |value| value,
    x_title: "held for",
    x_label: round_time,
    follows: followed::TIME,
    peers_together: false,
    tells: Tells::Locks,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
