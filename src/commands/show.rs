//! `ipcmark show`: the tables of a record. Reads the record only: the mechanisms in it need not exist any more.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use ipcmark_harness::record::{After, Cell, Header, Outcome, Record, sanitize};
use ipcmark_report::near::misses;
use ipcmark_report::words;
use serde::Serialize;

use super::exit::Stop;
use super::tables::{self, Shown};
use super::{output, say};

/// Arguments of `show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The record
    #[arg(value_name = "RECORD")]
    record: PathBuf,
    /// The record's header and cells as one JSON object, with how the machine was afterwards
    #[arg(long)]
    json: bool,
    /// The mechanism that ratios are to, in tables that have it; else they are to the fastest
    #[arg(long, value_name = "MECHANISM")]
    reference: Option<String>,
    /// Further columns: the longest operation or wait, and operations a second
    #[arg(long)]
    wide: bool,
}

pub(super) fn run(args: &ShowArgs) -> anyhow::Result<()> {
    let (mut record, warnings) = Record::read(&args.record).context("the record cannot be shown")?;
    // Cells stand in the order in which they were completed; the plan's order is the one to read.
    let planned = std::mem::take(&mut record.header.selection.cells);
    let place: HashMap<&str, usize> = planned.iter().enumerate().map(|(i, id)| (id.as_str(), i)).collect();
    record.cells.sort_by_key(|cell| place.get(cell.id.as_str()).copied().unwrap_or(usize::MAX));
    record.header.selection.cells = planned;
    for warning in &warnings {
        output::message(format_args!("warning: {warning}"));
    }
    let shown = Shown { reference: reference(args, &record)?, wide: args.wide };
    if args.json {
        let rankings = tables::rankings(&record, &record.cells, shown);
        let all = All { header: &record.header, cells: &record.cells, after: record.after.as_ref(), rankings };
        output::json(&all)?;
        return Ok(());
    }
    say!("{}", about(&record));
    output::write(&tables::tables(&record, &record.cells, shown));
    Ok(())
}

/// What `--json` prints.
#[derive(Serialize)]
struct All<'a> {
    header: &'a Header,
    cells: &'a [Cell],
    after: Option<&'a After>,
    rankings: Vec<tables::Ranking>,
}

/// The mechanism that was asked for, which must have been measured.
fn reference<'a>(args: &'a ShowArgs, record: &Record) -> Result<Option<&'a str>, Stop> {
    let Some(asked) = args.reference.as_deref() else { return Ok(None) };
    let measured = record.cells.iter().filter(|cell| cell.outcome == Outcome::Measured);
    let mut known: Vec<&str> = measured.map(|cell| cell.mechanism.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    if known.contains(&asked) {
        return Ok(Some(asked));
    }
    let near = misses(asked, known.iter().copied());
    let near =
        if near.is_empty() { format!("it has {}", known.join(", ")) } else { format!("nearest: {}", near.join(", ")) };
    Err(Stop::usage(sanitize(&format!("the record has no measured mechanism `{asked}`; {near}"))))
}

/// Where the numbers come from, in two lines.
fn about(record: &Record) -> String {
    let header = &record.header;
    let (suite, revision, profile) = (&header.suite, words::revision(&header.revision), &header.profile);
    let suite = format!("ipcmark {suite} at {revision}, profile {profile}, started {}", header.started_utc);
    format!("{}\n{}", sanitize(&suite), sanitize(&words::system(header)))
}
