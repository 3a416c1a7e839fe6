//! Who got how much.

use ipcmark_harness::record::Cell;
use maud::{Markup, html};

use super::{Chart, Drawing};
use crate::page::facets::{Group, groups, largest};
use crate::page::marks::{Px, clipped};
use crate::page::sheet::Sheet;
use crate::page::table::{self, Row};

pub(super) const CHART: Chart = Chart {
    anchor: "fairness",
    title: "Fairness",
    reads: "What each party got of all operations; equal lengths are fair. At the right Jain's index: 1 where all got the same, 1/n where \
            one of n got all.",
    needs: "`contended` or another workload in which several parties compete",
    draw,
};

const WORKLOADS: [&str; 4] = ["contended", "oversubscribed", "read-mix", "fan-out"];
const MOST_GROUPS: usize = 4;
const WIDTH: f64 = 480.0;
const LEFT: f64 = 158.0;
const RIGHT: f64 = 424.0;
const ROW: f64 = 18.0;
const TOP: f64 = 6.0;

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    // One alone is always fair.
    let several = |cell: &Cell| cell.shares.as_ref().is_some_and(|shares| shares.len() > 1);
    let competed = |cell: &usize| sheet.drawn().any(|machine| sheet.measured(machine, *cell).is_some_and(several));
    let cells = WORKLOADS.iter().flat_map(|workload| sheet.of_workload(workload)).filter(competed);
    let named = |group: Group| {
        let workload = &sheet.cells[group.cells[0]].workload;
        Group { phrase: format!("{workload}: {}", group.phrase), ..group }
    };
    let all = groups(sheet, &cells.collect::<Vec<_>>(), &[]);
    let (groups, left_out) = largest(all, |group| group.cells.len(), MOST_GROUPS);
    let mut drawing = Drawing::new(left_out);
    let mut tables = Vec::new();
    for group in groups.into_iter().map(named) {
        let rows = fairest_first(sheet, &group);
        let panels = sheet.drawn().filter_map(|machine| {
            let any = rows.iter().any(|&cell| sheet.number(machine, cell, "jain").is_some());
            any.then(|| (machine, panel(sheet, machine, &rows, &group.phrase), Vec::new()))
        });
        drawing.group(sheet, &group, panels.collect());
        tables.push(numbers(sheet, &group, &rows));
    }
    drawing.table("index and shares", &html! { @for table in tables { (table) } });
    (!drawing.is_empty()).then_some(drawing)
}

fn fairest_first(sheet: &Sheet<'_>, group: &Group) -> Vec<usize> {
    let index =
        |cell: usize| sheet.drawn().find_map(|m| sheet.number(m, cell, "jain")).map_or(0.0, |number| number.value);
    let mut rows = group.cells.clone();
    rows.sort_by(|&a, &b| index(b).total_cmp(&index(a)));
    rows
}

fn panel(sheet: &Sheet<'_>, machine: usize, rows: &[usize], phrase: &str) -> Markup {
    let height = TOP + rows.len() as f64 * ROW + 4.0;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", Px(height))) role="img" tabindex="0"
            aria-label=(format!("shares of each party; {phrase}")) {
            @for (place, &cell) in rows.iter().enumerate() {
                (strip(sheet, machine, cell, TOP + place as f64 * ROW))
            }
        }
    }
}

fn strip(sheet: &Sheet<'_>, machine: usize, cell: usize, y: f64) -> Markup {
    let name = &sheet.cells[cell].mechanism;
    let count = sheet.measured(machine, cell).and_then(|cell| cell.shares.as_ref()).map_or(0, Vec::len);
    let shares: Vec<_> =
        (0..count).filter_map(|party| sheet.number(machine, cell, &format!("share.{party}"))).collect();
    let total: f64 = shares.iter().map(|share| share.value).sum();
    let mut from = LEFT;
    let places: Vec<(f64, f64)> = shares
        .iter()
        .map(|share| {
            let width = if total > 0.0 { (RIGHT - LEFT) * share.value / total } else { 0.0 };
            from += width;
            (from - width, width)
        })
        .collect();
    html! {
        g data-s=(name) {
            text.right x=(Px(LEFT - 8.0)) y=(Px(y + 13.0)) { (clipped(name, 23)) title { (name) } }
            @for (party, (share, (from, width))) in shares.iter().zip(places).enumerate() {
                rect class=(format!("share share{}", party % 2)) x=(Px(from)) y=(Px(y + 2.0)) width=(Px((width - 1.0).max(0.4)))
                    height=(Px(ROW - 4.0)) data-n=(share.address) data-v=(share.value) {
                    title { (name) ", party " (party + 1) ": " (share.text) }
                }
            }
            @if let Some(index) = sheet.number(machine, cell, "jain") {
                text.value x=(Px(RIGHT + 8.0)) y=(Px(y + 13.0)) data-n=(index.address) data-v=(index.value) { (index.text) }
            }
        }
    }
}

fn numbers(sheet: &Sheet<'_>, group: &Group, rows: &[usize]) -> Markup {
    let parties = |machine: usize, cell: usize| sheet.measured(machine, cell)?.shares.as_ref().map(Vec::len);
    let most = rows.iter().flat_map(|&cell| sheet.drawn().filter_map(move |m| parties(m, cell))).max().unwrap_or(0);
    let keys: Vec<String> =
        ["jain".to_owned()].into_iter().chain((0..most).map(|party| format!("share.{party}"))).collect();
    let heads: Vec<String> =
        ["fairness".to_owned()].into_iter().chain((1..=most).map(|party| format!("party {party}"))).collect();
    let row = |machine: usize, cell: usize| {
        let entries = keys.iter().map(|key| sheet.number(machine, cell, key)).collect();
        Row { machine, name: sheet.cells[cell].mechanism.clone(), entries }
    };
    let rows = rows.iter().flat_map(|&cell| sheet.drawn().map(move |machine| row(machine, cell)));
    let rows: Vec<Row> = rows.filter(|row| row.entries.iter().any(Option::is_some)).collect();
    table::numbers(sheet, group, &heads.iter().map(String::as_str).collect::<Vec<_>>(), &rows)
}
