//! How often comparisons are wrong, and how often they see what is there: thousands of pairs of records from a seed, through
//! [`compare`] itself.
//!
//! The tables of docs/STATISTICS.md are printed by
//!
//! ```text
//! cargo test -p ipcmark-report --release -- power --ignored --nocapture
//! ```

mod power;
mod real;
mod worlds;

use fastrand::Rng;

use super::testing::source;
use super::{Comparison, Gate, Options, Verdict, compare};
use crate::load::Source;
use crate::made_up::Run;
use worlds::{QUIET, WORLDS, World};

/// Records to be filled with times.
struct Trials {
    world: World,
    template: Source,
    /// Records of each side.
    records: usize,
    random: Rng,
}

/// What was changed: so many cells by a factor.
#[derive(Clone, Copy)]
struct Change {
    cells: usize,
    factor: f64,
}

const NONE: Change = Change { cells: 0, factor: 1.0 };

impl Trials {
    fn new(world: World, cells: usize, launches: usize) -> Trials {
        let template = source(Run { cells, launches, ..Run::default() });
        Trials { world, template, records: 1, random: Rng::with_seed(11) }
    }

    /// So many records of either side, the changed cells spread over the second.
    fn comparison(&mut self, change: Change) -> Comparison {
        let sides = [(false, NONE), (true, change)];
        let mut sources: Vec<Source> = Vec::new();
        for (second, change) in sides {
            sources
                .extend((0..self.records).map(|_| self.world.record(&self.template, second, change, &mut self.random)));
        }
        let treatment = (self.records > 1).then(|| "side".to_owned());
        let options = Options { treatment, ..Options::default() };
        compare(&sources.iter().collect::<Vec<_>>(), &options).unwrap()
    }
}

/// What one comparison came to.
#[derive(Clone, Copy, Default)]
struct Outcome {
    /// Changed cells, and how many of them are called slower.
    changed: usize,
    found: usize,
    /// Cells called that were not changed, either way.
    wrong: usize,
    whole_slower: bool,
    whole_called: bool,
    exceeded: bool,
    unresolved: bool,
}

fn called(verdict: Option<Verdict>) -> bool {
    matches!(verdict, Some(Verdict::Slower | Verdict::Faster))
}

/// Whether the cell at a place is among so many changed ones of all: they are spread evenly.
fn is_changed(place: usize, change: Change, cells: usize) -> bool {
    (place + 1) * change.cells / cells > place * change.cells / cells
}

fn outcome(found: &Comparison, change: Change) -> Outcome {
    let entries = found.rows.iter().filter_map(|row| row.values[1].as_ref()).map(|entry| entry.verdict);
    let mut outcome = Outcome::default();
    for (place, verdict) in entries.enumerate() {
        if is_changed(place, change, found.rows.len()) {
            outcome.changed += 1;
            outcome.found += usize::from(verdict == Some(Verdict::Slower));
        } else {
            outcome.wrong += usize::from(called(verdict));
        }
    }
    let whole = found.columns[1].whole.as_ref().map(|whole| whole.verdict);
    (outcome.whole_slower, outcome.whole_called) = (whole == Some(Verdict::Slower), called(whole));
    let gate = found.gate(0.05);
    (outcome.exceeded, outcome.unresolved) = (matches!(gate, Gate::Exceeded(_)), matches!(gate, Gate::Unresolved(_)));
    outcome
}

fn outcomes(trials: &mut Trials, change: Change, count: usize) -> Vec<Outcome> {
    (0..count).map(|_| outcome(&trials.comparison(change), change)).collect()
}

fn share(outcomes: &[Outcome], of: impl Fn(&Outcome) -> bool) -> f64 {
    outcomes.iter().filter(|outcome| of(outcome)).count() as f64 / outcomes.len() as f64
}

const COMPARISONS: usize = 100;

#[test]
fn at_most_5_percent_of_the_comparisons_of_equal_programs_call_anything() {
    for world in WORLDS.iter().filter(|world| world.run == 0.0) {
        for (cells, launches) in [(1, 10), (6, 4), (6, 10), (60, 4), (60, 10)] {
            let outcomes = outcomes(&mut Trials::new(*world, cells, launches), NONE, COMPARISONS);
            let wrong = share(&outcomes, |outcome| outcome.wrong > 0 || outcome.whole_called || outcome.exceeded);
            assert!(wrong <= 0.05, "{}, {launches} launches, {cells} cells: {wrong}", world.name);
        }
    }
}

#[test]
fn runs_that_differ_as_wholes_are_not_called_where_records_tell_how_much_they_do() {
    for world in WORLDS.iter().filter(|world| world.run > 0.0) {
        let mut trials = Trials { records: 3, ..Trials::new(*world, 20, 10) };
        let outcomes = outcomes(&mut trials, NONE, COMPARISONS);
        let wrong = share(&outcomes, |outcome| outcome.wrong > 0 || outcome.whole_called || outcome.exceeded);
        assert!(wrong <= 0.05, "{}: {wrong}", world.name);
    }
}

#[test]
fn a_change_is_called_whatever_share_of_the_cells_changed() {
    for cells in [1, 2, 3, 4, 5, 20, 76] {
        let mut trials = Trials::new(QUIET, cells, 10);
        for percent in [1, 10, 45, 50, 55, 90, 100] {
            for factor in [1.34, 3.0] {
                let change = Change { cells: (cells * percent).div_ceil(100), factor };
                let outcomes = outcomes(&mut trials, change, 5);
                let told = format!("{} of {cells} cells × {factor}", change.cells);
                assert!(outcomes.iter().all(|outcome| outcome.found == outcome.changed), "{told}: not all are called");
                assert!(outcomes.iter().all(|outcome| outcome.exceeded), "{told}: the gate does not see it");
                assert!(outcomes.iter().all(|outcome| outcome.wrong == 0), "{told}: others are called");
            }
        }
    }
}

#[test]
fn a_common_slow_down_of_10_percent_is_called() {
    for cells in [5, 60] {
        let change = Change { cells, factor: 1.10 };
        let outcomes = outcomes(&mut Trials::new(QUIET, cells, 10), change, COMPARISONS);
        assert!(share(&outcomes, |outcome| outcome.whole_slower && outcome.exceeded) >= 0.95, "{cells} cells");
    }
}

#[test]
fn what_cannot_be_told_is_neither_denied_nor_passed() {
    // Where launches scatter by 15 %, ten of them cannot tell.
    let wild = World { launch: |random, _| (0.15 * super::testing::normal(random)).exp(), ..QUIET };
    let change = Change { cells: 1, factor: 1.1 };
    let outcomes = outcomes(&mut Trials::new(wild, 20, 10), change, COMPARISONS);
    assert!(share(&outcomes, |outcome| outcome.unresolved || outcome.exceeded) >= 0.95);
}
