//! Which CPUs: a heat map of mechanisms by placement, which is its own table.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Chart, Drawing};
use crate::page::facets::{Group, groups, largest};
use crate::page::scale::Scale;
use crate::page::sheet::{Sheet, setup_number, setup_word};

pub(super) const CHART: Chart = Chart {
    anchor: "placement",
    title: "Placement",
    reads: "The same round trip with both parties on one CPU, on siblings of one core, and further and further apart. The stronger \
            the colour, the slower, on one logarithmic scale.",
    needs: "`round-trip` at several placements, of at most 64 bytes",
    draw,
};

/// From the nearest to the furthest, and those that may be anywhere.
const PLACEMENTS: [&str; 6] = ["same-cpu", "smt-sibling", "same-cache", "cross-cache", "cross-node", "unpinned"];
const MOST_GROUPS: usize = 4;

/// A mechanism with its cells by placement.
type Row = (String, BTreeMap<usize, usize>);

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    let small = |cell: &usize| {
        setup_number(sheet.cells[*cell], "payload_bytes").is_none_or(|bytes| [0.0, 64.0].contains(&bytes))
    };
    let cells: Vec<usize> = sheet.of_workload("round-trip").into_iter().filter(small).collect();
    let all =
        groups(sheet, &cells, &["payload_bytes", "placement"]).into_iter().map(|group| (rows(sheet, &group), group));
    let told: Vec<(Vec<Row>, Group)> = all.filter(|(rows, _)| !rows.is_empty()).collect();
    let (maps, left_out) = largest(told, |(rows, _)| rows.len(), MOST_GROUPS);
    let cells = || maps.iter().flat_map(|(rows, _)| rows).flat_map(|(_, cells)| cells.values());
    let values = sheet.drawn().flat_map(|machine| {
        cells()
            .filter(|&&cell| !sheet.is_floor(cell))
            .filter_map(move |&cell| Some(sheet.number(machine, cell, "est")?.value))
    });
    let scale = Scale::log(values.collect::<Vec<_>>().into_iter(), 0.0)?;
    let mut drawing = Drawing::new(left_out);
    for (rows, group) in &maps {
        let map = |machine: usize| {
            let any = rows.iter().flat_map(|row| row.1.values()).any(|&cell| sheet.measured(machine, cell).is_some());
            any.then(|| (machine, map(sheet, machine, rows, &scale), Vec::new()))
        };
        drawing.group(sheet, group, sheet.drawn().filter_map(map).collect());
    }
    Some(drawing)
}

/// The mechanisms that were measured at two placements at least.
fn rows(sheet: &Sheet<'_>, group: &Group) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for &cell in &group.cells {
        let placement = setup_word(sheet.cells[cell], "placement");
        let Some(place) = PLACEMENTS.iter().position(|known| *known == placement) else { continue };
        let name = &sheet.cells[cell].mechanism;
        match rows.iter_mut().find(|row| row.0 == *name) {
            Some(row) => drop(row.1.insert(place, cell)),
            None => rows.push((name.clone(), BTreeMap::from([(place, cell)]))),
        }
    }
    rows.retain(|row| row.1.len() > 1);
    rows
}

fn map(sheet: &Sheet<'_>, machine: usize, rows: &[Row], scale: &Scale) -> Markup {
    let used: Vec<usize> =
        (0..PLACEMENTS.len()).filter(|p| rows.iter().any(|(_, cells)| cells.contains_key(p))).collect();
    let number = |cells: &BTreeMap<usize, usize>, place: &usize| sheet.number(machine, *cells.get(place)?, "est");
    html! {
        div.scroll {
            table.heat {
                thead { tr { th scope="col" { "mechanism" } @for &place in &used { th.num scope="col" { (PLACEMENTS[place]) } } } }
                tbody {
                    @for (name, cells) in rows {
                        tr data-s=(name) {
                            th scope="row" { (name) }
                            @for place in &used {
                                @match number(cells, place) {
                                    Some(number) => td data-n=(number.address) data-v=(number.value) data-placement=(PLACEMENTS[*place])
                                        style=(format!("--heat:{:.0}%", 100.0 * scale.share(number.value))) { (number.text) },
                                    None => td data-placement=(PLACEMENTS[*place]) { "–" },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
