//! Where one way overtakes another: at which hold time, and at how many parties, a mutex becomes faster than a spinlock, or the
//! other way round.
//!
//! Read from records alone. Two series of cells are equal in everything but the mechanism and one swept value; their ratio
//! ([`PairedRatio`]) is followed along that value. One overtakes the other where it is told apart as slower at one measured value and
//! as faster at a later one; in between the ratio is taken to be straight on logarithmic scales. The interval is where both ends of the
//! ratio's interval cross one: all of it lies between these two values, nothing is extrapolated, and fewer than three values
//! measured of both say nothing.

use std::collections::BTreeMap;
use std::fmt;

use ipcmark_harness::record::{Cell, Header, Outcome};
use serde_json::{Map, Value};

use crate::grouping::grouped;
use crate::paired::PairedRatio;
use crate::words::{rough_time, two_digits};

/// What a series is swept over.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Axis {
    /// How long the lock is held, in nanoseconds.
    Hold,
    /// How many want it.
    Parties,
}

impl Axis {
    /// Its key in the setup.
    fn key(self) -> &'static str {
        match self {
            Axis::Hold => "hold_ns",
            Axis::Parties => "parties",
        }
    }

    fn value(self, value: f64) -> String {
        match self {
            Axis::Hold => rough_time(value),
            Axis::Parties => format!("{:.0}", two_digits(value)),
        }
    }

    /// `a hold of 2us`, `4 parties`.
    fn phrase(self, value: &str) -> String {
        match self {
            Axis::Hold => format!("a hold of {value}"),
            Axis::Parties => format!("{value} parties"),
        }
    }
}

/// Where `challenger` overtakes `leader`, or that it does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossover {
    leader: String,
    challenger: String,
    conditions: String,
    axis: Axis,
    found: Found,
}

/// A place along the swept value, within these bounds, all of them between two measured values.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Place {
    /// The place itself, in the unit of the key.
    pub value: f64,
    /// It is not before this.
    pub low: f64,
    /// It is not after this.
    pub high: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Found {
    At(Place),
    /// The challenger is told apart as faster, and nowhere as slower; `everywhere`: at every measured value.
    Always {
        from: f64,
        to: f64,
        everywhere: bool,
    },
    /// The leader is told apart as faster, and nowhere as slower.
    Never {
        from: f64,
        to: f64,
    },
    /// At no measured value are they told apart.
    Alike {
        from: f64,
        to: f64,
    },
    /// More than once: noise, or a shape that one number does not tell.
    Often {
        times: usize,
    },
}

impl fmt::Display for Crossover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.said(), self.conditions)
    }
}

impl Crossover {
    /// The same for those who see the conditions elsewhere: who overtakes whom, and where.
    #[must_use]
    pub fn said(&self) -> String {
        let Crossover { leader, challenger, axis, found, .. } = self;
        let span = |from: &f64, to: &f64| axis.phrase(&format!("{} – {}", axis.value(*from), axis.value(*to)));
        match found {
            Found::At(Place { value, low, high }) => {
                let overtakes = format!("{challenger} overtakes {leader}");
                // There is no part of a party.
                if *axis == Axis::Parties {
                    return format!("{overtakes} between {:.0} and {:.0} parties", low.floor(), high.ceil());
                }
                let (at, [low, high]) = (axis.phrase(&axis.value(*value)), [low, high].map(|end| axis.value(*end)));
                format!("{overtakes} at about {at} ({low} – {high})")
            }
            Found::Always { from, to, everywhere: true } => {
                format!("{challenger} is faster than {leader} throughout {}", span(from, to))
            }
            Found::Always { from, to, .. } => {
                format!(
                    "{challenger} is faster than {leader}, or not told apart from it, throughout {}",
                    span(from, to)
                )
            }
            Found::Alike { from, to } => {
                format!("{challenger} and {leader} are not told apart within {}", span(from, to))
            }
            Found::Never { from, to } => format!("{challenger} never overtakes {leader} within {}", span(from, to)),
            Found::Often { times } => {
                format!("{challenger} and {leader} overtake each other {times} times: no single crossover")
            }
        }
    }

    /// The key of the setup along which it was looked for.
    #[must_use]
    pub fn along(&self) -> &'static str {
        self.axis.key()
    }

    /// The one place at which the leader is overtaken, if there is one.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self.found {
            Found::At(place) => Some(place),
            _ => None,
        }
    }
}

/// The cells of a mechanism by the swept value.
type Series<'a> = BTreeMap<u64, &'a Cell>;

/// So many values must have been measured of both.
const FEWEST_VALUES: usize = 3;

