use ipcmark_harness::record::Outcome;

use super::testing::{compared, source};
use super::*;
use crate::made_up::Run;

fn verdicts(comparison: &Comparison, mechanism: &str) -> Vec<Verdict> {
    let rows = comparison.rows.iter().filter(|row| row.mechanism == mechanism);
    rows.filter_map(|row| row.values[1].as_ref()?.verdict).collect()
}

#[test]
fn a_slower_mechanism_is_called_and_the_others_are_not() {
    let base = Run { cells: 300, ..Run::default() };
    let found = compared(&[base, Run { seed: 1, pipe_times: 1.15, ..base }], "record").unwrap();
    let pipes = verdicts(&found, "pipe");
    assert!(pipes.len() > 10 && pipes.iter().filter(|v| **v == Verdict::Slower).count() * 10 >= pipes.len() * 9);
    let others: Vec<Verdict> = found
        .rows
        .iter()
        .filter(|row| row.mechanism != "pipe")
        .filter_map(|row| row.values[1].as_ref()?.verdict)
        .collect();
    let wrong = others.iter().filter(|v| matches!(v, Verdict::Slower | Verdict::Faster)).count();
    assert!(wrong * 20 <= others.len(), "{wrong} of {}", others.len());
    assert!(matches!(found.gate(0.05), Gate::Exceeded(_)) && found.gate(0.5) == Gate::Kept);
}

#[test]
fn another_machine_gets_ratios_and_no_verdict() {
    let found = compared(&[Run::default(), Run { machine: 1, ..Run::default() }], "record").unwrap();
    assert!(!found.has_verdicts() && !found.columns[1].apart_by.is_empty());
    for entry in found.rows.iter().filter_map(|row| row.values[1].as_ref()) {
        assert!(entry.ratio.is_some() && entry.verdict.is_none());
    }
    assert!(!found.rank_changes.is_empty());
    assert!(matches!(found.gate(0.0), Gate::Unresolved(_)));
}

#[test]
fn a_property_of_cells_stands_on_the_columns() {
    let found = compared(&[Run { cells: 320, ..Run::default() }], "placement").unwrap();
    let labels: Vec<&str> = found.columns.iter().map(|column| column.label.as_str()).collect();
    assert_eq!(labels, ["same-cpu", "same-cache"]);
    let row = found.rows.iter().find(|row| row.values.iter().all(Option::is_some)).unwrap();
    assert!(row.values[1].as_ref().unwrap().ratio.unwrap().value > 2.0, "{row:?}");
    assert!(!row.conditions.contains('?') && !row.conditions.contains("same-"), "{}", row.conditions);
}

#[test]
fn a_fact_of_the_machine_on_the_columns_warns_of_what_varies_with_it() {
    let found = compared(&[Run::default(), Run { machine: 1, ..Run::default() }], "kernel").unwrap();
    assert_eq!(found.columns[0].label, "6.1.0-18-amd64");
    assert!(found.hidden.contains(&"cpu_model_name".to_owned()), "{:?}", found.hidden);
    assert!(!found.hidden.contains(&"kernel_release".to_owned()));
}

#[test]
fn an_unknown_key_is_told_with_near_misses() {
    let refusal = compared(&[Run::default()], "placment").unwrap_err();
    assert!(matches!(&refusal, Refusal::Usage(sentence) if sentence.contains("placement")), "{refusal}");
}

#[test]
fn one_record_alone_has_nothing_to_be_compared_with() {
    assert!(matches!(compared(&[Run::default()], "record"), Err(Refusal::NothingComparable(_))));
    assert!(matches!(compared(&[Run::default()], "family"), Err(Refusal::NothingComparable(_))));
}

