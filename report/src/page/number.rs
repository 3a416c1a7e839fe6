//! A number of a record on its way to the page: which it is, its value as recorded, and how it is written.
//!
//! Each is addressed by machine, cell and key, `0.17.p99`. Every element that shows it has the unrounded value in `data-v`, and the
//! address in `data-n`; but for its own place, the list of all numbers, where its anchor says it: an `n` and the address.

use ipcmark_harness::record::{Cell, NearFar};
use maud::{Markup, html};

use crate::remarks::first_beyond_steady;
use crate::subject::{Subject, cpu_ns_per_op, fact};
use crate::words::{figure, scaled, time};

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Number {
    /// Machine, cell and key: `0.17.p99`.
    pub(super) address: String,
    /// As recorded.
    pub(super) value: f64,
    /// As written: three digits with the unit.
    pub(super) text: String,
    /// What it is, in words: `p99`, or `wait p99` where quantiles are of waits.
    pub(super) heading: String,
}

impl Number {
    pub(super) fn new(machine: usize, cell: usize, key: &str, value: f64) -> Self {
        let (address, text) = (format!("{machine}.{cell}.{key}"), text(key, value));
        Self { address, value, text, heading: heading(key, Subject::of("")) }
    }

    /// The same as a number of this workload.
    pub(super) fn of(self, workload: &str, key: &str) -> Self {
        Self { heading: heading(key, Subject::of(workload)), ..self }
    }

    /// A table's entry.
    pub(super) fn entry(&self) -> Markup {
        html! { td data-n=(self.address) data-v=(self.value) { (self.text) } }
    }
}

/// What a key means where figures are of this, in the words of a column's head.
pub(super) fn heading(key: &str, subject: Subject) -> String {
    match key {
        "est" => subject.central.to_owned(),
        "first" => "first 20 ms".to_owned(),
        "p999" => subject.quantile("p99.9"),
        "p50" | "p90" | "p99" | "max" => subject.quantile(key),
        "cpu" => subject.cpu(),
        "sw" => "switches/op".to_owned(),
        "bps" => "bytes/s".to_owned(),
        "ops" => "ops/s".to_owned(),
        "jain" => "fairness".to_owned(),
        other => other.strip_prefix("fact.").unwrap_or(other).to_owned(),
    }
}

/// The keys that the list of all numbers has a column for.
pub(super) const COLUMNS: [&str; 14] =
    ["est", "low", "high", "first", "p50", "p90", "p99", "p999", "max", "cpu", "sw", "bps", "ops", "jain"];

/// The value of a key, if the cell has it. `fact.…` and `share.…` name members; points of spectra (`q.…`) are read from histograms
/// elsewhere, as decoding one takes time.
pub(super) fn value(cell: &Cell, key: &str) -> Option<f64> {
    let quantiles = cell.quantiles_ns.as_ref();
    let both = |of: Option<NearFar<f64>>| of.map(|pair| pair.near + pair.far);
    match key {
        "est" => cell.estimate_ns,
        "low" => cell.interval_ns.map(|[low, _]| low),
        "high" => cell.interval_ns.map(|[_, high]| high),
        "first" => first_beyond_steady(cell).map(|(first, _)| first),
        "p50" => quantiles?.p50.map(|ns| ns as f64),
        "p90" => quantiles?.p90.map(|ns| ns as f64),
        "p99" => quantiles?.p99.map(|ns| ns as f64),
        "p999" => quantiles?.p999.map(|ns| ns as f64),
        "max" => quantiles?.max.map(|ns| ns as f64),
        "cpu" => cpu_ns_per_op(cell),
        // Of the real switches on one CPU about half are booked as involuntary.
        "sw" => Some(both(cell.voluntary_switches_per_op)? + both(cell.involuntary_switches_per_op)?),
        "bps" => cell.bytes_per_s,
        "ops" => cell.operations_per_s,
        "jain" => cell.fairness,
        _ => match key.split_once('.')? {
            ("fact", name) => fact(cell, name),
            ("share", place) => cell.shares.as_ref()?.get(place.parse::<usize>().ok()?).map(|&share| share as f64),
            _ => None,
        },
    }
}

/// A value as the page writes it.
pub(super) fn text(key: &str, value: f64) -> String {
    match key {
        "bps" => format!("{}B/s", scaled(value)),
        "ops" => format!("{}/s", scaled(value)),
        "jain" => format!("{value:.3}"),
        "sw" => figure(value, 3),
        _ if key.starts_with("share.") => format!("{value:.0}"),
        _ if key.starts_with("fact.") && !key.ends_with("_ns") => figure(value, 3),
        _ if key.starts_with("ratio") => format!("{}×", figure(value, 3)),
        _ => time(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_from_the_key() {
        let said = |key, value| text(key, value);
        assert_eq!(said("est", 5432.1), "5.43 µs");
        assert_eq!(said("bps", 1.5e9), "1.50 GB/s");
        assert_eq!(said("ops", 999.0), "999 /s");
        assert_eq!(said("jain", 0.98765), "0.988");
        assert_eq!(said("fact.net_ns", 812.0), "812 ns");
        assert_eq!(said("fact.delivered_per_s", 1000.0), "1000");
        assert_eq!(said("ratio.0", 1.5), "1.50×");
    }
}