/// Every spinlock of the record against its first mutex, along each axis of the contended cells.
pub fn of_locks<'a>(header: &Header, cells: impl IntoIterator<Item = &'a Cell>) -> Vec<Crossover> {
    let contended = |cell: &&Cell| cell.workload == "contended" && cell.outcome == Outcome::Measured;
    let cells: Vec<&Cell> = cells.into_iter().filter(contended).collect();
    let mut found = Vec::new();
    for axis in [Axis::Hold, Axis::Parties] {
        for (conditions, cells) in grouped(cells.iter().copied(), |cell| without(&cell.setup, axis)) {
            let of_family = |family: &str| series(&cells, family, axis);
            let Some((mutex, challenger)) = of_family("mutex").into_iter().next() else { continue };
            for (spinlock, leader) in of_family("spinlock") {
                let forth = crossing(header, &leader, &challenger);
                // It may be the spinlock that is slower at first, and overtakes.
                let back = crossing(header, &challenger, &leader).filter(|found| matches!(found, Found::At(_)));
                let (names, place) = match back {
                    Some(back) => ((mutex, spinlock), Some(back)),
                    None => ((spinlock, mutex), forth),
                };
                let conditions = in_words(&conditions);
                let (leader, challenger) = (names.0.to_owned(), names.1.to_owned());
                found.extend(place.map(|found| Crossover { leader, challenger, conditions, axis, found }));
            }
        }
    }
    found
}

/// The setup but for this axis.
fn without(setup: &Map<String, Value>, axis: Axis) -> Map<String, Value> {
    setup.iter().filter(|(key, _)| *key != axis.key()).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn in_words(conditions: &Map<String, Value>) -> String {
    let word = |(key, value): (&String, &Value)| match value {
        Value::String(text) => Some(text.clone()).filter(|text| text != "own"),
        value => Some(format!("{key} {value}")),
    };
    conditions.iter().filter_map(word).collect::<Vec<_>>().join(", ")
}

/// The mechanisms of a family with their cells along the axis.
fn series<'a>(cells: &[&'a Cell], family: &str, axis: Axis) -> Vec<(&'a str, Series<'a>)> {
    let on_axis = cells.iter().filter(|cell| cell.family == family).filter_map(|&cell| {
        let value = cell.setup.get(axis.key()).and_then(Value::as_u64)?;
        Some((value, cell))
    });
    let by_mechanism = grouped(on_axis, |(_, cell)| cell.mechanism.as_str());
    by_mechanism.into_iter().map(|(name, cells)| (name, cells.into_iter().collect())).collect()
}

/// How many times as long the challenger takes at one value, in logarithms: by the estimate and by both ends of its interval.
#[derive(Copy, Clone, Debug)]
struct Point {
    value: f64,
    central: f64,
    low: f64,
    high: f64,
}

impl Point {
    /// 1: the leader is told apart as faster; -1: the challenger is; 0: neither.
    fn side(self) -> i8 {
        i8::from(self.low > 0.0) - i8::from(self.high < 0.0)
    }
}

/// Where the challenger's times fall below the leader's; none: fewer than three values were measured of both.
fn crossing(header: &Header, leader: &Series<'_>, challenger: &Series<'_>) -> Option<Found> {
    let point = |(&value, &leader): (&u64, &&Cell)| {
        let ratio = PairedRatio::of(header, leader, challenger.get(&value)?)?;
        let [low, high] = ratio.interval?.map(f64::ln);
        Some(Point { value: value as f64, central: ratio.value.ln(), low, high })
    };
    let points: Vec<Point> = leader.iter().filter_map(point).collect();
    if points.len() < FEWEST_VALUES {
        return None;
    }
    let (from, to) = (points.first()?.value, points.last()?.value);
    let sides: Vec<i8> = points.iter().map(|point| point.side()).filter(|side| *side != 0).collect();
    let changes = sides.windows(2).filter(|pair| pair[0] != pair[1]).count();
    Some(match (sides.first(), changes) {
        (None, _) => Found::Alike { from, to },
        (Some(1), 0) => Found::Never { from, to },
        (Some(_), 0) => Found::Always { from, to, everywhere: sides.len() == points.len() },
        (Some(1), 1) => Found::At(place(&points)?),
        (Some(_), times) => Found::Often { times },
    })
}

/// Between the last value at which the leader is told apart and the first at which the challenger is.
fn place(points: &[Point]) -> Option<Place> {
    let last_before = points.iter().rposition(|point| point.side() == 1)?;
    let first_after = points.iter().position(|point| point.side() == -1)?;
    let within = points.get(last_before..=first_after)?;
    let falls = |of: fn(&Point) -> f64| falls(&within.iter().map(|point| (point.value, of(point))).collect::<Vec<_>>());
    let central = falls(|point| point.central);
    // The challenger at its best crosses first, at its worst last; what noise does in between is within both.
    let (low, high) = (*falls(|point| point.low).first()?, *falls(|point| point.high).last()?);
    Some(Place { value: *central.get(central.len() / 2)?, low, high })
}

/// Where the logarithm of a ratio falls through zero, between two points.
fn falls(ratios: &[(f64, f64)]) -> Vec<f64> {
    let crosses = |pair: &&[(f64, f64)]| pair[0].1 >= 0.0 && pair[1].1 < 0.0;
    ratios.windows(2).filter(crosses).map(|pair| between(pair[0], pair[1])).collect()
}

