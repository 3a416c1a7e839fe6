//! `ipcmark show`: the tables of a record. Reads the record only: the mechanisms in it need not exist any more.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use ipcmark_harness::record::{Record, sanitize};
use ipcmark_report::words;

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
}

pub(super) fn run(args: &ShowArgs) -> anyhow::Result<()> {
    let (mut record, warnings) = Record::read(&args.record).context("the record cannot be shown")?;
    // Cells stand in the order in which they were completed; the plan's order is the one to read.
    let planned = std::mem::take(&mut record.header.selection.cells);
    let place: HashMap<&str, usize> = planned.iter().enumerate().map(|(i, id)| (id.as_str(), i)).collect();
    record.cells.sort_by_key(|cell| place.get(cell.id.as_str()).copied().unwrap_or(usize::MAX));
    record.header.selection.cells = planned;
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    if args.json {
        let all = serde_json::json!({"header": record.header, "cells": record.cells, "after": record.after});
        say!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    say!("{}", about(&record));
    output::write(&output::tables(&record.cells));
    Ok(())
}

/// Where the numbers come from, in two lines.
fn about(record: &Record) -> String {
    let header = &record.header;
    let (suite, revision, profile) = (&header.suite, words::revision(&header.revision), &header.profile);
    let suite = format!("ipcmark {suite} at {revision}, profile {profile}, started {}", header.started_utc);
    format!("{}\n{}", sanitize(&suite), sanitize(&words::system(header)))
}
