//! Locks against how many want them.

use super::{Chart, Drawing};
use crate::page::axis::{plain, rate};
use crate::page::sheet::Sheet;
use crate::page::sweep::{self, Followed, Sweep, logarithmic};

pub(super) const CHART: Chart = Chart {
    anchor: "lock-threads",
    title: "Lock throughput against parties",
    reads: "Acquisitions a second by all parties together; higher is better. A lock that scales is a level line.",
    needs: "`contended` with several numbers of parties",
    draw,
};

const SWEEP: Sweep = Sweep {
    workloads: &["contended", "oversubscribed"],
    along: "parties",
    x_title: "parties",
    x_label: plain,
    follows: &[Followed { key: "ops", title: "acquisitions per second, all parties", scale: logarithmic, label: rate }],
    peers_together: false,
    crossings: false,
};

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    sweep::draw(sheet, &SWEEP)
}
