//! `ipcmark list`: every cell, and whether it can run here.

use clap::Args;
use serde_json::json;

use super::{Bench, PATIENCE_S, Selection};
use crate::plan::Profile;

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    selection: Selection,
    /// The profile whose cells are shown
    #[arg(long, value_enum, default_value_t = Profile::Full)]
    profile: Profile,
    /// An array of objects instead of a table
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ListArgs) -> anyhow::Result<()> {
    let bench = Bench::set_up(PATIENCE_S)?;
    let cells = bench.select(args.profile, &args.selection.filters)?;
    let support = |cell| bench.here.stage(cell).map_or_else(|reason| reason, |_| "available".into());
    if args.json {
        let list: Vec<_> = cells
            .iter()
            .map(|cell| {
                json!({"id": cell.id(), "family": cell.mechanism.family, "mechanism": cell.mechanism.name,
                    "workload": cell.workload.name, "setup": cell.setup_json(), "support": support(cell)})
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&list)?);
        return Ok(());
    }
    let ids: Vec<String> = cells.iter().map(|cell| cell.id()).collect();
    let width = ids.iter().map(String::len).max().unwrap_or(0);
    for (id, cell) in ids.iter().zip(&cells) {
        match bench.here.stage(cell) {
            Ok(_) => println!("{id:width$}  available"),
            Err(reason) => println!("{id:width$}  missing ({reason})"),
        }
    }
    Ok(())
}
