//! What an experiment has shown: a sentence a cell, one for the whole, and the exit code.

use ipcmark_harness::paired::cell::PairedCell;
use ipcmark_harness::paired::interval::Centre;
use ipcmark_harness::paired::verdict::Verdict;
use serde_json::{Value, json};

use super::Design;
use crate::commands::exit::{self, Stop};

/// One line a cell, then the whole.
pub(super) fn text(cells: &[PairedCell], skipped: &[(String, String)], design: &Design) -> String {
    let mut text = String::new();
    for cell in cells {
        text += &format!("{}: {}{}\n", cell.id, verdict(cell, design), notes(cell));
    }
    for (id, reason) in skipped {
        text += &format!("{id}: skipped: {reason}\n");
    }
    text + &whole(cells, design) + "\n"
}

/// `B is slower by 5.1 % [4.2, 6.0]`.
fn verdict(cell: &PairedCell, design: &Design) -> String {
    if let Some(failure) = &cell.failure {
        return format!("FAILED: {failure}");
    }
    let Some(centre) = &cell.centre else { return "not resolved: no episode was measured".into() };
    let (resolve, interval) = (percent(design.rules.resolve), interval(centre));
    match cell.verdict {
        Verdict::Slower => format!("B is slower by {} % {interval}", percent(centre.point.exp_m1())),
        Verdict::Faster => format!("B is faster: takes {} % of the time {interval}", percent(centre.point.exp_m1())),
        Verdict::NoDifference => format!("no difference of {resolve} % or more {interval}"),
        Verdict::NotResolved => format!("not resolved: {interval}{}", more(cell, design)),
    }
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
    let mut notes = vec![format!("{} episodes", cell.episodes.len())];
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

fn whole(cells: &[PairedCell], design: &Design) -> String {
    let count = Count::of(cells);
    let mut parts = Vec::new();
    if !count.slower.is_empty() {
        let median = ipcmark_harness::estimate::median(&count.slower).unwrap_or(f64::NAN).exp_m1();
        parts.push(format!("B is slower by {} % in {} of {} cells", percent(median), count.slower.len(), cells.len()));
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
    parts.join("; ")
}

/// Everything, with each episode.
pub(super) fn json(cells: &[PairedCell], skipped: &[(String, String)], design: &Design) -> Value {
    let cells_json: Vec<Value> = cells.iter().map(|cell| cell_json(cell, design)).collect();
    let skipped: Vec<Value> = skipped.iter().map(|(id, reason)| json!({"id": id, "reason": reason})).collect();
    json!({
        "a": design.programs[0].to_string(),
        "b": design.programs[1].to_string(),
        "resolve": design.rules.resolve,
        "tolerance": design.rules.tolerance,
        "fail_on": design.fail_on,
        "error_rate_a_cell": design.rules.error_rate,
        "budget_s": design.budget.as_secs_f64(),
        "whole": whole(cells, design),
        "cells": cells_json,
        "skipped": skipped,
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

/// Failed cells before slower ones before those that are not resolved.
pub(super) fn judge(cells: &[PairedCell], design: &Design) -> anyhow::Result<()> {
    let count = |of: &dyn Fn(&&PairedCell) -> bool| cells.iter().filter(of).count();
    let failed = count(&|cell| cell.failure.is_some());
    if failed > 0 {
        return Err(Stop::new(exit::FAILURE, format!("{failed} of {} cells failed", cells.len())).into());
    }
    let limit = design.fail_on.ln_1p();
    let reaches_limit = |cell: &PairedCell| cell.centre.is_none_or(|centre| centre.high >= limit);
    let slower = count(&|cell| cell.verdict == Verdict::Slower && reaches_limit(cell));
    if slower > 0 {
        let why = format!(
            "B is slower in {slower} of {} cells, and {} % or more is not excluded",
            cells.len(),
            percent(design.fail_on)
        );
        return Err(Stop::new(exit::THRESHOLD, why).into());
    }
    let unresolved = count(&|cell| cell.verdict == Verdict::NotResolved);
    if unresolved > 0 {
        let why = format!("{unresolved} of {} cells are not resolved: give them more with --budget", cells.len());
        return Err(Stop::new(exit::UNRESOLVED, why).into());
    }
    Ok(())
}
