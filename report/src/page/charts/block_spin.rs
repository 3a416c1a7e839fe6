//! Waiting in the kernel against polling, with what it costs.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Chart, Drawing};
use crate::page::axis;
use crate::page::facets::{Group, groups, largest};
use crate::page::marks::{self, Px, clipped};
use crate::page::number::heading;
use crate::page::scale::Scale;
use crate::page::sheet::{Sheet, setup_number, setup_word};
use crate::page::table::{self, Row};
use crate::subject::Subject;

pub(super) const CHART: Chart = Chart {
    anchor: "waiting",
    title: "Blocking against spinning",
    reads: "Left: the time of a round trip. Right: the CPU time that both parties spend on it. Polling buys latency with CPU time; whoever \
            shows one without the other shows half.",
    needs: "`round-trip` both blocking and spinning, of at most 64 bytes",
    draw,
};

const MOST_GROUPS: usize = 4;
const WAYS: [(&str, usize, &str); 3] = [("block", 0, "s0"), ("spin", 2, "s1"), ("adaptive", 3, "s2")];

/// A mechanism with its cells by way of waiting.
type Pair = (String, BTreeMap<usize, usize>);

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    let small = |cell: &usize| {
        setup_number(sheet.cells[*cell], "payload_bytes").is_none_or(|bytes| [0.0, 64.0].contains(&bytes))
    };
    let cells: Vec<usize> =
        sheet.of_workload("round-trip").into_iter().filter(small).filter(|&cell| !sheet.is_floor(cell)).collect();
    let all =
        groups(sheet, &cells, &["payload_bytes", "waiting"]).into_iter().map(|group| (pairs(sheet, &group), group));
    let comparable: Vec<(Vec<Pair>, Group)> = all.filter(|(pairs, _)| !pairs.is_empty()).collect();
    let (panels, left_out) = largest(comparable, |(pairs, _)| pairs.len(), MOST_GROUPS);
    let scale = |key: &str| {
        let cells = || panels.iter().flat_map(|(pairs, _)| pairs).flat_map(|(_, ways)| ways.values());
        let values =
            sheet.drawn().flat_map(|m| cells().filter_map(move |&cell| Some(sheet.number(m, cell, key)?.value)));
        Scale::log(values.collect::<Vec<_>>().into_iter(), 0.05)
    };
    let (time, cpu) = (scale("est")?, scale("cpu")?);
    let mut drawing = Drawing::new(left_out);
    let shown = |place: usize| panels.iter().flat_map(|(pairs, _)| pairs).any(|(_, ways)| ways.contains_key(&place));
    let shown = WAYS.iter().enumerate().filter(|(place, _)| shown(*place));
    drawing.legend = marks::legend(shown.map(|(_, &(way, shape, class))| (shape, class, way)));
    let mut tables = Vec::new();
    for (pairs, group) in &panels {
        let panel = |machine: usize| {
            let any =
                pairs.iter().flat_map(|pair| pair.1.values()).any(|&cell| sheet.measured(machine, cell).is_some());
            any.then(|| (machine, panel(sheet, machine, pairs, &time, &cpu, &group.phrase), Vec::new()))
        };
        drawing.group(sheet, group, sheet.drawn().filter_map(panel).collect());
        tables.push(numbers(sheet, group, pairs));
    }
    drawing.table("time and CPU time", &html! { @for table in tables { (table) } });
    Some(drawing)
}

/// The mechanisms that were measured in two ways at least, fastest first by the first of them.
fn pairs(sheet: &Sheet<'_>, group: &Group) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    for &cell in &group.cells {
        let Some(way) = WAYS.iter().position(|(way, ..)| *way == setup_word(sheet.cells[cell], "waiting")) else {
            continue;
        };
        let name = &sheet.cells[cell].mechanism;
        match pairs.iter_mut().find(|pair| pair.0 == *name) {
            Some(pair) => drop(pair.1.insert(way, cell)),
            None => pairs.push((name.clone(), BTreeMap::from([(way, cell)]))),
        }
    }
    pairs.retain(|pair| pair.1.len() > 1);
    let time = |pair: &Pair| {
        let cell = *pair.1.values().next()?;
        Some(sheet.drawn().find_map(|machine| sheet.number(machine, cell, "est"))?.value)
    };
    pairs.sort_by(|a, b| time(a).unwrap_or(f64::MAX).total_cmp(&time(b).unwrap_or(f64::MAX)));
    pairs
}