#[test]
fn the_probe_of_a_noisy_machine_raises_the_tolerance() {
    let (a, mut b) = (source(Run::default()), source(Run { seed: 1, ..Run::default() }));
    b.record.header.probes.insert("aa_noise_share".into(), 0.2.into());
    let found = compare(&[&a, &b], &Options::default()).unwrap();
    assert_eq!(found.tolerances, [TOLERANCE, verdict::MOST_TOLERANCE]);
    let asked = Options { tolerance: Some(0.01), ..Options::default() };
    assert_eq!(compare(&[&a, &b], &asked).unwrap().tolerances[1], 0.01);
}

/// Records on two kernels, so many of each; those of the second take so many times as long.
fn on_kernels(each: usize, times: f64) -> Vec<Source> {
    let record = |seed: usize| {
        let second = seed >= each;
        let mut source = source(Run { seed: seed as u64, cells: 60, ..Run::default() });
        let kernel = if second { "6.2.0" } else { "6.1.0" };
        source
            .record
            .header
            .machine
            .insert("kernel_release".into(), serde_json::json!({"value": kernel, "source": "x"}));
        let compiler = if second { "rustc 1.96.0" } else { "rustc 1.95.0" };
        source.record.header.build.insert("rustc".into(), compiler.into());
        let launches = source.record.cells.iter_mut().flat_map(|cell| &mut cell.per_launch);
        launches.filter(|_| second).for_each(|launch| launch.estimate_ns *= times);
        source
    };
    (0..2 * each).map(record).collect()
}

#[test]
fn a_treatment_gets_verdicts_by_level_and_what_else_differs_is_a_confounder() {
    for each in [1, 3] {
        let sources = on_kernels(each, 1.15);
        let sources: Vec<&Source> = sources.iter().collect();
        let options = Options { treatment: Some("kernel".into()), ..Options::default() };
        let found = compare(&sources, &options).unwrap();
        assert_eq!(found.columns.len(), 2);
        let column = &found.columns[1];
        assert_eq!((column.label.as_str(), column.records.len()), ("6.2.0", each));
        assert_eq!(column.confounders, ["rustc (rustc 1.96.0 against rustc 1.95.0)"]);
        let whole = column.whole.as_ref().unwrap();
        assert_eq!(whole.verdict, Verdict::Slower, "{whole:?}");
        assert_eq!(whole.known_by, if each > 1 { KnownBy::Records } else { KnownBy::Nothing });
        assert!(
            matches!(found.gate(0.10), Gate::Exceeded(_)) && found.text(Style::Plain, 500).contains("besides kernel")
        );
        assert!(!compare(&sources, &Options::default()).unwrap().columns[each].apart_by.is_empty());
    }
}

#[test]
fn a_treatment_is_a_property_of_records_with_two_levels() {
    let (a, b) = (source(Run::default()), source(Run { seed: 1, ..Run::default() }));
    let asked = |name: &str| compare(&[&a, &b], &Options { treatment: Some(name.into()), ..Options::default() });
    assert!(matches!(asked("placement"), Err(Refusal::Usage(sentence)) if sentence.contains("--by placement")));
    assert!(matches!(asked("kernel"), Err(Refusal::NothingComparable(sentence)) if sentence.contains("6.1.0")));
    assert!(matches!(asked("tag:none"), Err(Refusal::Usage(_))));
}

#[test]
fn disturbed_cells_get_no_verdict_and_leave_the_gate_open() {
    let run = Run { cells: 60, ..Run::default() };
    let (a, mut b) = (source(run), source(Run { seed: 1, ..run }));
    for launch in &mut b.record.cells[7].per_launch {
        (launch.wall_ns, launch.cpus, launch.foreign_ns) = (100, 2, 30);
        launch.estimate_ns *= 2.0;
    }
    let found = compare(&[&a, &b], &Options::default()).unwrap();
    let entry = found.entry(&b.record.cells[7].id).unwrap();
    assert_eq!(entry.verdict, Some(Verdict::Disturbed));
    assert_eq!(entry.disturbed.as_deref(), Some("other work had 15 % of its CPUs"));
    assert!(matches!(found.gate(0.3), Gate::Unresolved(sentence) if sentence.contains("disturbed")));
}

