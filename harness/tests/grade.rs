//! Grades: each reason seen giving its letter, and a cell without any being an A.

use std::collections::BTreeMap;

use ipcmark_harness::doctor::{Finding, Severity};
use ipcmark_harness::grade::{Grade, Grader, Letter};
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::record::{
    Cell, FrontEnd, Header, Identity, Launch, Measurement, Outcome, Revision, SCHEMA, Selection,
};
use serde_json::{Value, json};

fn finding(id: &str, severity: Severity) -> Finding {
    Finding { id: id.to_owned(), severity, seen: String::new(), why: String::new(), improve: None, restore: None }
}

/// A probe of a CPU on which one gap in 10,000 takes 50 µs; gaps follow each other at 25 ns.
fn probes(noise: f64) -> BTreeMap<String, Value> {
    let mut gaps = Histogram::new();
    gaps.record_n(25, 9_999_000);
    gaps.record_n(50_000, 1_000);
    BTreeMap::from([
        ("aa_noise_share".to_owned(), json!(noise)),
        ("jitter_histogram".to_owned(), json!(gaps.to_base64())),
        ("jitter_mean_gap_ns".to_owned(), json!(25.0)),
    ])
}

fn header() -> Header {
    Header {
        schema: SCHEMA.to_owned(),
        suite: "0.1.0".to_owned(),
        revision: Revision { commit: Some("c".repeat(40)), dirty: Some(false), missing: None },
        command: Vec::new(),
        selection: Selection::default(),
        seed: 0,
        profile: "standard".to_owned(),
        front_end: FrontEnd::Run,
        started_utc: "2026-01-02T03:04:05Z".to_owned(),
        build: BTreeMap::new(),
        clock: BTreeMap::new(),
        machine: BTreeMap::new(),
        conditions: BTreeMap::new(),
        tags: BTreeMap::new(),
        findings: Vec::new(),
        probes: probes(0.005),
    }
}

fn cell(launches: &[f64], latencies: &[(u64, u64)]) -> Cell {
    let launch = |ns: &f64| Launch { batches_ns: vec![*ns; 3], operations: 3, ..Launch::default() };
    let mut histogram = Histogram::new();
    latencies.iter().for_each(|(ns, count)| histogram.record_n(*ns, *count));
    let measurement = Measurement {
        launches: launches.iter().map(launch).collect(),
        histogram: Ok(histogram),
        bytes_per_operation: None,
        verification: Some("passed: 200 operations".to_owned()),
        conditions: BTreeMap::new(),
        notes: Vec::new(),
    };
    Cell::measured(Identity { id: "a".to_owned(), ..Identity::default() }, measurement)
}

const STEADY: [f64; 6] = [1000.0, 1003.0, 998.0, 1001.0, 999.0, 1002.0];
/// Of 10,000 operations two in a hundred took long, far longer than the platform's gaps.
const TAIL: [(u64, u64); 2] = [(1_000, 9_800), (400_000, 200)];

fn steady() -> Cell {
    cell(&STEADY, &TAIL)
}

fn graded(header: &Header, mut cell: Cell) -> (Grade, Cell) {
    Grader::new(header, &[]).apply(&mut cell);
    (cell.grade.clone().unwrap(), cell)
}

#[track_caller]
fn assert_letter(grade: &Grade, letter: Letter, reason: &str) {
    assert_eq!(grade.letter, letter, "{grade:?}");
    assert!(grade.reasons.iter().any(|text| text.starts_with(letter.as_str()) && text.contains(reason)), "{grade:?}");
}

#[test]
fn a_steady_cell_on_a_quiet_machine_is_an_a_without_reasons() {
    let (grade, cell) = graded(&header(), steady());
    assert_eq!(grade, Grade { letter: Letter::A, tail: Some(Letter::A), reasons: Vec::new() });
    assert_eq!(cell.quantiles_ns.unwrap().p99, Some(400_127));
}

