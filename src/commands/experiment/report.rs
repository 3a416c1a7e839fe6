//! What an experiment has shown: a sentence a cell, one for the whole, and the exit code.

use ipcmark_harness::launch::Program;
use ipcmark_harness::paired::cell::PairedCell;
use ipcmark_harness::paired::interval::Centre;
use ipcmark_harness::paired::verdict::Verdict;
use ipcmark_report::words;
use serde_json::{Value, json};

use super::{Design, Skipped};
use crate::commands::exit::{self, Stop};
use crate::commands::width;

/// One line a cell, then the whole.
pub(super) fn text(cells: &[PairedCell], skipped: &[Skipped], design: &Design) -> String {
    let mut text = design.setting.as_ref().map_or_else(String::new, |[apply, undo]| {
        format!("B: after `{}`, undone by `{}`\n", apply.display(), undo.display())
    });
    for cell in cells {
        text += &format!("{}: {}{}\n", cell.id, verdict(cell, design), notes(cell));
    }
    for Skipped { id, reason, .. } in skipped {
        text += &format!("{id}: skipped: {reason}\n");
    }
    text += &whole(cells, skipped.len(), design);
    text.lines().map(|line| width::fitted(line.to_owned(), 2) + "\n").collect()
}

/// `B is slower by 5.1 % [4.2, 6.0]`.
fn verdict(cell: &PairedCell, design: &Design) -> String {
    if let Some(failure) = &cell.failure {
        return format!("FAILED: {failure}");
    }
    let Some(centre) = &cell.centre else { return "not resolved: no episode was measured".into() };
    let slower = || format!("B is slower by {} % {}", percent(centre.point.exp_m1()), interval(centre));
    match cell.verdict {
        Verdict::Slower => slower(),
        Verdict::Faster => format!("B is faster by {} % {}", percent(-centre.point.exp_m1()), time_saved(centre)),
        Verdict::NoDifference => {
            format!("no difference of {} % or more {}", percent(design.rules.resolve), interval(centre))
        }
        Verdict::NotResolved if design.rules.is_slower_by_what_is_not_resolved(centre) => {
            let limit = percent(design.fail_on);
            format!("{}, not resolved whether by {limit} % or more{}", slower(), more(cell, design))
        }
        Verdict::NotResolved => format!("not resolved: {}{}", interval(centre), more(cell, design)),
    }
}

/// In percent of A's time, as the sentence on a faster B gives it.
fn time_saved(centre: &Centre) -> String {
    format!("[{}, {}]", percent(-centre.high.exp_m1()), percent(-centre.low.exp_m1()))
}

/// In percent, signed by the values themselves.
fn interval(centre: &Centre) -> String {
    if centre.low.is_finite() {
        format!("[{}, {}]", percent(centre.low.exp_m1()), percent(centre.high.exp_m1()))
    } else {
        "too few episodes for an interval".into()
    }
}

pub(super) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent.abs() {
        100.0.. => format!("{percent:.0}"),
        0.1.. | 0.0 => format!("{percent:.1}"),
        _ => format!("{percent:.2}"),
    }
}

/// How much more time would resolve it.
fn more(cell: &PairedCell, design: &Design) -> String {
    let factor = cell.centre.as_ref().and_then(|centre| design.rules.factor_to_resolve(centre));
    let factor = factor.filter(|factor| *factor > 1.0);
    factor.map_or_else(String::new, |factor| format!("; about {:.0} s more would", cell.spent_s * (factor - 1.0)))
}

fn notes(cell: &PairedCell) -> String {
    let mut notes = vec![words::count(cell.episodes.len(), "episode")];
    if !cell.replaced.is_empty() {
        notes.push(format!("{} replaced: {}", cell.replaced.len(), cell.replaced[cell.replaced.len() - 1]));
    }
    if cell.disturbed() > 0 {
        notes.push(format!("{} of them beside other work", cell.disturbed()));
    }
    if cell.unsteady_pilots > 1 {
        notes.push(format!("not steady after {:.0} ms", 1e3 * cell.warm_up_s()));
    }
    format!("  ({})", notes.join("; "))
}

/// How many cells of each verdict.
struct Count {
    slower: Vec<f64>,
    faster: usize,
    same: usize,
    unresolved: usize,
    failed: usize,
}

