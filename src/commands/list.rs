//! `ipcmark list`: what there is by families; or every cell, and whether it can run here.

mod families;

use std::collections::BTreeSet;
use std::iter;

use clap::Args;
use comfy_table::ContentArrangement;
use ipcmark_report::layout::wrapped;
use serde_json::json;

use super::exit::Stop;
use super::{Bench, PATIENCE_S, Selection, output, say, width};
use crate::capability::{Capabilities, QUESTIONS};
use crate::cell::{Cell, observe};
use crate::mechanism::{Mechanism, Reach};
use crate::mechanisms;
use crate::plan::Profile;

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    selection: Selection,
    /// The profile whose cells are shown [default: full]
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// An array of objects instead of a table
    #[arg(long)]
    json: bool,
    /// Show what each mechanism can do instead, found out by trying it: a second or so each
    #[arg(long)]
    capabilities: bool,
}

pub(super) fn run(args: &ListArgs) -> anyhow::Result<()> {
    let bench = Bench::set_up(PATIENCE_S)?;
    if args.selection.filters.is_empty() && args.profile.is_none() && !args.json && !args.capabilities {
        output::write(&families::table(&bench));
        return Ok(());
    }
    let cells = bench.select(args.profile.unwrap_or(Profile::Full), &args.selection.filters)?;
    if args.capabilities {
        return capabilities(&bench, &cells, args.json);
    }
    let support = |cell| bench.here.stage(cell).map_or_else(|reason| reason, |_| "available".into());
    if args.json {
        let list: Vec<_> = cells
            .iter()
            .map(|cell| {
                json!({"id": cell.id(), "family": cell.mechanism.family, "mechanism": cell.mechanism.name,
                    "workload": cell.workload.name, "setup": cell.setup_json(), "support": support(cell)})
            })
            .collect();
        output::json(&list)?;
        return Ok(());
    }
    output::write(&lines(&bench, &cells));
    Ok(())
}

/// A line a cell: its id, and whether it can run here.
fn lines(bench: &Bench, cells: &[Cell]) -> String {
    let ids: Vec<String> = cells.iter().map(|cell| cell.id()).collect();
    let aligned = ids.iter().map(String::len).max().unwrap_or(0);
    let line = |(id, cell): (&String, &Cell)| {
        let support = match bench.here.stage(cell) {
            Ok(_) => "available".to_owned(),
            Err(reason) => format!("missing ({reason})"),
        };
        match width::told() {
            Some(columns) if aligned + 2 + support.len() > columns => {
                wrapped(&format!("{id} {support}"), columns, 4) + "\n"
            }
            _ => format!("{id:aligned$}  {support}\n"),
        }
    };
    ids.iter().zip(cells).map(line).collect()
}

/// One row for each mechanism among the cells.
fn capabilities(bench: &Bench, cells: &[Cell], json: bool) -> anyhow::Result<()> {
    let named: BTreeSet<&str> = cells.iter().map(|cell| cell.mechanism.name).collect();
    let mut table = output::plain_table(iter::once("mechanism").chain(QUESTIONS));
    let columns = u16::try_from(width::columns()).unwrap_or(u16::MAX);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
    let mut list = Vec::new();
    for mechanism in mechanisms::all().filter(|mechanism| named.contains(mechanism.name)) {
        let answers = match bench.here.missing(mechanism) {
            Some(reason) => Err(format!("missing ({reason})")),
            None => Ok(observe(&bench.launcher, mechanism).map_err(|failure| Stop::of(&failure))?),
        };
        match &answers {
            Ok(seen) => table.add_row(iter::once(mechanism.name.to_owned()).chain(answers_of(mechanism, seen))),
            Err(missing) => table.add_row([mechanism.name, missing]),
        };
        let meets_by_name = mechanism.meets_by_name();
        list.push(
            json!({"mechanism": mechanism.name, "meets_by_name": meets_by_name, "capabilities": answers.as_ref().ok(),
            "support": answers.as_ref().err().map_or("available", String::as_str)}),
        );
    }
    if json {
        output::json(&list)?;
    } else {
        say!("{}", table.trim_fmt())
    }
    Ok(())
}

/// The answers in words.
pub(super) fn answers_of(mechanism: &Mechanism, seen: &Capabilities) -> [String; QUESTIONS.len()] {
    seen.answers(mechanism.meets_by_name(), mechanism.reach == Reach::Threads)
}