#[test]
fn a_cell_that_was_asked_for_and_not_measured_leaves_the_gate_open() {
    let run = Run { cells: 60, noise: 0.01, ..Run::default() };
    let (a, mut b) = (source(run), source(Run { seed: 1, ..run }));
    assert_eq!(compare(&[&a, &b], &Options::default()).unwrap().gate(0.3), Gate::Kept);
    let missing = b.record.cells.remove(3).id;
    let found = compare(&[&a, &b], &Options::default()).unwrap();
    assert_eq!(found.columns[1].unmeasured, [missing]);
    assert!(matches!(found.gate(0.3), Gate::Unresolved(sentence) if sentence.contains("1 cell was asked of both")));
}

#[test]
fn cells_that_an_interrupted_first_run_lacks_leave_the_gate_open() {
    let run = Run { cells: 60, noise: 0.01, ..Run::default() };
    let (mut a, b) = (source(run), source(Run { seed: 1, ..run }));
    a.record.cells.truncate(5);
    let found = compare(&[&a, &b], &Options::default()).unwrap();
    assert_eq!((found.alone[1].len(), found.columns[1].unmeasured.len()), (55, 55));
    assert!(matches!(found.gate(0.3), Gate::Unresolved(sentence) if sentence.contains("55 cells were asked of both")));
    // A first run that was asked for five cells lacks nothing.
    a.record.header.selection.cells.truncate(5);
    assert_eq!(compare(&[&a, &b], &Options::default()).unwrap().gate(0.3), Gate::Kept);
}

#[test]
fn a_cell_that_failed_in_both_leaves_the_gate_open_and_one_skipped_in_both_does_not() {
    let run = Run { cells: 60, noise: 0.01, ..Run::default() };
    let (mut a, mut b) = (source(run), source(Run { seed: 1, ..run }));
    let id = a.record.cells[3].id.clone();
    let mut unmeasured = |outcomes: [Outcome; 2]| {
        for (source, outcome) in [&mut a, &mut b].into_iter().zip(outcomes) {
            (source.record.cells[3].outcome, source.record.cells[3].estimate_ns) = (outcome, None);
        }
        compare(&[&a, &b], &Options::default()).unwrap().columns[1].unmeasured.clone()
    };
    assert_eq!(unmeasured([Outcome::Failed, Outcome::Failed]), [id.as_str()]);
    assert_eq!(unmeasured([Outcome::Skipped, Outcome::Failed]), [id.as_str()]);
    assert_eq!(unmeasured([Outcome::Disturbed, Outcome::Disturbed]), [id.as_str()]);
    assert!(unmeasured([Outcome::Skipped, Outcome::Skipped]).is_empty());
}

#[test]
fn single_launches_are_no_base_of_a_verdict_on_the_whole() {
    let run = Run { cells: 60, launches: 1, ..Run::default() };
    for cells in [1, 60] {
        let (mut a, mut b) = (source(run), source(Run { seed: 1, ..run }));
        for source in [&mut a, &mut b] {
            source.record.cells.truncate(cells);
            source.record.header.selection.cells.truncate(cells);
        }
        for cell in &mut b.record.cells {
            cell.estimate_ns = cell.estimate_ns.map(|ns| ns * 1.3);
            cell.per_launch.iter_mut().for_each(|launch| launch.estimate_ns *= 1.3);
        }
        let found = compare(&[&a, &b], &Options::default()).unwrap();
        assert!(found.columns[1].whole.is_none(), "{:?}", found.columns[1].whole);
        assert!(matches!(found.gate(0.1), Gate::Unresolved(sentence) if sentence.contains("four launches")));
        let text = found.text(Style::Plain, 500);
        assert!(text.contains("as a whole: not resolved"), "{text}");
    }
}
