//! Locks against how long they are held.

use super::{Chart, Drawing};
use crate::page::axis::round_time;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Followed, Sweep, logarithmic};

pub(super) const CHART: Chart = Chart {
    anchor: "lock-hold",
    title: "Lock throughput against hold time",
    reads: "Time of one acquisition as the section under the lock grows. A dashed line marks where the fastest lock \
            changes.",
    needs: "`contended` with several hold times",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["contended"],
    along: "hold_ns",
    x_title: "held for",
    x_label: round_time,
    follows: &[
        Followed { key: "est", title: "time of one operation", scale: logarithmic, label: round_time },
    ],
    peers_together: false,
    crossings: true,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
