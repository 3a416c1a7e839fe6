//! What stands in a line of a table, and in which order columns are added as there is room.

use ipcmark_harness::histogram::Quantiles;
use ipcmark_harness::record::{Cell, NearFar};
use ipcmark_report::paired::PairedRatio;
use ipcmark_report::ranking::{Ranked, is_floor};
use ipcmark_report::remarks::first_beyond_steady;
use ipcmark_report::subject::{cpu_ns_per_op, fact};
use ipcmark_report::words::{self, Figures, figure, time};

/// A figure of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Column {
    Rank,
    First,
    Median,
    Interval,
    Ratio,
    RatioInterval,
    P99,
    P999,
    Max,
    Rate,
    Cpu,
    Fairness,
    LongestWait,
    Switches,
    Throughput,
    Grade,
    Tail,
}

impl Column {
    /// From left to right.
    pub(super) const ALL: [Column; 17] = [
        Column::Rank,
        Column::First,
        Column::Median,
        Column::Interval,
        Column::Ratio,
        Column::RatioInterval,
        Column::P99,
        Column::P999,
        Column::Max,
        Column::Rate,
        Column::Cpu,
        Column::Fairness,
        Column::LongestWait,
        Column::Switches,
        Column::Throughput,
        Column::Grade,
        Column::Tail,
    ];

    /// Those that every table has.
    pub(super) const ESSENTIAL: [Column; 4] = [Column::Median, Column::Interval, Column::Ratio, Column::Grade];

    /// Those that are added as there is room, in this order.
    pub(super) const FURTHER: [Column; 11] = [
        Column::Rank,
        Column::RatioInterval,
        Column::First,
        Column::P99,
        Column::Tail,
        Column::Fairness,
        Column::LongestWait,
        Column::Cpu,
        Column::Throughput,
        Column::P999,
        Column::Switches,
    ];

    /// Those that are added only where they are asked for.
    pub(super) const WIDE: [Column; 2] = [Column::Max, Column::Rate];

    pub(super) fn head(self) -> &'static str {
        match self {
            Column::Rank => "rank",
            Column::First => "first",
            Column::Median => "median",
            Column::Interval => "interval",
            Column::Ratio => "ratio",
            Column::RatioInterval => "of ratio",
            Column::P99 => "p99",
            Column::P999 => "p99.9",
            Column::Max => "max",
            Column::Rate => "ops/s",
            Column::Cpu => "CPU/op",
            Column::Fairness => "fairness",
            Column::LongestWait => "longest",
            Column::Switches => "switches/op",
            Column::Throughput => "MB/s",
            Column::Grade => "grade",
            Column::Tail => "tail",
        }
    }

    /// Words begin at the left, figures end at the right.
    pub(super) fn is_right(self) -> bool {
        !matches!(self, Column::Grade | Column::Tail)
    }

    /// Whether it is of single operations: those may be of something else than the central value.
    pub(super) fn is_of_quantile(self) -> bool {
        matches!(self, Column::P99 | Column::P999 | Column::Max)
    }

    /// What stands in it; empty where the cell has none. `marks` lead to the notes.
    pub(super) fn text(self, row: &Ranked<'_>, marks: &str) -> String {
        let cell = row.cell;
        let figures = || cell.estimate_ns.map(|ns| Figures::short(ns, cell.interval_ns));
        let interval = |figures: Figures| figures.interval.map(|[low, high]| format!("{low}–{high}"));
        let text = match self {
            Column::Rank => Some(rank(row)),
            Column::First => first_beyond_steady(cell).map(|(first, _)| time(first)),
            Column::Median => figures().map(|f| format!("{} {}", f.value, f.unit)),
            Column::Interval => figures().and_then(interval),
            Column::Ratio => Some(ratio(row)),
            Column::RatioInterval => row.ratio.as_ref().map(of_ratio),
            Column::P99 => quantile(cell, |q| q.p99),
            Column::P999 => quantile(cell, |q| q.p999),
            Column::Max => quantile(cell, |q| q.max),
            Column::Rate => cell.operations_per_s.map(|rate| words::scaled(rate).trim_end().to_owned()),
            Column::Cpu => cpu_ns_per_op(cell).map(time),
            Column::Fairness => cell.fairness.map(|index| format!("{index:.3}")),
            Column::LongestWait => fact(cell, "longest_wait_ns").map(time),
            Column::Switches => switches(cell),
            Column::Throughput => cell.bytes_per_s.map(|bytes| figure(bytes / 1e6, 3)),
            Column::Grade => cell
                .grade
                .as_ref()
                .map(|grade| format!("{}{marks}", grade.letter))
                .or_else(|| (!marks.is_empty()).then(|| format!("–{marks}"))),
            Column::Tail => cell.grade.as_ref().and_then(|grade| grade.tail).map(|tail| tail.to_string()),
        };
        text.unwrap_or_default()
    }
}

pub(super) fn quantile(cell: &Cell, of: fn(&Quantiles) -> Option<u64>) -> Option<String> {
    cell.quantiles_ns.as_ref().and_then(of).map(|ns| time(ns as f64))
}

pub(super) fn rank(row: &Ranked<'_>) -> String {
    match row.rank {
        Some(rank) => rank.to_string(),
        None if is_floor(row.cell) => "floor".into(),
        None => String::new(),
    }
}

/// Three digits; `=` where the cell is not told apart from the fastest.
fn ratio(row: &Ranked<'_>) -> String {
    let shares_first = row.rank.is_some_and(|rank| rank.place == 1 && rank.shared);
    let value = match &row.ratio {
        _ if row.is_reference => "1".to_owned(),
        Some(ratio) => figure(ratio.value, 3),
        None => return if is_floor(row.cell) { "floor".to_owned() } else { String::new() },
    };
    format!("{}{value}", if shares_first { "=" } else { "" })
}

/// `0.98–1.01 A`.
fn of_ratio(ratio: &PairedRatio) -> String {
    let interval = Figures::plain(ratio.value, ratio.interval).interval;
    let interval = interval.map_or_else(String::new, |[low, high]| format!("{low}–{high} "));
    format!("{interval}{}", ratio.grade.letter)
}

/// Voluntary and involuntary together, of all parties: on one CPU about half of the real ones are booked as involuntary.
pub(super) fn switches(cell: &Cell) -> Option<String> {
    let both = |of: Option<NearFar<f64>>| of.map(|s| s.near + s.far);
    let sum = both(cell.voluntary_switches_per_op).zip(both(cell.involuntary_switches_per_op)).map(|(a, b)| a + b);
    sum.map(|switches| format!("{switches:.2}"))
}
