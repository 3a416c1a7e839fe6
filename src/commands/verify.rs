//! `ipcmark verify`: every cell once, all bytes checked at both ends by the loop that is measured.

use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::session::Verified;
use ipcmark_harness::sys::signals;
use ipcmark_report::words::count;
use serde_json::{Value, json};

use super::exit::{self, Stop};
use super::{Bench, PATIENCE_S, Selection, output, say, width};
use crate::cell::Cell;
use crate::plan::Profile;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    selection: Selection,
    /// The profile whose cells are verified
    #[arg(long, value_enum, default_value_t = Profile::Full)]
    profile: Profile,
    /// An array of objects instead of lines
    #[arg(long)]
    json: bool,
    /// Operations checked in each cell, if they fit into the time
    #[arg(long, value_name = "N", default_value_t = OPERATIONS, value_parser = clap::value_parser!(u64).range(1..))]
    operations: u64,
    /// Seconds that each cell's operations may take
    #[arg(long, value_name = "SECONDS", default_value_t = AT_MOST_S, value_parser = output::positive_seconds)]
    at_most: f64,
    /// Seconds a worker may take beyond its work before it counts as hung
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE_S, value_parser = output::positive_seconds)]
    cell_timeout: f64,
}

/// Operations checked in one cell, if they fit into `AT_MOST_S`.
const OPERATIONS: u64 = 500;
/// Time for one cell's operations, in seconds.
const AT_MOST_S: f64 = 0.01;

enum Outcome {
    Passed(Verified),
    Skipped(String),
    Failed(Failure),
}

pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let bench = Bench::set_up(args.cell_timeout)?;
    let cells = bench.select(args.profile, &args.selection.filters)?;
    signals::catch_interruptions()?;
    let bar = output::progress(cells.len() as u64);
    let at_most = Duration::from_secs_f64(args.at_most);
    let mut outcomes = Vec::new();
    for cell in &cells {
        bar.set_message(cell.id());
        let outcome = verify(&bench, cell, args.operations, at_most);
        if let Outcome::Failed(failure) = &outcome
            && failure.kind == FailureKind::Interrupted
        {
            bar.finish_and_clear();
            return Err(Stop::of(failure).into());
        }
        if !args.json {
            print(&bar, cell, &outcome);
        }
        outcomes.push(outcome);
        bar.inc(1);
    }
    bar.finish_and_clear();
    if args.json {
        let list: Vec<Value> = cells.iter().zip(&outcomes).map(|(cell, outcome)| to_json(cell, outcome)).collect();
        output::json(&list)?;
    }
    judge(&outcomes)
}

fn verify(bench: &Bench, cell: &Cell, operations: u64, at_most: Duration) -> Outcome {
    let stage = match bench.here.stage(cell) {
        Ok(stage) => stage,
        Err(reason) => return Outcome::Skipped(reason),
    };
    let verified = bench.launcher.open(&cell.spec(&stage), 0).and_then(|mut worker| {
        let verified = worker.verify(operations, at_most)?;
        worker.quit().map(|()| verified)
    });
    verified.map_or_else(Outcome::Failed, Outcome::Passed)
}

fn print(bar: &ProgressBar, cell: &Cell, outcome: &Outcome) {
    let line = match outcome {
        Outcome::Passed(v) => {
            let (operations, bytes) = (count(v.operations as usize, "operation"), count(v.bytes as usize, "byte"));
            format!("ok       {cell}  {operations}, {bytes} compared")
        }
        Outcome::Skipped(reason) => format!("skipped  {cell}  {reason}"),
        Outcome::Failed(failure) => format!("FAILED   {cell}  {failure}"),
    };
    bar.suspend(|| say!("{}", width::fitted(line, 9)));
}

fn to_json(cell: &Cell, outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Passed(v) => {
            json!({"id": cell.id(), "outcome": "passed", "operations": v.operations, "bytes": v.bytes, "reason": null})
        }
        Outcome::Skipped(reason) => json!({"id": cell.id(), "outcome": "skipped", "reason": reason}),
        Outcome::Failed(failure) => json!({"id": cell.id(), "outcome": "failed", "reason": failure.reason}),
    }
}

fn judge(outcomes: &[Outcome]) -> anyhow::Result<()> {
    let number = |of: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| of(outcome)).count();
    let failed = number(|o| matches!(o, Outcome::Failed(_)));
    let skipped = number(|o| matches!(o, Outcome::Skipped(_)));
    let passed = outcomes.len() - failed - skipped;
    output::message(format_args!("{passed} passed, {failed} failed, {skipped} skipped"));
    if failed == 0 {
        return Ok(());
    }
    let failures = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Failed(failure) => Some(failure),
        Outcome::Passed(_) | Outcome::Skipped(_) => None,
    });
    let all = count(outcomes.len(), "cell");
    // What keeps a cell from being verified is a failed verification, whatever it is.
    Err(match exit::of_all(failures) {
        Some(exit::DISTURBED) => Stop::new(exit::DISTURBED, format!("{failed} of {all} disturbed by other work")),
        _ => Stop::new(exit::VERIFICATION, format!("{failed} of {all} failed verification")),
    }
    .into())
}
