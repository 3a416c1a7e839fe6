//! The shared piece of charts that follow mechanisms along one key of the setup: which cells make which panel, which lines are told
//! apart, and the table below.

use maud::{Markup, html};

use super::charts::Drawing;
use super::facets::{Group, groups, largest};
use super::followed::{self, Followed};
use super::marks::SERIES;
use super::plot::{self, Axes, Line, Point};
use super::remarks::{self, Tells};
use super::scale::Scale;
use super::sheet::{Sheet, setup_number, setup_word};
use super::table;

/// The most panels of one chart; the cells of all others are in the list of all numbers.
const MOST_PANELS: usize = 4;

/// What a chart of this kind follows.
pub(super) struct Sweep {
    /// The workloads whose cells it takes.
    pub(super) workloads: &'static [&'static str],
    /// The key of the setup along the x axis.
    pub(super) along: &'static str,
    /// Where a value of it stands.
    pub(super) place: fn(f64) -> f64,
    /// Its title and how a value is written.
    pub(super) x_title: &'static str,
    pub(super) x_label: fn(f64) -> String,
    /// What is followed: a panel for each.
    pub(super) follows: &'static [Followed],
    /// Whether lines of one panel may differ in what the peer is.
    pub(super) peers_together: bool,
    /// What is said of a panel beyond what its lines show.
    pub(super) tells: Tells,
}

/// One line: whose it is, and its cells by ascending x.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Track {
    pub(super) name: String,
    family: String,
    pub(super) cells: Vec<(f64, usize)>,
}

/// The tracks that may be compared.
#[derive(Clone, Debug, PartialEq)]
struct Panel {
    group: Group,
    tracks: Vec<Track>,
}

impl Panel {
    fn points(&self) -> usize {
        self.tracks.iter().map(|track| track.cells.len()).sum()
    }
}

/// The drawing, unless no mechanism was measured at two places at least.
pub(super) fn draw(sheet: &Sheet<'_>, sweep: &Sweep) -> Option<Drawing> {
    let (panels, left_out) = largest(panels(sheet, sweep), Panel::points, MOST_PANELS);
    if panels.is_empty() {
        return None;
    }
    let told_apart = told_apart(&panels);
    let xs: Vec<f64> = panels.iter().flat_map(|p| &p.tracks).flat_map(|t| &t.cells).map(|(x, _)| *x).collect();
    let x = Scale::log(xs.iter().copied(), 0.04).or_else(|| Scale::from_zero(xs.iter().copied()))?;
    let ticks = ticks(&xs, sweep.x_label);
    let mut drawing = Drawing::new(left_out);
    for followed in sweep.follows {
        let values = values(sheet, &panels, followed.key);
        let Some(y) = (followed.scale)(&values) else { continue };
        // Of one key there may be less than of another, as tails want more samples.
        let led = |panel: &&Panel| {
            let points =
                |machine| lines(sheet, machine, panel, followed.key, &told_apart).iter().map(|l| l.points.len()).max();
            sheet.drawn().any(|machine| points(machine) > Some(1))
        };
        for panel in panels.iter().filter(led) {
            let machines = sheet.drawn().filter_map(|machine| {
                let lines = lines(sheet, machine, panel, followed.key, &told_apart);
                let about = format!("{} against {}; {}", followed.title, sweep.x_title, panel.group.phrase);
                let (flags, remarks) = remarks::of(sheet, machine, &panel.tracks, sweep, followed);
                let (y_label, y_title, x_title) = (followed.label, followed.title, sweep.x_title);
                let axes = Axes { x: &x, x_ticks: &ticks, x_title, y: &y, y_label, y_title };
                let drawn = lines.iter().any(|line| !line.points.is_empty());
                drawn.then(|| (machine, plot::draw(&lines, &axes, &flags, &about), remarks))
            });
            let machines: Vec<_> = machines.collect();
            let group = match sweep.follows {
                [_] => panel.group.clone(),
                // What tells one panel from the next stands above it.
                _ => Group { phrase: format!("{}, {}", followed.title, panel.group.phrase), ..panel.group.clone() },
            };
            drawing.group(sheet, &group, machines);
        }
        drawing.table(followed.title, &numbers(sheet, &panels, sweep, followed.key));
    }
    (!drawing.is_empty()).then_some(drawing)
}

/// The panels with a track of two places at least.
fn panels(sheet: &Sheet<'_>, sweep: &Sweep) -> Vec<Panel> {
    let cells: Vec<usize> = sweep.workloads.iter().flat_map(|workload| sheet.of_workload(workload)).collect();
    let apart: &[&str] = if sweep.peers_together { &[sweep.along, "peer"] } else { &[sweep.along] };
    let mut panels = Vec::new();
    for mut group in groups(sheet, &cells, apart) {
        if sweep.workloads.len() > 1 {
            group.phrase = format!("{}: {}", sheet.cells[group.cells[0]].workload, group.phrase);
        }
        let tracks = tracks(sheet, &group, sweep);
        if !tracks.is_empty() {
            panels.push(Panel { group, tracks });
        }
    }
    panels
}