const WIDTH: f64 = 480.0;
const LEFT: f64 = 142.0;
const MIDDLE: f64 = 308.0;
/// Half of what lies between both scales: the last label of one and the first of the other stand out into it.
const GAP: f64 = 24.0;
const RIGHT: f64 = 470.0;
const ROW: f64 = 18.0;
const TOP: f64 = 6.0;

fn panel(sheet: &Sheet<'_>, machine: usize, pairs: &[Pair], time: &Scale, cpu: &Scale, phrase: &str) -> Markup {
    let (time, cpu) = (time.between(LEFT, MIDDLE - GAP), cpu.between(MIDDLE + GAP, RIGHT));
    let bottom = TOP + pairs.len() as f64 * ROW + 4.0;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", Px(bottom + 40.0))) role="img" tabindex="0"
            aria-label=(format!("time and CPU time of {} mechanisms by way of waiting; {phrase}", pairs.len())) {
            (axis::below(&time, &axis::time_ticks(&time), TOP, bottom, "time of a round trip"))
            (axis::below(&cpu, &axis::time_ticks(&cpu), TOP, bottom, "CPU time of both parties"))
            @for (place, (name, ways)) in pairs.iter().enumerate() {
                @let y = TOP + (place as f64 + 0.5) * ROW;
                g data-s=(name) {
                    text.right x=(Px(LEFT - 8.0)) y=(Px(y + 4.0)) { (clipped(name, 20)) title { (name) } }
                    (dumbbell(sheet, machine, name, ways, "est", &time, y))
                    (dumbbell(sheet, machine, name, ways, "cpu", &cpu, y))
                }
            }
        }
    }
}

/// One number of all ways, joined by a line.
fn dumbbell(
    sheet: &Sheet<'_>,
    machine: usize,
    name: &str,
    ways: &BTreeMap<usize, usize>,
    key: &str,
    x: &Scale,
    y: f64,
) -> Markup {
    let numbers: Vec<_> =
        ways.iter().filter_map(|(&way, &cell)| Some((way, sheet.number(machine, cell, key)?))).collect();
    let places = numbers.iter().map(|(_, number)| x.at(number.value));
    let (from, to) = places.fold((f64::MAX, f64::MIN), |(from, to), at| (from.min(at), to.max(at)));
    html! {
        @if from < to { path.reach d=(format!("M{} {}H{}", Px(from), Px(y), Px(to))) {} }
        @for (way, number) in &numbers {
            g class=(WAYS[*way].2) data-waiting=(WAYS[*way].0) {
                (marks::mark(number, &format!("{name}, {}", WAYS[*way].0), WAYS[*way].1, x.at(number.value), y))
            }
        }
    }
}

fn numbers(sheet: &Sheet<'_>, group: &Group, pairs: &[Pair]) -> Markup {
    let used: Vec<usize> = (0..WAYS.len()).filter(|way| pairs.iter().any(|(_, ways)| ways.contains_key(way))).collect();
    let columns: Vec<(usize, &str)> = used.iter().flat_map(|&way| [(way, "est"), (way, "cpu")]).collect();
    let heads: Vec<String> = columns
        .iter()
        .map(|(way, key)| format!("{}, {}", WAYS[*way].0, heading(key, Subject::of("round-trip"))))
        .collect();
    let row = |machine: usize, (name, ways): &Pair| {
        let entries = columns.iter().map(|(way, key)| sheet.number(machine, *ways.get(way)?, key)).collect();
        Row { machine, name: name.clone(), entries }
    };
    let rows = pairs.iter().flat_map(|pair| sheet.drawn().map(move |machine| row(machine, pair)));
    let rows: Vec<Row> = rows.filter(|row| row.entries.iter().any(Option::is_some)).collect();
    table::numbers(sheet, group, &heads.iter().map(String::as_str).collect::<Vec<_>>(), &rows)
}
