//! The tables of docs/STATISTICS.md.

use super::worlds::{QUIET, WORLDS, World};
use super::{Change, NONE, Outcome, Trials, outcomes, share};

/// Comparisons behind each figure: what is 5 % is known to ± 2 %.
const COMPARISONS: usize = 400;
const FACTORS: [f64; 6] = [1.05, 1.10, 1.20, 1.34, 2.0, 3.0];

fn percent(outcomes: &[Outcome], of: impl Fn(&Outcome) -> bool) -> String {
    format!("{:.0} %", 100.0 * share(outcomes, of))
}

/// Of the changed cells of all comparisons those that are called.
fn found(outcomes: &[Outcome]) -> String {
    let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>() as f64;
    format!("{:.0} %", 100.0 * sum(|outcome| outcome.found) / sum(|outcome| outcome.changed))
}

#[test]
#[ignore = "prints tables for docs/STATISTICS.md; a minute or two"]
fn power() {
    false_alarms();
    by_share();
    by_cells();
    by_world();
    common_shift();
}

fn false_alarms() {
    println!("\nEqual programs: comparisons in which anything is called.\n");
    println!("| launches | 1 cell | 6 cells, 4 launches | 6 cells | 60 cells, 4 launches | 60 cells | 200 cells |");
    println!("|---|---|---|---|---|---|---|");
    let wrong = |outcome: &Outcome| outcome.wrong > 0 || outcome.whole_called || outcome.exceeded;
    let row = |name: &str, world: World, records: usize| {
        let sizes = [(1, 10), (6, 4), (6, 10), (60, 4), (60, 10), (200, 10)];
        let figures = sizes.map(|(cells, launches)| {
            let mut trials = Trials { records, ..Trials::new(world, cells, launches) };
            percent(&outcomes(&mut trials, NONE, COMPARISONS), wrong)
        });
        println!("| {name} | {} |", figures.join(" | "));
    };
    for world in WORLDS {
        row(world.name, world, 1);
        if world.run > 0.0 {
            row(&format!("{}, and the machine's steps with them", world.name), World { steps: Some(0.02), ..world }, 1);
            row(&format!("{}, three records a side", world.name), world, 3);
        }
    }
}

fn by_share() {
    println!(
        "\n76 cells of which a share takes longer, quiet, 10 launches: changed cells called slower / the whole called slower / `--fail-on 5%` fails.\n"
    );
    println!("| changed | {} |", FACTORS.map(|factor| format!("× {factor:.2}")).join(" | "));
    println!("|---|{}", "---|".repeat(FACTORS.len()));
    for changed in [1, 8, 19, 34, 38, 42, 57, 68, 76] {
        let figures = FACTORS.map(|factor| figures(QUIET, 76, Change { cells: changed, factor }));
        println!("| {changed} of 76 | {} |", figures.join(" | "));
    }
}

fn figures(world: World, cells: usize, change: Change) -> String {
    let outcomes = outcomes(&mut Trials::new(world, cells, 10), change, COMPARISONS / 4);
    let (whole, fails) = (percent(&outcomes, |one| one.whole_slower), percent(&outcomes, |one| one.exceeded));
    format!("{} / {whole} / {fails}", found(&outcomes))
}

fn by_cells() {
    println!("\nAll cells take longer, quiet, 10 launches; the same figures.\n");
    println!("| cells | {} |", FACTORS.map(|factor| format!("× {factor:.2}")).join(" | "));
    println!("|---|{}", "---|".repeat(FACTORS.len()));
    for cells in [1, 2, 3, 4, 5, 20, 200] {
        println!("| {cells} | {} |", FACTORS.map(|factor| figures(QUIET, cells, Change { cells, factor })).join(" | "));
    }
}

fn by_world() {
    println!(
        "\nOne, half and all of 60 cells take longer, 10 launches; changed cells called slower / passed by `--fail-on 5%`.\n"
    );
    println!("| launches | 1 × 1.10 | 1 × 1.34 | 30 × 1.10 | 30 × 1.34 | 60 × 1.10 | 60 × 1.34 |");
    println!("|---|---|---|---|---|---|---|");
    for world in WORLDS {
        let figures = [(1, 1.10), (1, 1.34), (30, 1.10), (30, 1.34), (60, 1.10), (60, 1.34)].map(|(cells, factor)| {
            let outcomes = outcomes(&mut Trials::new(world, 60, 10), Change { cells, factor }, COMPARISONS / 4);
            format!("{} / {}", found(&outcomes), percent(&outcomes, |one| !one.exceeded && !one.unresolved))
        });
        println!("| {} | {} |", world.name, figures.join(" | "));
    }
}

fn common_shift() {
    println!("\nAll of 60 cells × 1.10, 10 launches: the whole called slower / not resolved.\n");
    println!("| launches | one record a side | the machine's steps, ± 2 % each | three records a side |");
    println!("|---|---|---|---|");
    for world in WORLDS {
        let kinds = [(world, 1), (World { steps: Some(0.02), ..world }, 1), (world, 3)].map(|(world, records)| {
            let mut trials = Trials { records, ..Trials::new(world, 60, 10) };
            let outcomes = outcomes(&mut trials, Change { cells: 60, factor: 1.10 }, COMPARISONS / 4);
            let open = percent(&outcomes, |one| !one.whole_called);
            format!("{} / {open}", percent(&outcomes, |one| one.whole_slower))
        });
        println!("| {} | {} |", world.name, kinds.join(" | "));
    }
}