fn tracks(sheet: &Sheet<'_>, group: &Group, sweep: &Sweep) -> Vec<Track> {
    let mut tracks: Vec<Track> = Vec::new();
    for &index in &group.cells {
        let cell = sheet.cells[index];
        let Some(x) = setup_number(cell, sweep.along).map(sweep.place) else { continue };
        let name = match setup_word(cell, "peer") {
            peer if sweep.peers_together => format!("{peer}, {}", cell.mechanism),
            _ => cell.mechanism.clone(),
        };
        match tracks.iter_mut().find(|track| track.name == name) {
            Some(track) => track.cells.push((x, index)),
            None => tracks.push(Track { name, family: cell.family.clone(), cells: vec![(x, index)] }),
        }
    }
    // One place alone is no way: dots show it.
    tracks.retain(|track| track.cells.len() > 1);
    for track in &mut tracks {
        track.cells.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    tracks
}

/// Who gets a colour: the most complete track of each family in turn, until all colours are given.
fn told_apart(panels: &[Panel]) -> Vec<String> {
    let mut names: Vec<(String, String, usize)> = Vec::new();
    for track in panels.iter().flat_map(|panel| &panel.tracks) {
        match names.iter_mut().find(|(name, ..)| *name == track.name) {
            Some((.., points)) => *points += track.cells.len(),
            None => names.push((track.name.clone(), track.family.clone(), track.cells.len())),
        }
    }
    // The sort is stable: of those as complete, the first in report order.
    names.sort_by_key(|(.., points)| std::cmp::Reverse(*points));
    let mut chosen: Vec<String> = Vec::new();
    while chosen.len() < SERIES && !names.is_empty() {
        let mut families: Vec<String> = Vec::new();
        names.retain(|(name, family, _)| {
            let take = chosen.len() < SERIES && !families.contains(family);
            if take {
                families.push(family.clone());
                chosen.push(name.clone());
            }
            !take
        });
    }
    chosen
}

fn values(sheet: &Sheet<'_>, panels: &[Panel], key: &str) -> Vec<f64> {
    let cells = || panels.iter().flat_map(|panel| &panel.tracks).flat_map(|track| &track.cells);
    sheet
        .drawn()
        .flat_map(|machine| cells().filter_map(move |(_, cell)| Some(sheet.number(machine, *cell, key)?.value)))
        .collect()
}

fn lines(sheet: &Sheet<'_>, machine: usize, panel: &Panel, key: &str, told_apart: &[String]) -> Vec<Line> {
    let point = |&(x, cell): &(f64, usize)| {
        // Noise may make a difference less than nothing: no place on a logarithmic scale is right for that.
        let number = sheet.number(machine, cell, key).filter(|number| number.value >= 0.0)?;
        let interval = followed::interval(sheet.measured(machine, cell)?, key);
        Some(Point { x, number, interval })
    };
    let line = |track: &Track| Line {
        name: track.name.clone(),
        colour: told_apart.iter().position(|name| *name == track.name),
        points: track.cells.iter().filter_map(point).collect(),
    };
    panel.tracks.iter().map(line).filter(|line| !line.points.is_empty()).collect()
}

fn ticks(xs: &[f64], label: fn(f64) -> String) -> Vec<(f64, String)> {
    let mut ticks = xs.to_vec();
    ticks.sort_by(f64::total_cmp);
    ticks.dedup();
    ticks.into_iter().map(|x| (x, label(x))).collect()
}

fn numbers(sheet: &Sheet<'_>, panels: &[Panel], sweep: &Sweep, key: &str) -> Markup {
    let blocks = panels.iter().map(|panel| {
        let xs: Vec<f64> = panel.tracks.iter().flat_map(|track| &track.cells).map(|(x, _)| *x).collect();
        let columns = ticks(&xs, sweep.x_label);
        let row = |machine: usize, track: &Track| {
            let entry = |(x, _): &(f64, String)| {
                let (_, cell) = track.cells.iter().find(|(at, _)| at == x)?;
                sheet.number(machine, *cell, key)
            };
            table::Row { machine, name: track.name.clone(), entries: columns.iter().map(entry).collect() }
        };
        let rows = panel.tracks.iter().flat_map(|track| sheet.drawn().map(move |machine| row(machine, track)));
        let rows: Vec<table::Row> = rows.filter(|row| row.entries.iter().any(Option::is_some)).collect();
        let heads: Vec<&str> = columns.iter().map(|(_, label)| label.as_str()).collect();
        table::numbers(sheet, &panel.group, &heads, &rows)
    });
    html! { @for block in blocks { (block) } }
}
