use ipcmark_harness::doctor::{Finding, Severity};
use ipcmark_harness::grade::Letter;
use ipcmark_harness::machine::Scheduling;
use ipcmark_harness::record::NearFar;

use super::testing::{cell_of_launches, header};
use super::*;

/// What all cells of a round have in common: a machine that is up to twice as slow for some time.
const MACHINE: [f64; 12] = [1.0, 1.1, 1.7, 2.0, 1.9, 1.2, 1.0, 1.05, 1.4, 1.6, 1.0, 1.3];

/// A cell that takes so long on that machine, with noise of its own.
fn cell(mechanism: &str, ns: f64, noise: f64) -> Cell {
    let mut random = fastrand::Rng::with_seed(mechanism.bytes().map(u64::from).sum());
    let launches = MACHINE.map(|slower| ns * slower * (1.0 + noise * (random.f64() - 0.5)));
    cell_of_launches(mechanism, &launches)
}

fn ratio(base: &Cell, other: &Cell) -> PairedRatio {
    PairedRatio::of(&header(), base, other).unwrap()
}

fn letter(base: &Cell, other: &Cell) -> (Letter, String) {
    let grade = ratio(base, other).grade;
    (grade.letter, grade.reasons.join("; "))
}

#[test]
fn what_a_whole_round_shares_falls_out_of_the_ratio() {
    let (base, other) = (cell("a", 100.0, 0.01), cell("b", 130.0, 0.01));
    let paired = ratio(&base, &other);
    assert!((paired.value - 1.3).abs() < 0.01 && paired.half_width().unwrap() < 0.01, "{paired:?}");
    assert_eq!((paired.pairs, paired.grade.letter), (Some(12), Letter::A));
    let mut unrounded = base.clone();
    unrounded.per_launch.iter_mut().for_each(|launch| launch.round = 0);
    let unpaired = ratio(&unrounded, &other);
    assert!(unpaired.pairs.is_none() && unpaired.half_width().unwrap() > 0.15, "{unpaired:?}");
    assert_eq!(unpaired.grade.letter, Letter::D);
}

#[test]
fn ratios_of_records_without_rounds_are_those_of_ranks() {
    let (mut base, mut other) = (cell("a", 100.0, 0.05), cell("b", 130.0, 0.05));
    for cell in [&mut base, &mut other] {
        cell.per_launch.iter_mut().for_each(|launch| launch.round = 0);
    }
    let launches = |cell: &Cell| -> Vec<f64> { cell.per_launch.iter().map(|launch| launch.estimate_ns).collect() };
    let wanted = Ranks::default().ratio(&launches(&base), &launches(&other)).unwrap();
    let found = ratio(&base, &other);
    assert_eq!((found.value, found.interval), (wanted.value, wanted.interval));
}

#[test]
fn launches_are_paired_by_their_round_and_not_by_their_place() {
    let (base, mut other) = (cell("a", 100.0, 0.01), cell("b", 130.0, 0.01));
    other.per_launch.reverse();
    other.per_launch.remove(3);
    let found = ratio(&base, &other);
    assert_eq!(found.pairs, Some(11));
    assert!(found.half_width().unwrap() < 0.01, "{found:?}");
}

#[test]
fn letters_follow_the_width_of_the_ratios_own_interval() {
    for (noise, wanted) in [(0.005, Letter::A), (0.1, Letter::B), (0.4, Letter::C), (1.5, Letter::D)] {
        let (found, why) = letter(&cell("a", 100.0, 0.0), &cell("b", 130.0, noise));
        assert_eq!(found, wanted, "{noise}: {why}");
    }
}

#[test]
fn fewer_than_six_pairs_are_indicative_and_a_single_one_is_nothing() {
    let few = |count: usize| {
        let launches = |ns: f64| MACHINE[..count].iter().map(|slower| ns * slower).collect::<Vec<_>>();
        (cell_of_launches("a", &launches(100.0)), cell_of_launches("b", &launches(130.0)))
    };
    let (base, other) = few(5);
    let found = ratio(&base, &other);
    assert_eq!((found.grade.letter, found.level), (Letter::C, Some(0.9375)));
    let (base, other) = few(1);
    let (found, why) = letter(&base, &other);
    assert!(found == Letter::D && why.contains("no interval"), "{why}");
}

