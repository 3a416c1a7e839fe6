//! Locks against how many want them.

use super::{Chart, Drawing};
use crate::page::axis::plain;
use crate::page::followed;
use crate::page::remarks::Tells;
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Sweep};

pub(super) const CHART: Chart = Chart {
    anchor: "lock-threads",
    title: "Lock throughput against parties",
    reads: "Acquisitions a second by all parties together; higher is better. A lock that scales is a level line. \
            A dashed line marks where a mutex overtakes a spinlock, or the other way round; the band is its interval.",
    needs: "`contended` with several numbers of parties",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["contended", "oversubscribed"],
    along: "parties",
    place: |value| value,
    x_title: "parties",
    x_label: plain,
    follows: followed::ACQUISITIONS,
    peers_together: false,
    tells: Tells::Locks,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
