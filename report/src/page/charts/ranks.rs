//! Whether machines agree on who is faster: a slope chart of ranks.

use maud::{Markup, html};

use super::{Chart, Drawing};
use crate::page::facets::{Group, groups, largest};
use crate::page::marks::{self, Px, SERIES, clipped};
use crate::page::number::heading;
use crate::page::sheet::{Sheet, setup_number};
use crate::page::table::{self, Row};
use crate::ranking::Ranked;
use crate::subject::Subject;

pub(super) const CHART: Chart = Chart {
    anchor: "ranks",
    title: "Ranks across machines",
    reads: "Mechanisms from the fastest (1) to the slowest on each machine. Level lines: the machines agree. Coloured are those whose rank \
            changes by two or more where mechanisms that are not told apart share one.",
    needs: "at least two records that share cells of `round-trip`",
    draw,
};

/// What the table gives of each.
const KEYS: [&str; 3] = ["est", "low", "high"];
const MOST_GROUPS: usize = 3;
const WIDTH: f64 = 480.0;
const LEFT: f64 = 140.0;
const RIGHT: f64 = 340.0;
const TOP: f64 = 30.0;
const ROW: f64 = 17.0;

/// A mechanism with its time and rank on each machine.
#[derive(Debug, PartialEq)]
struct Track {
    name: String,
    cell: usize,
    ranks: Vec<usize>,
    /// The same where those that are not told apart share a rank; 0 where none is known.
    shared: Vec<usize>,
}

fn draw(sheet: &Sheet<'_>) -> Option<Drawing> {
    if sheet.machines.len() < 2 {
        return None;
    }
    let small = |cell: &usize| {
        setup_number(sheet.cells[*cell], "payload_bytes").is_none_or(|bytes| [0.0, 64.0].contains(&bytes))
    };
    let cells: Vec<usize> = sheet.of_workload("round-trip").into_iter().filter(small).collect();
    let all = groups(sheet, &cells, &["payload_bytes"]).into_iter().map(|group| (tracks(sheet, &group), group));
    let told: Vec<(Vec<Track>, Group)> = all.filter(|(tracks, _)| tracks.len() > 1).collect();
    let (charts, left_out) = largest(told, |(tracks, _)| tracks.len(), MOST_GROUPS);
    let mut drawing = Drawing::new(left_out);
    let mut tables = Vec::new();
    for (tracks, group) in &charts {
        // One panel over all machines: the label of the first one would be wrong above it.
        drawing.wide(group, &slopes(sheet, tracks, &group.phrase));
        tables.push(numbers(sheet, group, tracks));
    }
    let named = sheet.drawn().map(|machine| format!("{}: {}", machine + 1, sheet.machines[machine].label));
    drawing.remarks.push(named.collect::<Vec<_>>().join("; "));
    drawing.table("times by rank", &html! { @for table in tables { (table) } });
    (!drawing.is_empty()).then_some(drawing)
}

/// The mechanisms that all drawn machines measured, in the order of the first; floors do not compete.
fn tracks(sheet: &Sheet<'_>, group: &Group) -> Vec<Track> {
    let complete = |&&cell: &&usize| {
        !sheet.is_floor(cell) && sheet.drawn().all(|machine| sheet.number(machine, cell, "est").is_some())
    };
    let cells: Vec<usize> = group.cells.iter().filter(complete).copied().collect();
    let time = |machine: usize, cell: usize| sheet.number(machine, cell, "est").map_or(f64::MAX, |number| number.value);
    let rank = |machine: usize, cell: usize| {
        1 + cells.iter().filter(|&&other| time(machine, other) < time(machine, cell)).count()
    };
    let shared: Vec<Vec<Ranked<'_>>> = sheet.drawn().map(|machine| sheet.ranked(machine, &cells)).collect();
    let place = |ranked: &[Ranked<'_>], cell: usize| {
        let row = ranked.iter().find(|row| row.cell.id == sheet.cells[cell].id);
        row.and_then(|row| row.rank).map_or(0, |rank| rank.place)
    };
    let track = |&cell: &usize| Track {
        name: sheet.cells[cell].mechanism.clone(),
        cell,
        ranks: sheet.drawn().map(|machine| rank(machine, cell)).collect(),
        shared: shared.iter().map(|ranked| place(ranked, cell)).collect(),
    };
    let mut tracks: Vec<Track> = cells.iter().map(track).collect();
    tracks.sort_by_key(|track| track.ranks[0]);
    tracks
}

/// The times that the ranks are of, a row for each machine.
fn numbers(sheet: &Sheet<'_>, group: &Group, tracks: &[Track]) -> Markup {
    let row = |machine: usize, track: &Track| {
        let entries = KEYS.map(|key| sheet.number(machine, track.cell, key)).into();
        Row { machine, name: track.name.clone(), entries }
    };
    let mut rows = Vec::new();
    for machine in sheet.drawn() {
        let mut ranked: Vec<&Track> = tracks.iter().collect();
        ranked.sort_by_key(|track| track.ranks[machine]);
        rows.extend(ranked.into_iter().map(|track| row(machine, track)));
    }
    table::numbers(
        sheet,
        group,
        &KEYS.map(|key| heading(key, Subject::of("round-trip"))).each_ref().map(String::as_str),
        &rows,
    )
}

fn slopes(sheet: &Sheet<'_>, tracks: &[Track], phrase: &str) -> Markup {
    let machines = sheet.drawn().len();
    let x = |machine: usize| LEFT + (RIGHT - LEFT) * machine as f64 / (machines - 1) as f64;
    let y = |rank: usize| TOP + (rank as f64 - 0.5) * ROW;
    let moves = |track: &Track| {
        track.shared.iter().max().zip(track.shared.iter().min()).is_some_and(|(max, min)| max - min >= 2)
    };
    let mut colour = 0;
    let classes: Vec<(String, usize)> = tracks
        .iter()
        .map(|track| {
            let moves = moves(track);
            colour += usize::from(moves);
            let shape = colour.wrapping_sub(1) % SERIES;
            if moves { (format!("series s{shape}"), shape) } else { ("series rest".into(), 0) }
        })
        .collect();
    let height = TOP + tracks.len() as f64 * ROW + 6.0;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", Px(height))) role="img" tabindex="0" aria-label=(format!("ranks by machine; {phrase}")) {
            g.axis { @for machine in sheet.drawn() {
                text.middle x=(Px(x(machine))) y="14" { (format!("{}", machine + 1)) title { (sheet.machines[machine].label) } }
            } }
            @for (track, (class, shape)) in tracks.iter().zip(&classes) {
                @let way: Vec<String> =
                    track.ranks.iter().enumerate().map(|(m, &rank)| format!("{} {}", Px(x(m)), Px(y(rank)))).collect();
                g class=(class) data-s=(track.name) {
                    path.way d=(format!("M{}", way.join("L"))) {}
                    @for (machine, &rank) in track.ranks.iter().enumerate() {
                        @if let Some(number) = sheet.number(machine, track.cell, "est") {
                            (marks::mark(&number, &track.name, *shape, x(machine), y(rank)))
                        }
                    }
                    text.right x=(Px(LEFT - 12.0)) y=(Px(y(track.ranks[0]) + 4.0)) { (clipped(&track.name, 19)) }
                    text x=(Px(RIGHT + 12.0)) y=(Px(y(track.ranks[machines - 1]) + 4.0)) { (clipped(&track.name, 19)) }
                }
            }
        }
    }
}
