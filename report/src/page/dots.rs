//! The shared piece of charts that rank mechanisms: a row each, fastest first, with its interval and its tail on one scale.

use maud::{Markup, html};

use super::axis;
use super::charts::Drawing;
use super::facets::Group;
use super::marks::{self, Px, clipped};
use super::number::heading;
use super::scale::Scale;
use super::sheet::Sheet;
use super::table::{self, Place};
use crate::ranking::Ranked;
use crate::subject::Subject;

/// The numbers of a row as marks: key, shape, class.
pub(super) const MARKS: [(&str, usize, &str); 4] =
    [("est", 0, "est"), ("p50", 1, "p50"), ("p99", 3, "p99"), ("p999", 2, "p999")];

const WIDTH: f64 = 536.0;
const LEFT: f64 = 168.0;
const RIGHT: f64 = 426.0;
const ROW: f64 = 18.0;
const TOP: f64 = 6.0;

/// Draws the groups on one scale.
pub(super) fn draw(sheet: &Sheet<'_>, groups: &[Group], left_out: usize) -> Option<Drawing> {
    let x = scale(sheet, groups)?;
    let mut drawing = Drawing::new(left_out);
    drawing.legend = marks::legend([
        (0, "est", "median with its interval"),
        (1, "p50", "p50 of single operations, or of what is named above the panel"),
        (3, "p99", "p99"),
        (2, "p999", "p99.9"),
    ]);
    let mut tables = Vec::new();
    for group in groups {
        let rows = sorted(sheet, group);
        let panels = sheet.drawn().filter_map(|machine| {
            let any = rows.iter().any(|&cell| sheet.measured(machine, cell).is_some());
            any.then(|| (machine, panel(sheet, machine, &rows, &x, &group.phrase), Vec::new()))
        });
        let phrase = phrase(&group.phrase, subject(sheet, group));
        drawing.group(sheet, &Group { phrase, ..group.clone() }, panels.collect());
        tables.push(numbers(sheet, group, &rows));
    }
    drawing.table("values", &html! { @for table in tables { (table) } });
    Some(drawing)
}

/// What the figures of a group are of: all of it is of one workload.
fn subject(sheet: &Sheet<'_>, group: &Group) -> Subject {
    Subject::of(group.cells.first().map_or("", |&cell| sheet.cells[cell].workload.as_str()))
}

fn phrase(phrase: &str, subject: Subject) -> String {
    match subject.differs() {
        true => format!("{phrase} · {}; quantiles of {}", subject.central, subject.quantiles_of),
        false => phrase.to_owned(),
    }
}

fn scale(sheet: &Sheet<'_>, groups: &[Group]) -> Option<Scale> {
    let mut values = Vec::new();
    for machine in sheet.drawn() {
        for &cell in groups.iter().flat_map(|group| &group.cells).filter(|&&cell| !sheet.is_floor(cell)) {
            let of = |key| sheet.number(machine, cell, key).map(|number| number.value);
            values.extend(["est", "low", "high", "p50", "p99", "p999"].into_iter().filter_map(of));
        }
    }
    Scale::log(values.into_iter(), 0.03)
}

/// The cells by the time they take on the first machine that measured them: rows stand in one order on all.
pub(super) fn sorted(sheet: &Sheet<'_>, group: &Group) -> Vec<usize> {
    let time = |cell: usize| {
        sheet.drawn().find_map(|machine| sheet.number(machine, cell, "est")).map_or(f64::MAX, |n| n.value)
    };
    let mut rows: Vec<(f64, usize)> = group.cells.iter().map(|&cell| (time(cell), cell)).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows.into_iter().map(|(_, cell)| cell).collect()
}

fn panel(sheet: &Sheet<'_>, machine: usize, rows: &[usize], x: &Scale, phrase: &str) -> Markup {
    let ranked = sheet.ranked(machine, rows);
    let rank = |cell: usize| ranked.iter().find(|row| row.cell.id == sheet.cells[cell].id).and_then(|row| row.rank);
    let x = x.between(LEFT, RIGHT);
    let bottom = TOP + rows.len() as f64 * ROW + 4.0;
    let height = bottom + 40.0;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", Px(height))) role="img" tabindex="0"
            aria-label=(format!("{} mechanisms by time; {phrase}", rows.len())) {
            (axis::below(&x, &axis::time_ticks(&x), TOP, bottom, "time of one operation"))
            @for (place, &cell) in rows.iter().enumerate() {
                @let y = TOP + (place as f64 + 0.5) * ROW;
                (row(sheet, machine, cell, &x, y))
                @if let Some(rank) = rank(cell) { text.right.aside x=(Px(WIDTH - 4.0)) y=(Px(y + 4.0)) { (rank.to_string()) } }
            }
        }
    }
}

