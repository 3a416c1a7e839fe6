//! Switches against how many tasks take turns.

use super::{Chart, Drawing};
use crate::page::axis::plain;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

pub(super) const CHART: Chart = Chart {
    anchor: "switch-ring",
    title: "Switch cost against ring size",
    reads: "One switch as more tasks pass a token round on one CPU: address spaces that the processor can no longer tell apart, \
            and caches that no longer hold all of them, show as steps. Three tasks and more are under SCHED_BATCH, so that a hop is \
            one switch; by itself that costs more than what two tasks have, SCHED_OTHER, and is part of the first step.",
    needs: "`switch` with several ring sizes",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["switch"],
    along: "parties",
    place: |value| value,
    x_title: "tasks in the ring",
    x_label: plain,
    follows: followed::SWITCH,
    peers_together: true,
    tells: Tells::Kinds,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
