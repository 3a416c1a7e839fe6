//! What charts follow: the numbers that a panel of its own is drawn for, and their intervals.

use ipcmark_harness::record::Cell;

use super::axis::{bytes_per_s, rate, round_time};
use super::scale::Scale;
use crate::task_kinds::of_launches;

/// What is followed.
pub(super) struct Followed {
    /// The number's key.
    pub(super) key: &'static str,
    /// Its title.
    pub(super) title: &'static str,
    /// Its scale and how a value is written at the axis.
    pub(super) scale: fn(&[f64]) -> Option<Scale>,
    pub(super) label: fn(f64) -> String,
}

const fn time(key: &'static str, title: &'static str) -> Followed {
    Followed { key, title, scale: logarithmic, label: round_time }
}

const MEDIAN: Followed = time("est", "time of one operation");

/// How long one operation takes.
pub(super) const TIME: &[Followed] = &[MEDIAN];
/// The same, and how long the slowest take.
pub(super) const TIME_AND_TAIL: &[Followed] = &[MEDIAN, time("p99", "p99 of single operations")];
/// How much arrives.
pub(super) const BANDWIDTH: &[Followed] =
    &[Followed { key: "bps", title: "payload per second", scale: logarithmic, label: bytes_per_s }];
/// How often all parties together get what they compete for.
pub(super) const ACQUISITIONS: &[Followed] =
    &[Followed { key: "ops", title: "acquisitions per second, all parties", scale: logarithmic, label: rate }];
/// What a switch costs, and of what that consists.
pub(super) const SWITCH: &[Followed] = &[
    time("fact.net_ns", "net cost of a switch"),
    time("est", "gross cost of a switch"),
    time("fact.overhead_ns", "overhead without a switch"),
];

/// The scale of what spans orders of magnitude.
fn logarithmic(values: &[f64]) -> Option<Scale> {
    Scale::log(values.iter().copied(), 0.05)
}

/// Low and high ends of what is known of a followed number: of the median as recorded, of rates the same turned over, as they
/// are its inverse; of a fact that of its values in all launches. Quantiles have none.
pub(super) fn interval(cell: &Cell, key: &str) -> Option<[f64; 2]> {
    let turned = |rate: Option<f64>| {
        let ([low, high], time, rate) = (cell.interval_ns?, cell.estimate_ns?, rate?);
        Some([rate * time / high, rate * time / low])
    };
    let interval = match key {
        "est" => cell.interval_ns,
        "ops" => turned(cell.operations_per_s),
        "bps" => turned(cell.bytes_per_s),
        _ => of_launches(cell, key.strip_prefix("fact.")?).map(|found| [found.interval.low, found.interval.high]),
    };
    interval.filter(|ends| ends.iter().all(|end| end.is_finite()))
}