#[test]
fn findings_allow_a_b_or_a_c_and_a_refusal_a_d() {
    let with = |id, severity| graded(&Header { findings: vec![finding(id, severity)], ..header() }, steady()).0;
    assert_letter(&with("turbo", Severity::Flag), Letter::B, "turbo");
    assert_letter(&with("throttling", Severity::Flag), Letter::C, "throttling");
    assert_letter(&with("debug-build", Severity::Refuse), Letter::D, "the doctor refused: debug-build");
    assert_eq!(with("smt", Severity::Note).letter, Letter::A);
}

#[test]
fn findings_made_after_the_run_count_as_well() {
    let mut cell = steady();
    Grader::new(&header(), &[finding("throttling", Severity::Flag)]).apply(&mut cell);
    assert_letter(&cell.grade.unwrap(), Letter::C, "throttling");
}

#[test]
fn a_virtual_machine_never_gets_better_than_c_for_tails() {
    let virtual_machine = Header { findings: vec![finding("hypervisor", Severity::Flag)], ..header() };
    let (grade, _) = graded(&virtual_machine, steady());
    assert_eq!((grade.letter, grade.tail), (Letter::B, Some(Letter::C)));
    assert!(grade.reasons.contains(&"tail C: the doctor flagged hypervisor".to_owned()), "{grade:?}");
}

#[test]
fn a_wide_interval_costs_letters() {
    for (spread, letter) in [(1.0, Letter::A), (2.0, Letter::A), (4.0, Letter::B), (12.0, Letter::C), (30.0, Letter::D)]
    {
        let launches = [0.0, 1.0, -1.0, 0.5, -0.5, 0.2].map(|share| 1000.0 + share * spread * 10.0);
        let (grade, _) = graded(&header(), cell(&launches, &TAIL));
        assert_eq!(grade.letter, letter, "± {spread} %: {grade:?}");
    }
}

/// The probe and the doctor look at one moment before the run; each launch has counted the same in its own time.
#[test]
fn what_each_launch_counts_itself_costs_no_letter_when_the_doctor_finds_it_in_another_moment() {
    for id in ["a-a-noise", "load", "steal", "pressure", "foreign-work"] {
        let noisy = Header { findings: vec![finding(id, Severity::Flag)], probes: probes(0.4), ..header() };
        assert_eq!(graded(&noisy, steady()).0.letter, Letter::A, "{id}");
    }
}

#[test]
fn launches_without_a_steady_state_cost_letters() {
    for (unsteady, letter) in [(1, Letter::A), (2, Letter::C), (3, Letter::C), (4, Letter::D)] {
        let cell = Cell { unsteady_launches: unsteady, ..steady() };
        let (grade, _) = graded(&header(), cell);
        assert_eq!(grade.letter, letter, "{unsteady} of 6: {grade:?}");
    }
}

#[test]
fn few_launches_cover_too_little_and_one_says_nothing() {
    assert_letter(
        &graded(&header(), cell(&STEADY[..5], &TAIL)).0,
        Letter::B,
        "5 launches cover the median with 93.8 %",
    );
    assert_letter(&graded(&header(), cell(&STEADY[..3], &TAIL)).0, Letter::C, "3 launches");
    assert_letter(&graded(&header(), cell(&STEADY[..1], &TAIL)).0, Letter::D, "one launch");
}

#[test]
fn launches_that_drift_are_indicative() {
    let drifting: Vec<f64> = (0..8).map(|i| 1000.0 + 8.0 * f64::from(i)).collect();
    assert_letter(&graded(&header(), cell(&drifting, &TAIL)).0, Letter::C, "drift from first to last");
}