/// Gives each launch a second on two CPUs, of which others took this share.
fn disturb(cell: &mut Cell, foreign: impl Fn(usize) -> f64, stolen: f64) {
    for (place, launch) in cell.per_launch.iter_mut().enumerate() {
        (launch.wall_ns, launch.cpus) = (1_000_000_000, 2);
        launch.foreign_ns = (2e9 * foreign(place)) as u64;
        launch.stolen_ns = (2e9 * stolen) as u64;
    }
}

#[test]
fn a_hog_beside_either_arm_leaves_no_ratio_citable() {
    let (calm, mut hogged) = (cell("a", 100.0, 0.005), cell("b", 130.0, 0.005));
    disturb(&mut hogged, |_| 0.5, 0.0);
    for (base, other) in [(&calm, &hogged), (&hogged, &calm)] {
        let (found, why) = letter(base, other);
        assert!(found == Letter::D && why.contains("other work used 50 % of the CPUs of b: not citable"), "{why}");
    }
    disturb(&mut hogged, |_| 0.0, 0.06);
    let (found, why) = letter(&calm, &hogged);
    assert!(found == Letter::D && why.contains("the hypervisor took 6 % from b"), "{why}");
}

#[test]
fn what_disturbs_one_arm_more_is_indicative_and_what_disturbs_both_alike_is_not() {
    let (mut base, mut other) = (cell("a", 100.0, 0.005), cell("b", 130.0, 0.005));
    disturb(&mut base, |_| 0.01, 0.0);
    disturb(&mut other, |_| 0.07, 0.0);
    let (found, why) = letter(&base, &other);
    assert!(found == Letter::C && why.contains("6 % more of the CPUs of b"), "{why}");
    disturb(&mut base, |place| 0.03 + 0.01 * (place % 3) as f64, 0.0);
    disturb(&mut other, |place| 0.03 + 0.01 * (place % 4) as f64, 0.0);
    assert_eq!(letter(&base, &other), (Letter::A, String::new()));
}

#[test]
fn records_without_launches_times_are_judged_by_their_conditions() {
    let (base, mut other) = (cell("a", 100.0, 0.005), cell("b", 130.0, 0.005));
    let conditions = [("wall_s", 6.0), ("foreign_cpu_share", 0.3), ("steal_ns", 0.0)];
    other.conditions = conditions.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let (found, why) = letter(&base, &other);
    assert!(found == Letter::D && why.contains("30 %"), "{why}");
}

#[test]
fn unsteady_launches_modes_and_drift_are_told() {
    let (base, mut other) = (cell("a", 100.0, 0.005), cell("b", 130.0, 0.005));
    other.unsteady_launches = 2;
    assert_eq!(letter(&base, &other).0, Letter::B);
    other.unsteady_launches = 4;
    assert_eq!(letter(&base, &other).0, Letter::C);
    other.unsteady_launches = 0;
    other.modes_ns = vec![6400.0, 8400.0];
    let (found, why) = letter(&base, &other);
    assert!(found == Letter::C && why.contains("6.40 µs or 8.40 µs, by process"), "{why}");
    other.modes_ns.clear();
    for launch in &mut other.per_launch {
        launch.estimate_ns *= 1.0 + 0.005 * f64::from(launch.round);
    }
    let (found, why) = letter(&base, &other);
    assert!(found == Letter::C && why.contains("drifts"), "{why}");
}

#[test]
fn what_was_not_verified_or_is_not_known_or_was_refused_is_not_citable() {
    let (base, mut other) = (cell("a", 100.0, 0.005), cell("b", 130.0, 0.005));
    other.verification = None;
    assert_eq!(letter(&base, &other).0, Letter::D);
    other.verification.clone_from(&base.verification);
    let mut dirty = header();
    dirty.revision.dirty = Some(true);
    assert_eq!(PairedRatio::of(&dirty, &base, &other).unwrap().grade.letter, Letter::D);
    let mut refused = header();
    refused.findings.push(Finding { id: "load".into(), severity: Severity::Refuse, ..finding() });
    assert_eq!(PairedRatio::of(&refused, &base, &other).unwrap().grade.letter, Letter::D);
    // What moves both arms alike is no reason: on a virtual machine a ratio may be an A.
    let mut virtual_machine = header();
    virtual_machine.findings.push(Finding { id: "hypervisor".into(), severity: Severity::Flag, ..finding() });
    assert_eq!(PairedRatio::of(&virtual_machine, &base, &other).unwrap().grade.letter, Letter::A);
}

