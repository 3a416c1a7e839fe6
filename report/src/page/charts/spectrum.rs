//! Percentile spectra: the whole distribution of single operations, as HdrHistogram's plots show it.

use maud::html;

use super::{Chart, Drawing};
use crate::page::axis::round_time;
use crate::page::facets::{Group, groups, largest};
use crate::page::marks::SERIES;
use crate::page::number::Number;
use crate::page::plot::{self, Axes, Line, Point};
use crate::page::scale::Scale;
use crate::page::sheet::{Sheet, setup_number};
use crate::page::table::{self, Row};

pub(super) const CHART: Chart = Chart {
    anchor: "spectrum",
    title: "Percentile spectra",
    reads: "How long the slowest share of single round trips takes: each step to the right is ten times as rare. A curve ends where fewer \
            than ten operations lie beyond. Where it bends upwards, something else got the CPU.",
    needs: "`round-trip` with histograms of single operations",
    draw,
};

const MOST_GROUPS: usize = 4;
/// Shares of operations that take longer.
const BEYOND: [f64; 16] = [0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5, 1e-6];
/// So many operations must lie beyond a quantile before it is told, as in the record's own quantiles.
const LEAST_BEYOND: f64 = 10.0;

/// What is drawn of one group: for each machine its lines.
type Machines = Vec<(usize, Vec<Line>)>;
/// The points of one cell: share beyond, and the time that it takes at least.
type Spectrum = Vec<(f64, u64)>;

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    let small = |cell: &usize| {
        setup_number(sheet.cells[*cell], "payload_bytes").is_none_or(|bytes| [0.0, 64.0].contains(&bytes))
    };
    let told =
        |cell: &usize| sheet.drawn().any(|m| sheet.measured(m, *cell).is_some_and(|cell| cell.histogram.is_some()));
    let cells: Vec<usize> = sheet.of_workload("round-trip").into_iter().filter(small).filter(told).collect();
    let (mut groups, left_out) = largest(groups(sheet, &cells, &["payload_bytes"]), |g| g.cells.len(), MOST_GROUPS);
    groups.iter_mut().for_each(|group| group.cells = chosen(sheet, group));
    let panels: Vec<(Group, Machines)> = groups.into_iter().map(|g| (g.clone(), lines(sheet, &g))).collect();
    let values: Vec<f64> =
        panels.iter().flat_map(|p| &p.1).flat_map(|m| &m.1).flat_map(|l| &l.points).map(|p| p.number.value).collect();
    let shares: Vec<f64> =
        panels.iter().flat_map(|p| &p.1).flat_map(|m| &m.1).flat_map(|l| &l.points).map(|p| p.x).collect();
    let (x, y) = (Scale::log(shares.iter().copied(), 0.02)?, Scale::log(values.into_iter(), 0.05)?);
    let rarest = shares.iter().copied().fold(0.0, f64::max);
    let ticks: Vec<(f64, String)> = [0.5, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6]
        .map(|b| (1.0 / b, percent(b)))
        .into_iter()
        .filter(|tick| tick.0 <= rarest)
        .collect();
    let mut drawing = Drawing::new(left_out);
    let mut tables = Vec::new();
    for (group, machines) in &panels {
        let (y_title, x_title) = ("time of one operation", "share of operations that take no longer");
        let axes = Axes { x: &x, x_ticks: &ticks, x_title, y: &y, y_label: round_time, y_title };
        let about = format!("percentile spectra; {}", group.phrase);
        let drawn =
            machines.iter().map(|(machine, lines)| (*machine, plot::draw(lines, &axes, &[], &about), Vec::new()));
        drawing.group(sheet, group, drawn.collect());
        tables.push(numbers(sheet, group, machines));
    }
    drawing.table("times by share", &html! { @for table in tables { (table) } });
    (!drawing.is_empty()).then_some(drawing)
}

/// One mechanism of each family in turn, in report order, until all colours are given; floors last.
fn chosen(sheet: &Sheet<'_>, group: &Group) -> Vec<usize> {
    let mut left = group.cells.clone();
    left.sort_by_key(|&cell| sheet.is_floor(cell));
    let mut chosen = Vec::new();
    while chosen.len() < SERIES && !left.is_empty() {
        let mut families: Vec<&str> = Vec::new();
        left.retain(|&cell| {
            let family = sheet.cells[cell].family.as_str();
            let take = chosen.len() < SERIES && !families.contains(&family);
            if take {
                families.push(family);
                chosen.push(cell);
            }
            !take
        });
    }
    chosen
}

fn lines(sheet: &Sheet<'_>, group: &Group) -> Machines {
    let of_machine = |machine: usize| {
        let line = |(colour, &cell): (usize, &usize)| {
            let points = spectrum(sheet, machine, cell)?.into_iter().map(|(beyond, ns)| {
                let number = Number::new(machine, cell, &format!("q.{}", 1.0 - beyond), ns as f64);
                Point { x: 1.0 / beyond, number, interval: None }
            });
            Some(Line { name: sheet.cells[cell].mechanism.clone(), colour: Some(colour), points: points.collect() })
        };
        let lines: Vec<Line> = group.cells.iter().enumerate().filter_map(line).collect();
        (!lines.is_empty()).then_some((machine, lines))
    };
    sheet.drawn().filter_map(of_machine).collect()
}

/// None where there is no histogram, or one that cannot be read.
fn spectrum(sheet: &Sheet<'_>, machine: usize, cell: usize) -> Option<Spectrum> {
    let histogram = sheet.measured(machine, cell)?.decode_histogram()?.ok()?;
    let supported = |beyond: &f64| histogram.len() as f64 * beyond >= LEAST_BEYOND;
    let points: Spectrum = BEYOND.into_iter().filter(supported).map(|b| (b, histogram.quantile(1.0 - b))).collect();
    (!points.is_empty()).then_some(points)
}

/// `99.9 %` for a thousandth beyond.
fn percent(beyond: f64) -> String {
    // Not quite: the logarithm of a power of ten may come out a little above the whole number.
    let digits = (-beyond.log10() - 2.0 - 1e-9).ceil().max(0.0) as usize;
    format!("{digits_of:.digits$} %", digits_of = 100.0 * (1.0 - beyond))
}

fn numbers(sheet: &Sheet<'_>, group: &Group, machines: &[(usize, Vec<Line>)]) -> maud::Markup {
    let told =
        |beyond: &&f64| machines.iter().flat_map(|m| &m.1).flat_map(|l| &l.points).any(|p| p.x == 1.0 / **beyond);
    let shares: Vec<f64> = BEYOND.iter().filter(told).copied().collect();
    let heads: Vec<String> = shares.iter().copied().map(percent).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let row = |machine: usize, line: &Line| {
        let entry = |beyond: &f64| line.points.iter().find(|point| point.x == 1.0 / beyond).map(|p| p.number.clone());
        Row { machine, name: line.name.clone(), entries: shares.iter().map(entry).collect() }
    };
    let rows = machines.iter().flat_map(|(machine, lines)| lines.iter().map(move |line| row(*machine, line)));
    table::numbers(sheet, group, &heads, &rows.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_said_with_the_digits_they_need() {
        let said: Vec<String> = [0.5, 0.05, 0.01, 1e-3, 1e-5, 5e-4].map(percent).into();
        assert_eq!(said, ["50 %", "95 %", "99 %", "99.9 %", "99.999 %", "99.95 %"]);
    }
}
