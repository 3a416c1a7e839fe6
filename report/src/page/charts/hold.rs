//! Locks against how long they are held.

use super::{Chart, Drawing};
use crate::crossover;
use crate::page::axis::round_time;
use crate::page::clean;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Followed, Sweep, logarithmic};

pub(super) const CHART: Chart = Chart {
    anchor: "lock-hold",
    title: "Locks against hold time",
    reads: "Time of one acquisition by any of the parties, the inverse of their throughput, as the section under the lock grows. \
            A dashed line marks where the fastest lock changes.",
    needs: "`contended` with several hold times",
    draw,
};

/// Crossovers told for one machine.
const MOST_SAID: usize = 6;

const SWEEP: Sweep = Sweep {
    workloads: &["contended"],
    along: "hold_ns",
    x_title: "held for",
    x_label: round_time,
    follows: &[Followed { key: "est", title: "time of one operation", scale: logarithmic, label: round_time }],
    peers_together: false,
    crossings: true,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    let mut drawing = sweep::draw(sheet, &SWEEP)?;
    for machine in sheet.drawn().map(|machine| &sheet.machines[machine]) {
        let crossovers = crossover::of_locks(&machine.source.record.cells);
        let said = crossovers.iter().filter(|found| found.is_at_one_place()).take(MOST_SAID).map(|found| {
            match sheet.machines.len() {
                1 => clean(&found.to_string()),
                _ => format!("{}: {}", machine.label, clean(&found.to_string())),
            }
        });
        drawing.remarks.extend(said);
    }
    Some(drawing)
}