impl Count {
    fn of(cells: &[PairedCell]) -> Count {
        let verdicts = |verdict: Verdict| cells.iter().filter(move |c| c.failure.is_none() && c.verdict == verdict);
        Count {
            slower: verdicts(Verdict::Slower).filter_map(|cell| Some(cell.centre?.point)).collect(),
            faster: verdicts(Verdict::Faster).count(),
            same: verdicts(Verdict::NoDifference).count(),
            unresolved: verdicts(Verdict::NotResolved).count(),
            failed: cells.iter().filter(|cell| cell.failure.is_some()).count(),
        }
    }
}

fn whole(cells: &[PairedCell], skipped: usize, design: &Design) -> String {
    let count = Count::of(cells);
    let mut parts = Vec::new();
    if !count.slower.is_empty() {
        let median = ipcmark_harness::estimate::median(&count.slower).unwrap_or(f64::NAN).exp_m1();
        parts.push(format!(
            "B is slower by {} % in {} of {}",
            percent(median),
            count.slower.len(),
            words::count(cells.len(), "cell")
        ));
    }
    let mut add = |n: usize, what: String| {
        if n > 0 {
            parts.push(format!("{n} {what}"))
        }
    };
    add(count.faster, "faster".into());
    add(count.same, format!("no difference of {} % or more", percent(design.rules.resolve)));
    add(count.unresolved, "not resolved".into());
    add(count.failed, "failed".into());
    add(skipped, "skipped".into());
    parts.join("; ")
}

/// Everything, with each episode.
pub(super) fn json(cells: &[PairedCell], skipped: &[Skipped], design: &Design) -> Value {
    let cells_json: Vec<Value> = cells.iter().map(|cell| cell_json(cell, design)).collect();
    let skipped_json: Vec<Value> = skipped.iter().map(|s| json!({"id": s.id, "reason": s.reason})).collect();
    let [apply, undo] = [0, 1].map(|index| design.setting.as_ref().map(|setting| setting[index].to_string_lossy()));
    json!({
        "a": design.programs[0].to_string(),
        "b": design.programs[1].to_string(),
        "executables": design.programs.each_ref().map(Program::executable),
        "apply": apply,
        "undo": undo,
        "resolve": design.rules.resolve,
        "tolerance": design.rules.tolerance,
        "fail_on": design.fail_on,
        "error_rate_a_cell": design.rules.error_rate,
        "budget_s": design.budget.as_secs_f64(),
        "whole": whole(cells, skipped.len(), design),
        "cells": cells_json,
        "skipped": skipped_json,
    })
}

fn cell_json(cell: &PairedCell, design: &Design) -> Value {
    let ratio = |log: f64| Some(log.exp()).filter(|ratio| ratio.is_finite() && *ratio > 0.0);
    json!({
        "id": cell.id,
        "verdict": if cell.failure.is_some() { json!("failed") } else { json!(cell.verdict) },
        "sentence": verdict(cell, design),
        "ratio": cell.centre.and_then(|centre| ratio(centre.point)),
        "interval": cell.centre.and_then(|centre| Some([ratio(centre.low)?, ratio(centre.high)?])),
        "a_ns": cell.ns()[0],
        "b_ns": cell.ns()[1],
        "spent_s": cell.spent_s,
        "warm_up_s": cell.warm_up_s(),
        "unsteady_pilots": cell.unsteady_pilots,
        "replaced": cell.replaced,
        "failure": cell.failure.as_ref().map(|failure| &failure.reason),
        "episodes": cell.episodes,
    })
}

