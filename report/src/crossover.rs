//! Where one way overtakes another: at which hold time, and at how many parties, a mutex becomes faster than a spinlock, or the
//! other way round.
//!
//! Read from records alone. Two series of cells are equal in everything but the mechanism and one swept value; their ratio
//! is followed along that value, and between two measured values it is taken to be straight on logarithmic scales. The
//! interval is where the ratio of the far ends of both intervals crosses one: wide intervals make a wide crossover.

use std::collections::BTreeMap;
use std::fmt;

use ipcmark_harness::record::{Cell, Outcome};
use serde_json::{Map, Value};

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

/// A place along the swept value, within these bounds; none: beyond what was measured.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Place {
    /// The place itself, in the unit of the key.
    pub value: f64,
    /// It is not before this.
    pub low: Option<f64>,
    /// It is not after this.
    pub high: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Found {
    At(Place),
    /// At every measured value the challenger is faster.
    Always {
        from: f64,
        to: f64,
    },
    /// At none.
    Never {
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
                let bound = |bound: &Option<f64>| bound.map_or_else(|| "not bounded".into(), |at| axis.value(at));
                let at = axis.phrase(&axis.value(*value));
                format!("{challenger} overtakes {leader} at about {at} ({} – {})", bound(low), bound(high))
            }
            Found::Always { from, to } => format!("{challenger} is faster than {leader} throughout {}", span(from, to)),
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

/// One measured point: the estimate and its interval, in nanoseconds.
#[derive(Copy, Clone, Debug)]
struct Measured {
    estimate: f64,
    low: f64,
    high: f64,
}

type Series = BTreeMap<u64, Measured>;

/// Every spinlock of the record against its first mutex, along each axis of the contended cells.
pub fn of_locks<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> Vec<Crossover> {
    let contended = |cell: &&Cell| cell.workload == "contended" && cell.outcome == Outcome::Measured;
    let cells: Vec<&Cell> = cells.into_iter().filter(contended).collect();
    let mut found = Vec::new();
    for axis in [Axis::Hold, Axis::Parties] {
        for conditions in conditions_of(&cells, axis) {
            let of_family = |family: &str| -> Vec<(String, Series)> { series(&cells, family, axis, &conditions) };
            let Some((mutex, challenger)) = of_family("mutex").into_iter().next() else { continue };
            for (spinlock, leader) in of_family("spinlock") {
                let (mut leader, mut challenger) = ((spinlock, leader), (mutex.clone(), challenger.clone()));
                // It may be the spinlock that is slower at first, and overtakes.
                if crossing(&challenger.1, &leader.1).is_some_and(|found| matches!(found, Found::At(_))) {
                    std::mem::swap(&mut leader, &mut challenger);
                }
                let Some(place) = crossing(&leader.1, &challenger.1) else { continue };
                let (leader, challenger, conditions) = (leader.0, challenger.0, in_words(&conditions));
                found.push(Crossover { leader, challenger, conditions, axis, found: place });
            }
        }
    }
    found
}

/// The setups that differ in more than this axis, in order of first appearance.
fn conditions_of(cells: &[&Cell], axis: Axis) -> Vec<Map<String, Value>> {
    let mut all = Vec::new();
    for cell in cells {
        let conditions = without(&cell.setup, axis);
        if !all.contains(&conditions) {
            all.push(conditions);
        }
    }
    all
}

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

/// The mechanisms of a family with what was measured of them along the axis, two values at least.
fn series(cells: &[&Cell], family: &str, axis: Axis, conditions: &Map<String, Value>) -> Vec<(String, Series)> {
    let mut all: Vec<(String, Series)> = Vec::new();
    for cell in cells.iter().filter(|cell| cell.family == family && without(&cell.setup, axis) == *conditions) {
        let value = cell.setup.get(axis.key()).and_then(Value::as_u64);
        let (Some(value), Some(estimate), Some([low, high])) = (value, cell.estimate_ns, cell.interval_ns) else {
            continue;
        };
        let measured = Measured { estimate, low, high };
        match all.iter_mut().find(|(name, _)| *name == cell.mechanism) {
            Some((_, series)) => drop(series.insert(value, measured)),
            None => all.push((cell.mechanism.clone(), BTreeMap::from([(value, measured)]))),
        }
    }
    all.retain(|(_, series)| series.len() > 1);
    all
}

/// Where the challenger's times fall below the leader's; none: fewer than two values were measured of both.
fn crossing(leader: &Series, challenger: &Series) -> Option<Found> {
    let ratios = |of: fn(&Measured, &Measured) -> f64| -> Vec<(f64, f64)> {
        let both = leader.iter().filter_map(|(value, a)| Some((*value, a, challenger.get(value)?)));
        both.map(|(value, leader, challenger)| (value as f64, of(leader, challenger).ln())).collect()
    };
    let central = ratios(|leader, challenger| challenger.estimate / leader.estimate);
    let (&(from, first), &(to, _)) = (central.first()?, central.last()?);
    if central.len() < 2 {
        return None;
    }
    let places = falls(&central);
    let rises = central.windows(2).filter(|pair| pair[0].1 < 0.0 && pair[1].1 >= 0.0).count();
    Some(match places[..] {
        [] if rises == 0 && first < 0.0 => Found::Always { from, to },
        [] if rises == 0 => Found::Never { from, to },
        [value] if rises == 0 => {
            // The challenger at its best crosses first, at its worst last.
            let (best, worst) = (ratios(|a, b| b.low / a.high), ratios(|a, b| b.high / a.low));
            Found::At(Place { value, low: falls(&best).first().copied(), high: falls(&worst).last().copied() })
        }
        _ => Found::Often { times: places.len() + rises },
    })
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

    fn series(points: &[(u64, f64)], spread: f64) -> Series {
        let measured =
            |estimate: f64| Measured { estimate, low: estimate * (1.0 - spread), high: estimate * (1.0 + spread) };
        points.iter().map(|&(value, estimate)| (value, measured(estimate))).collect()
    }

    #[test]
    fn the_crossover_lies_where_the_ratio_is_one_and_its_interval_around_it() {
        let spin = series(&[(100, 100.0), (1000, 1000.0), (10_000, 20_000.0)], 0.05);
        let mutex = series(&[(100, 200.0), (1000, 2000.0), (10_000, 10_000.0)], 0.05);
        let Some(Found::At(Place { value, low: Some(low), high: Some(high) })) = crossing(&spin, &mutex) else {
            panic!("there is one")
        };
        assert!((value - 3162.0).abs() < 1.0, "{value}");
        assert!(1000.0 < low && low < value && value < high && high < 10_000.0, "{low} {high}");
    }

    #[test]
    fn who_is_never_or_always_faster_does_not_overtake() {
        let (slow, fast) = (series(&[(1, 2.0), (2, 2.0)], 0.0), series(&[(1, 1.0), (2, 1.0)], 0.0));
        assert_eq!(crossing(&fast, &slow), Some(Found::Never { from: 1.0, to: 2.0 }));
        assert_eq!(crossing(&slow, &fast), Some(Found::Always { from: 1.0, to: 2.0 }));
    }

    #[test]
    fn several_crossings_are_no_single_one() {
        let spin = series(&[(1, 1.0), (2, 3.0), (4, 1.0), (8, 3.0)], 0.0);
        let mutex = series(&[(1, 2.0), (2, 2.0), (4, 2.0), (8, 2.0)], 0.0);
        assert_eq!(crossing(&spin, &mutex), Some(Found::Often { times: 3 }));
    }

    #[test]
    fn a_bound_beyond_what_was_measured_is_said_to_be_none() {
        let found = Found::At(Place { value: 1234.5, low: Some(1000.0), high: None });
        let conditions = in_words(&Map::from_iter([("peer".into(), "thread".into()), ("parties".into(), 2.into())]));
        let (leader, challenger) = ("tas-spinlock".into(), "std-mutex".into());
        let crossover = Crossover { leader, challenger, conditions, axis: Axis::Hold, found };
        let said = crossover.to_string();
        assert!(
            said.starts_with("std-mutex overtakes tas-spinlock at about a hold of 1.2 µs (1.0 µs – not bounded); "),
            "{said}"
        );
    }
}
