//! Lines on two scales: the shared drawing of all charts that follow a value along another.

use maud::{Markup, html};

use super::axis;
use super::marks::{self, Px, SERIES, clipped};
use super::number::Number;
use super::scale::Scale;
use crate::crossover::Place;

/// A point of a line.
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) number: Number,
    /// Low and high ends, where an interval is shown.
    pub(super) interval: Option<[f64; 2]>,
}

/// A line. `colour`: its place among those told apart; the others are drawn thin, and named where pointed at.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) colour: Option<usize>,
    pub(super) points: Vec<Point>,
}

/// Both axes of a panel; the scales are those of the whole chart.
pub(super) struct Axes<'a> {
    pub(super) x: &'a Scale,
    pub(super) x_ticks: &'a [(f64, String)],
    pub(super) x_title: &'a str,
    pub(super) y: &'a Scale,
    pub(super) y_label: fn(f64) -> String,
    pub(super) y_title: &'a str,
}

/// Something at a place of the x axis: its place with its interval, its name above the frame, and what it says.
pub(super) struct Flag {
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) says: String,
}

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 310.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 366.0;
const TOP: f64 = 13.0;
const BOTTOM: f64 = 268.0;
/// From one name to the next.
const LINE: f64 = 13.0;

/// The panel. `about`: what it is, for those who do not see it.
pub(super) fn draw(lines: &[Line], axes: &Axes<'_>, flags: &[Flag], about: &str) -> Markup {
    let (x, y) = (axes.x.between(LEFT + 8.0, RIGHT - 6.0), axes.y.between(BOTTOM, TOP));
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(about) tabindex="0" {
            (axis::left(&y, LEFT, RIGHT, axes.y_label, axes.y_title))
            (axis::below(&x, axes.x_ticks, TOP, BOTTOM, axes.x_title))
            @for flag in flags { (across(flag, &x)) }
            @for line in lines.iter().filter(|line| line.colour.is_none()) { (series(line, &x, &y)) }
            @for line in lines.iter().filter(|line| line.colour.is_some()) { (series(line, &x, &y)) }
            (names(lines, &x, &y))
        }
    }
}

/// A line across the panel in the band of its interval.
fn across(flag: &Flag, x: &Scale) -> Markup {
    let Place { value, low, high } = flag.place;
    let (at, low, high) = (x.at(value), x.at(low), x.at(high));
    html! {
        g.flag {
            title { (flag.says) }
            rect x=(Px(low)) y=(TOP) width=(Px(high - low)) height=(BOTTOM - TOP) {}
            path d=(format!("M{} {TOP}V{BOTTOM}", Px(at))) {}
            text.middle x=(Px(at)) y=(TOP - 3.0) { (flag.name) }
        }
    }
}

fn series(line: &Line, x: &Scale, y: &Scale) -> Markup {
    let place = |value: f64, at: f64| format!("{} {}", Px(x.at(at)), Px(y.at(value)));
    let way: Vec<String> = line.points.iter().map(|point| place(point.number.value, point.x)).collect();
    let whiskers: String = line
        .points
        .iter()
        .filter_map(|point| {
            let [low, high] = point.interval?;
            Some(format!("M{}V{}", place(low, point.x), Px(y.at(high))))
        })
        .collect();
    let class = line.colour.map_or_else(|| "series rest".to_owned(), |colour| format!("series s{colour}"));
    html! {
        g class=(class) data-s=(line.name) {
            @if way.len() > 1 { path.way d=(format!("M{}", way.join("L"))) {} }
            @if !whiskers.is_empty() && line.colour.is_some() { path.whisker d=(whiskers) {} }
            @for point in &line.points {
                (marks::mark(&point.number, &line.name, line.colour.unwrap_or(0), x.at(point.x), y.at(point.number.value)))
            }
        }
    }
}

/// The names of the lines told apart, at their ends, moved apart where they would cover each other.
fn names(lines: &[Line], x: &Scale, y: &Scale) -> Markup {
    let mut ends: Vec<(f64, &str, usize, f64)> = lines
        .iter()
        .filter_map(|line| {
            let last = line.points.last()?;
            Some((y.at(last.number.value), line.name.as_str(), line.colour?, x.at(last.x)))
        })
        .collect();
    let furthest = ends.iter().map(|end| end.3).fold(LEFT, f64::max);
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let places = spread(&ends.iter().map(|end| end.0).collect::<Vec<_>>(), TOP + 6.0, BOTTOM);
    html! {
        g.names {
            @for (place, (from, name, colour, end)) in places.iter().zip(&ends) {
                g class=(format!("s{}", colour % SERIES)) data-s=(name) {
                    // A line that ends before the others is led to its name.
                    @if *end < furthest - 1.0 {
                        path.leader d=(format!("M{} {}L{} {}", Px(*end), Px(*from), Px(RIGHT + 3.0), Px(*place))) {}
                    }
                    path d=(marks::outline(*colour, RIGHT + 8.0, *place)) {}
                    text x=(Px(RIGHT + 16.0)) y=(Px(place + 4.0)) { (clipped(name, 21)) title { (name) } }
                }
            }
        }
    }
}

/// Ascending places, each at least a line below the one before, none beyond the ends.
fn spread(wanted: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut places: Vec<f64> = Vec::with_capacity(wanted.len());
    for &place in wanted {
        let least = places.last().map_or(top, |before| before + LINE);
        places.push(place.max(least));
    }
    let mut most = bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(most);
        most = *place - LINE;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_cover_each_other() {
        let places = spread(&[50.0, 51.0, 52.0, 199.0, 200.0], 0.0, 200.0);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= LINE - 1e-9), "{places:?}");
        assert!(places.iter().all(|place| (0.0..=200.0).contains(place)), "{places:?}");
    }
}