/// Failed cells before slower ones before those that are not resolved, and those that were named and cannot run here.
pub(super) fn judge(cells: &[PairedCell], skipped: &[Skipped], design: &Design) -> anyhow::Result<()> {
    let count = |of: &dyn Fn(&&PairedCell) -> bool| cells.iter().filter(of).count();
    let failed = count(&|cell| cell.failure.is_some());
    if failed > 0 {
        let failures = || cells.iter().filter_map(|cell| cell.failure.as_ref());
        let code = exit::of_all(failures()).filter(|code| *code == exit::DISTURBED).unwrap_or(exit::FAILURE);
        let what = if code == exit::DISTURBED { "disturbed by other work" } else { "failed" };
        return Err(Stop::new(code, format!("{failed} of {} {what}", words::count(cells.len(), "cell"))).into());
    }
    let limit = design.fail_on.ln_1p();
    let reaches_limit = |cell: &PairedCell| cell.centre.is_none_or(|centre| centre.high >= limit);
    let slower = count(&|cell| cell.verdict == Verdict::Slower && reaches_limit(cell));
    if slower > 0 {
        let (cells, limit) = (words::count(cells.len(), "cell"), percent(design.fail_on));
        let why = match design.rules.fail_on {
            Some(_) => format!("B is slower by {limit} % or more in {slower} of {cells}"),
            None => format!("B is slower in {slower} of {cells}, and {limit} % or more is not excluded"),
        };
        return Err(Stop::new(exit::THRESHOLD, why).into());
    }
    let unresolved = count(&|cell| cell.verdict == Verdict::NotResolved);
    if unresolved > 0 {
        let why =
            format!("{unresolved} of {} not resolved: give more with --budget", words::count(cells.len(), "cell"));
        return Err(Stop::new(exit::UNRESOLVED, why).into());
    }
    if let Some(Skipped { id, reason, .. }) = skipped.iter().find(|skipped| skipped.named) {
        return Err(Stop::new(exit::UNRESOLVED, format!("{id} was asked for and cannot run here: {reason}")).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ipcmark_harness::paired::verdict::Rules;

    use super::*;

    fn design(fail_on: Option<f64>) -> Design {
        Design {
            programs: [Program::this(), Program::this()],
            setting: None,
            rules: Rules { resolve: 0.05, tolerance: 0.01, error_rate: 0.05, fail_on },
            fail_on: fail_on.unwrap_or(0.05),
            budget: Duration::from_secs(18),
        }
    }

    /// A cell of these ratios of B to A.
    fn cell(design: &Design, low: f64, point: f64, high: f64) -> PairedCell {
        let mut cell = PairedCell::new("cell".into(), Value::Null, Vec::new(), Duration::from_secs(18));
        let centre = Centre { point: point.ln(), low: low.ln(), high: high.ln() };
        cell.verdict = design.rules.judge(&centre);
        cell.centre = Some(centre);
        cell.spent_s = 10.0;
        cell
    }

    #[track_caller]
    fn assert_judged(fail_on: Option<f64>, ratios: [f64; 3], sentence: &str, code: i32) {
        let design = design(fail_on);
        let cells = [cell(&design, ratios[0], ratios[1], ratios[2])];
        assert_eq!(verdict(&cells[0], &design), sentence);
        assert_eq!(json(&cells, &[], &design)["cells"][0]["sentence"], sentence);
        let judged = judge(&cells, &[], &design);
        assert_eq!(judged.map_or_else(|error| error.downcast::<Stop>().unwrap().code, |()| exit::DONE), code);
    }

    #[test]
    fn faster_is_said_in_the_form_of_slower() {
        assert_judged(None, [0.94, 0.95, 0.96], "B is faster by 5.0 % [4.0, 6.0]", exit::DONE);
        assert_judged(None, [1.04, 1.05, 1.06], "B is slower by 5.0 % [4.0, 6.0]", exit::THRESHOLD);
    }

    #[test]
    fn a_limit_that_is_neither_reached_nor_excluded_is_not_resolved() {
        let unresolved =
            "B is slower by 5.0 % [1.2, 11.0], not resolved whether by 10.0 % or more; about 4 s more would";
        let ratios = [1.012, 1.05, 1.11];
        assert_judged(Some(0.1), ratios, unresolved, exit::UNRESOLVED);
        assert_judged(None, ratios, "B is slower by 5.0 % [1.2, 11.0]", exit::THRESHOLD);
        assert_judged(Some(0.1), [1.02, 1.03, 1.04], "B is slower by 3.0 % [2.0, 4.0]", exit::DONE);
        assert_judged(Some(0.1), [1.11, 1.12, 1.13], "B is slower by 12.0 % [11.0, 13.0]", exit::THRESHOLD);
    }

    #[test]
    fn a_cell_that_was_named_and_cannot_run_is_not_resolved() {
        let design = design(None);
        let cells = [cell(&design, 0.99, 1.0, 1.01)];
        let skipped = |named| [Skipped { id: "other".into(), reason: "no such CPU".into(), named }];
        assert!(judge(&cells, &skipped(false), &design).is_ok());
        let error = judge(&cells, &skipped(true), &design).unwrap_err();
        assert!(error.to_string().contains("other was asked for and cannot run here: no such CPU"), "{error}");
        assert_eq!(error.downcast::<Stop>().unwrap().code, exit::UNRESOLVED);
        assert!(text(&cells, &skipped(false), &design).ends_with("1 no difference of 5.0 % or more; 1 skipped\n"));
    }

    #[test]
    fn a_setting_is_part_of_the_result() {
        let design = Design { setting: Some(["on".into(), "off".into()]), ..design(None) };
        assert!(text(&[], &[], &design).starts_with("B: after `on`, undone by `off`\n"));
        let json = json(&[], &[], &design);
        assert_eq!([&json["apply"], &json["undo"]], ["on", "off"]);
    }
}