/// Where the logarithm of a ratio that falls through zero does so. A value of nothing has no logarithm: from there on the way is
/// straight on a linear scale.
pub(crate) fn between((from, above): (f64, f64), (to, below): (f64, f64)) -> f64 {
    let share = above / (above - below);
    if from == 0.0 { to * share } else { from * (to / from).powf(share) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paired::testing::{cell_of_launches, header};

    /// Cells of ten launches with this spread, a share.
    fn cells(points: &[(u64, f64)], spread: f64) -> Vec<(u64, Cell)> {
        let cell = |&(value, ns): &(u64, f64)| {
            let launch = |round: u32| ns * (1.0 + spread * (f64::from((round * 7 + value as u32) % 10) / 5.0 - 1.0));
            (value, cell_of_launches("lock", &(0..10).map(launch).collect::<Vec<_>>()))
        };
        points.iter().map(cell).collect()
    }

    fn series_of(cells: &[(u64, Cell)]) -> Series<'_> {
        cells.iter().map(|(value, cell)| (*value, cell)).collect()
    }

    fn found(leader: &[(u64, f64)], challenger: &[(u64, f64)], spread: f64) -> Option<Found> {
        let (leader, challenger) = (cells(leader, spread), cells(challenger, spread * 0.5));
        crossing(&header(), &series_of(&leader), &series_of(&challenger))
    }

    #[test]
    fn the_crossover_lies_where_the_ratio_is_one_and_its_interval_around_it() {
        let spin = [(100, 100.0), (1000, 1000.0), (10_000, 20_000.0)];
        let mutex = [(100, 200.0), (1000, 2000.0), (10_000, 10_000.0)];
        let Some(Found::At(Place { value, low, high })) = found(&spin, &mutex, 0.05) else { panic!("there is one") };
        assert!((value - 3162.0).abs() < 100.0, "{value}");
        assert!(1000.0 < low && low < value && value < high && high < 10_000.0, "{low} {high}");
    }

    #[test]
    fn two_measured_values_make_no_crossover() {
        assert_eq!(found(&[(1, 1.0), (2, 4.0)], &[(1, 2.0), (2, 2.0)], 0.0), None);
        // Values that only one of them has do not count.
        let spin = [(1, 1.0), (2, 4.0), (8, 9.0)];
        assert_eq!(found(&spin, &[(1, 2.0), (2, 2.0), (4, 2.0)], 0.0), None);
    }

    #[test]
    fn who_is_never_or_always_faster_does_not_overtake() {
        let (slow, fast) = ([(1, 2.0), (2, 2.0), (4, 2.0)], [(1, 1.0), (2, 1.0), (4, 1.0)]);
        assert_eq!(found(&fast, &slow, 0.0), Some(Found::Never { from: 1.0, to: 4.0 }));
        assert_eq!(found(&slow, &fast, 0.0), Some(Found::Always { from: 1.0, to: 4.0, everywhere: true }));
    }

    #[test]
    fn what_is_not_told_apart_on_one_side_is_no_crossover() {
        let spin = [(1, 1.0), (2, 1.0), (4, 1.01)];
        let mutex = [(1, 2.0), (2, 1.5), (4, 1.0)];
        assert_eq!(found(&spin, &mutex, 0.2), Some(Found::Never { from: 1.0, to: 4.0 }));
        assert_eq!(found(&spin, &spin, 0.2), Some(Found::Alike { from: 1.0, to: 4.0 }));
    }

    #[test]
    fn several_crossings_are_no_single_one() {
        let spin = [(1, 1.0), (2, 3.0), (4, 1.0), (8, 3.0)];
        let mutex = [(1, 2.0), (2, 2.0), (4, 2.0), (8, 2.0)];
        assert_eq!(found(&spin, &mutex, 0.0), Some(Found::Often { times: 3 }));
    }

    #[test]
    fn a_crossover_is_said_with_its_interval_and_conditions() {
        let found = Found::At(Place { value: 1234.5, low: 1000.0, high: 1500.0 });
        let parties = Found::At(Place { value: 1.4, low: 1.2, high: 1.6 });
        let conditions = in_words(&Map::from_iter([("peer".into(), "thread".into()), ("parties".into(), 2.into())]));
        let (leader, challenger) = ("tas-spinlock".into(), "std-mutex".into());
        let crossover = Crossover { leader, challenger, conditions, axis: Axis::Hold, found };
        let of_parties = Crossover { axis: Axis::Parties, found: parties, ..crossover.clone() };
        assert_eq!(of_parties.said(), "std-mutex overtakes tas-spinlock between 1 and 2 parties");
        let said = crossover.to_string();
        assert!(
            said.starts_with("std-mutex overtakes tas-spinlock at about a hold of 1.2 µs (1.0 µs – 1.5 µs); "),
            "{said}"
        );
    }
}