fn finding() -> Finding {
    serde_json::from_value(serde_json::json!({"id": "x", "severity": "flag", "seen": "s", "why": "w"})).unwrap()
}

#[test]
fn a_time_of_zero_has_no_ratio() {
    let zero = cell_of_launches("zero", &[0.0; 6]);
    assert!(PairedRatio::of(&header(), &zero, &cell("b", 130.0, 0.0)).is_none());
}

/// From this launch on of the n-th start.
fn resumed_from(cell: &mut Cell, place: usize, start: u32) {
    cell.per_launch.iter_mut().skip(place).for_each(|launch| launch.start = start);
}

#[test]
fn a_run_that_went_on_under_other_conditions_has_no_ratio_to_cite() {
    let (mut base, mut other) = (cell("a", 100.0, 0.005), cell("b", 130.0, 0.005));
    let resumed = |ids: &[&str], changed: &[&str]| Resumed {
        findings: ids.iter().map(|id| Finding { id: (*id).into(), severity: Severity::Refuse, ..finding() }).collect(),
        changed: changed.iter().map(|&what| what.to_owned()).collect(),
        ..Resumed::default()
    };
    let header = header();
    let letter = |base: &Cell, other: &Cell, resumed: &[Resumed]| {
        let grade = PairedRatio::of(RunContext { header: &header, resumed }, base, other).unwrap().grade;
        (grade.letter, grade.reasons.join("; "))
    };
    let lines = [Resumed::default(), resumed(&["another-run"], &[]), resumed(&[], &["nice was 0 and is 5"])];
    resumed_from(&mut base, 3, 1);
    resumed_from(&mut other, 3, 1);
    assert_eq!(letter(&base, &other, &lines), (Letter::A, String::new()));
    for (start, why) in [(2, "another-run"), (3, "resumed-otherwise")] {
        resumed_from(&mut other, 8, start);
        let (found, said) = letter(&base, &other, &lines);
        assert!(found == Letter::D && said.contains(why), "{said}");
    }
}

#[test]
fn launches_that_were_scheduled_differently_leave_no_ratio_citable() {
    let (base, mut other) = (cell("a", 100.0, 0.005), cell("b", 130.0, 0.005));
    let nice = NearFar { near: vec![Scheduling { nice: 5, ..Scheduling::default() }], far: Vec::new() };
    other.per_launch.iter_mut().skip(6).for_each(|launch| launch.scheduling = Some(nice.clone()));
    for (one, two) in [(&base, &other), (&other, &base)] {
        let (found, why) = letter(one, two);
        assert!(found == Letter::D && why.contains("b: launches were scheduled differently"), "{why}");
    }
}

#[test]
fn launches_of_two_starts_are_no_pair_and_cells_without_a_pair_have_the_unpaired_ratio() {
    let (base, mut other) = (cell("a", 100.0, 0.01), cell("b", 130.0, 0.01));
    resumed_from(&mut other, 6, 1);
    assert_eq!(ratio(&base, &other).pairs, Some(6));
    resumed_from(&mut other, 0, 1);
    let found = ratio(&base, &other);
    assert!(found.pairs.is_none() && found.interval.is_some() && (found.value - 1.3).abs() < 0.1, "{found:?}");
}

#[test]
fn of_many_launches_on_many_cpus_a_hundred_pairs_are_judged() {
    let launches = |ns: f64| (0..2_000).map(|place| ns + f64::from(place % 7)).collect::<Vec<_>>();
    let (base, mut other) = (cell_of_launches("a", &launches(100.0)), cell_of_launches("b", &launches(130.0)));
    for launch in &mut other.per_launch {
        (launch.wall_ns, launch.cpus) = (1_000, u32::MAX);
    }
    assert_eq!(ratio(&base, &other).pairs, Some(100));
}
