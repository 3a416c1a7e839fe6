//! Wake-ups after a pause.

use super::{Chart, Drawing};
use crate::page::axis::round_time;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

pub(super) const CHART: Chart = Chart {
    anchor: "idle-gap",
    title: "Wake-up latency against idle time",
    reads: "How long a wake-up takes after nothing has happened for a while: what rare messages cost, which \
            back-to-back benchmarks hide.",
    needs: "`wake` or `hand-off` after several idle times",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["wake", "hand-off"],
    along: "idle_ns",
    place: |value| value,
    x_title: "idle before",
    x_label: round_time,
    follows: followed::TIME_AND_TAIL,
    peers_together: false,
    tells: Tells::Nothing,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