#[test]
fn an_unverified_cell_and_a_changed_source_are_not_to_be_cited() {
    let unverified = Cell { verification: None, ..steady() };
    assert_letter(&graded(&header(), unverified).0, Letter::D, "not verified");
    let dirty = Revision { dirty: Some(true), ..header().revision };
    assert_letter(&graded(&Header { revision: dirty, ..header() }, steady()).0, Letter::D, "differs from its commit");
    let unknown = Revision { missing: Some("no checkout".to_owned()), ..Revision::default() };
    assert_letter(&graded(&Header { revision: unknown, ..header() }, steady()).0, Letter::B, "revision is not known");
}

#[test]
fn other_work_on_the_cpus_costs_letters_the_more_it_is() {
    let with = |conditions: &[(&str, f64)]| {
        let conditions = conditions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        graded(&header(), Cell { conditions, ..steady() }).0
    };
    assert_letter(&with(&[("foreign_cpu_share", 0.07)]), Letter::C, "others used 7 %");
    assert_letter(&with(&[("foreign_cpu_share", 0.2)]), Letter::D, "others used 20 %");
    assert_letter(&with(&[("stolen_cpu_share", 0.03)]), Letter::C, "the hypervisor took 3 %");
    assert_letter(&with(&[("stolen_cpu_share", 0.06)]), Letter::D, "the hypervisor took 6 %");
    assert_letter(&with(&[("stolen_cpu_share", 0.06), ("foreign_cpu_share", 0.07)]), Letter::D, "the hypervisor");
    assert_letter(&with(&[("steal_ns", 3e7), ("wall_s", 1.0)]), Letter::C, "the hypervisor took 3 %");
    assert_eq!(with(&[("foreign_cpu_share", 0.01)]).letter, Letter::A);
    assert_eq!(with(&[("foreign_cpu_share", 0.2), ("foreign_noise_share", 0.3)]).letter, Letter::A, "chance");
}

#[test]
fn a_tail_that_the_platform_alone_explains_is_withheld_and_the_histogram_kept() {
    // p99.9 of operations of 1 µs meets one gap of 50 µs in 250: 40 µs more than the median is the platform's.
    let (grade, cell) = graded(&header(), cell(&STEADY, &[(1_000, 9_900), (41_000, 100)]));
    let quantiles = cell.quantiles_ns.unwrap();
    assert_eq!((quantiles.p999, quantiles.p99.is_some(), quantiles.p50.is_some()), (None, true, true));
    assert!(cell.quantiles_missing.as_deref().unwrap().contains("p99.9 (platform alone: + "), "{cell:?}");
    assert!(cell.histogram.is_some() && grade.reasons.iter().any(|why| why.starts_with("withheld")), "{grade:?}");
    assert_eq!(graded(&header(), cell).0, grade, "graded again, it says something else");
}

#[test]
fn a_quantile_that_the_probe_was_too_short_for_is_kept_and_said_to_be() {
    // Of ten million gaps of 25 ns, fewer than ten are beyond p99.9 of operations of a millisecond.
    let (grade, cell) = graded(&header(), cell(&STEADY, &[(1_000_000, 9_900), (4_000_000, 100)]));
    assert_eq!((grade.letter, grade.tail), (Letter::A, Some(Letter::B)));
    assert!(grade.reasons[0].starts_with("tail B: the jitter probe was too short"), "{grade:?}");
    assert!(cell.quantiles_ns.unwrap().p999.is_some());
}

#[test]
fn without_a_jitter_probe_no_tail_is_better_than_c() {
    let (grade, cell) = graded(&Header { probes: BTreeMap::new(), ..header() }, steady());
    assert_eq!((grade.letter, grade.tail), (Letter::A, Some(Letter::C)));
    assert!(cell.quantiles_ns.unwrap().p99.is_some());
}

#[test]
fn what_was_not_measured_has_no_grade() {
    let mut skipped = Cell::skipped(Identity { id: "a".to_owned(), ..Identity::default() }, "no");
    Grader::new(&header(), &[]).apply(&mut skipped);
    assert_eq!((skipped.outcome, skipped.grade), (Outcome::Skipped, None));
}