fn row(sheet: &Sheet<'_>, machine: usize, cell: usize, x: &Scale, y: f64) -> Markup {
    let name = &sheet.cells[cell].mechanism;
    if sheet.is_floor(cell) {
        return floor(sheet, machine, cell, y);
    }
    let of = |key| sheet.number(machine, cell, key);
    let interval = of("low").zip(of("high"));
    let reach = MARKS.iter().filter_map(|(key, ..)| of(key)).map(|number| x.at(number.value));
    let (from, to) = reach.fold((f64::MAX, f64::MIN), |(from, to), at| (from.min(at), to.max(at)));
    html! {
        g data-s=(name) {
            text.right x=(Px(LEFT - 8.0)) y=(Px(y + 4.0)) { (clipped(name, 25)) title { (name) } }
            @if from < to { path.reach d=(format!("M{} {}H{}", Px(from), Px(y), Px(to))) {} }
            @if let Some((low, high)) = interval {
                path.interval d=(format!("M{} {}H{}", Px(x.at(low.value)), Px(y), Px(x.at(high.value)))) {}
            }
            @for (key, shape, class) in MARKS.iter().rev() {
                @if let Some(number) = of(key) { g class=(class) { (marks::mark(&number, name, *shape, x.at(number.value), y)) } }
            }
            @match of("est") {
                Some(number) => text.value x=(Px(RIGHT + 10.0)) y=(Px(y + 4.0)) { (number.text) },
                None => text.value x=(Px(RIGHT + 10.0)) y=(Px(y + 4.0)) { "–" },
            }
        }
    }
}

/// What does nothing is orders of magnitude faster than what does something, and would press that into a corner: it is told.
fn floor(sheet: &Sheet<'_>, machine: usize, cell: usize, y: f64) -> Markup {
    let name = &sheet.cells[cell].mechanism;
    html! {
        g data-s=(name) {
            text.right x=(Px(LEFT - 8.0)) y=(Px(y + 4.0)) { (clipped(name, 25)) }
            @if let Some(number) = sheet.number(machine, cell, "est") {
                text.aside x=(Px(LEFT)) y=(Px(y + 4.0)) { "← the floor, off this scale" }
                text.value x=(Px(RIGHT + 10.0)) y=(Px(y + 4.0)) data-n=(number.address) data-v=(number.value) { (number.text) }
            }
        }
    }
}

/// Of all drawn machines, by the machine.
type Rankings<'a> = Vec<Vec<Ranked<'a>>>;

fn place(ranked: &Rankings<'_>, row: &table::Row) -> Place {
    let row = ranked.get(row.machine).and_then(|all| all.iter().find(|ranked| ranked.cell.mechanism == row.name));
    row.map_or_else(Place::default, Place::of)
}

fn numbers(sheet: &Sheet<'_>, group: &Group, rows: &[usize]) -> Markup {
    let ranked: Rankings<'_> = sheet.drawn().map(|machine| sheet.ranked(machine, rows)).collect();
    const KEYS: [&str; 9] = ["est", "low", "high", "p50", "p99", "p999", "max", "cpu", "sw"];
    let row = |machine: usize, cell: usize| {
        let entries = KEYS.map(|key| sheet.number(machine, cell, key)).into();
        table::Row { machine, name: sheet.cells[cell].mechanism.clone(), entries }
    };
    let rows = rows.iter().flat_map(|&cell| {
        let machines = sheet.drawn().filter(move |&machine| sheet.measured(machine, cell).is_some());
        machines.map(move |machine| row(machine, cell))
    });
    let subject = subject(sheet, group);
    let heads = KEYS.map(|key| heading(key, subject));
    let rows: Vec<table::Row> = rows.collect();
    let places: Vec<Place> = rows.iter().map(|row| place(&ranked, row)).collect();
    table::ranked(sheet, group, &heads.each_ref().map(String::as_str), &rows, &places)
}
