//! Wake-ups after a pause.

use super::{Chart, Drawing};
use crate::page::axis::round_time;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Followed, Sweep, logarithmic};

pub(super) const CHART: Chart = Chart {
    anchor: "idle-gap",
    title: "Wake-up latency against idle time",
    reads: "How long a wake-up takes after nothing has happened for a while: what rare messages cost, which back-to- \
            back benchmarks hide.",
    needs: "`wake` or `hand-off` after several idle times",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["wake", "hand-off"],
    along: "idle_ns",
    x_title: "idle before",
    x_label: round_time,
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
