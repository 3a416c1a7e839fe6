//! How often the change test is wrong, and how often it sees what is there: thousands of pairs of runs from a seed.

use std::f64::consts::TAU;

use fastrand::Rng;

use super::ratio::Ranks;
use super::verdict::{TOLERANCE, Verdict, judge};

/// What the launches of one machine are like.
#[derive(Clone, Copy)]
struct World {
    name: &'static str,
    /// A launch's median, around 1, in the first or second run.
    launch: fn(&mut Rng, second: bool) -> f64,
    /// Deviation of the whole run, shared by all its cells.
    run: f64,
    /// Deviation of each cell in each run, beyond its launches.
    cell: f64,
    /// How far launches drift from first to last.
    drift: f64,
}

const QUIET: World =
    World { name: "quiet", launch: |random, _| (0.01 * normal(random)).exp(), run: 0.0, cell: 0.0, drift: 0.0 };

const WORLDS: [World; 8] = [
    QUIET,
    World { name: "noisy", launch: |random, _| (0.05 * normal(random)).exp(), ..QUIET },
    World {
        name: "heavy tails",
        launch: |random, _| (0.01 * normal(random)).exp() + 0.01 / (1.0 - random.f64()).sqrt(),
        ..QUIET
    },
    World {
        name: "two modes",
        launch: |random, _| if random.bool() { 1.0 } else { 1.15 } * (0.01 * normal(random)).exp(),
        ..QUIET
    },
    World {
        name: "the second three times as noisy",
        launch: |random, second| (if second { 0.06 } else { 0.02 } * normal(random)).exp(),
        ..QUIET
    },
    World { name: "runs that differ", run: 0.05, ..QUIET },
    World { name: "runs and cells that differ", run: 0.03, cell: 0.02, ..QUIET },
    World { name: "drift", drift: 0.10, run: 0.02, ..QUIET },
];

/// One run: launches of so many cells, in the order of time.
fn run(world: &World, cells: usize, launches: usize, second: bool, random: &mut Rng) -> Vec<Vec<f64>> {
    let (whole, drift) = (world.run * normal(random), world.drift * (random.f64() - 0.5));
    let cell = |random: &mut Rng| {
        let own = world.cell * normal(random);
        let at = |place: usize| whole + own + drift * place as f64 / launches as f64;
        (0..launches).map(|place| 1e3 * at(place).exp() * (world.launch)(random, second)).collect()
    };
    (0..cells).map(|_| cell(random)).collect()
}

/// Verdicts on the cells of so many pairs, the first cell of the second run slowed by a factor.
fn verdicts(world: &World, [pairs, cells, launches]: [usize; 3], slowed: f64, random: &mut Rng) -> Vec<Vec<Verdict>> {
    let mut ranks = Ranks::default();
    let pair = |_| {
        let first = run(world, cells, launches, false, random);
        let mut second = run(world, cells, launches, true, random);
        second[0].iter_mut().for_each(|ns| *ns *= slowed);
        let ratios: Vec<_> = first.iter().zip(&second).filter_map(|(a, b)| ranks.ratio(a, b)).collect();
        judge(&ratios, TOLERANCE).into_iter().map(|(_, verdict)| verdict).collect()
    };
    (0..pairs).map(pair).collect()
}

fn called(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Slower | Verdict::Faster)
}

#[test]
fn at_most_5_percent_of_the_cells_of_equal_programs_are_called_different() {
    let mut random = Rng::with_seed(11);
    for world in &WORLDS {
        for launches in [4, 10] {
            for cells in [6, 60] {
                let verdicts = verdicts(world, [3_000 / cells, cells, launches], 1.0, &mut random);
                let wrong = verdicts.iter().flatten().filter(|verdict| called(verdict)).count();
                let share = wrong as f64 / 3_000.0;
                assert!(share <= 0.05, "{}, {launches} launches, {cells} cells: {share}", world.name);
            }
        }
    }
}

#[test]
fn a_slow_down_of_10_percent_is_called_where_the_interval_is_narrow_enough_and_told_apart_where_not() {
    let mut random = Rng::with_seed(12);
    for launches in [6, 10] {
        let seen = verdicts(&QUIET, [500, 20, launches], 1.1, &mut random);
        let slower = seen.iter().filter(|cells| cells[0] == Verdict::Slower).count();
        assert!(slower >= 475, "{launches} launches: {slower} of 500");
    }
    // Where launches scatter by 15 %, ten of them cannot tell, and no verdict says that nothing is different.
    let wild = World { launch: |random, _| (0.15 * normal(random)).exp(), ..QUIET };
    let unseen = verdicts(&wild, [500, 20, 10], 1.1, &mut random);
    let denied = unseen.iter().filter(|cells| matches!(cells[0], Verdict::NoDifference { .. })).count();
    assert!(denied <= 25, "{denied} of 500 say that there is no difference of 10 %");
}

/// Standard normal, by Box and Muller.
fn normal(random: &mut Rng) -> f64 {
    (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (TAU * random.f64()).cos()
}
