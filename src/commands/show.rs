//! `ipcmark show`: the tables of a record. Reads the record only: the mechanisms in it need not exist any more.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use ipcmark_harness::record::{After, Cell, Header, Outcome, Record, sanitize};
use ipcmark_report::layout::wrapped;
use ipcmark_report::markdown;
use ipcmark_report::near::misses;
use ipcmark_report::words;
use serde::Serialize;

use super::completions::FilterWords;
use super::exit::Stop;
use super::tables::{self, Shown};
use super::{output, say};
use crate::filters::{Facets, Filters, Vocabulary};

/// Arguments of `show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The record
    #[arg(value_name = "RECORD")]
    record: PathBuf,
    /// The cells to show, as `run` chooses them; all of the record without
    #[arg(value_name = "FILTER", value_parser = FilterWords, hide_possible_values = true)]
    filters: Vec<String>,
    /// The record's header and cells as one JSON object, with how the machine was afterwards
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// A table of Markdown for each group, with all columns, for issues and pull requests
    #[arg(long)]
    markdown: bool,
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
    filter(&mut record, &args.filters)?;
    let shown = Shown { reference: reference(args, &record)?, wide: args.wide, ..Shown::default() };
    if args.json {
        let rankings = tables::rankings(&record, &record.cells, shown);
        let all = All { header: &record.header, cells: &record.cells, after: record.after.as_ref(), rankings };
        output::json(&all)?;
        return Ok(());
    }
    if args.markdown {
        let about: Vec<String> = about(&record).into_iter().map(|line| markdown::line(&line)).collect();
        output::write(&format!("{}\n\n{}", about.join("  \n"), tables::markdown(&record, &record.cells, shown)));
        return Ok(());
    }
    about(&record).iter().for_each(|line| say!("{}", wrapped(line, shown.columns, 2)));
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

/// Keeps the cells that the filters select, by the names that the record has.
fn filter(record: &mut Record, filters: &[String]) -> Result<(), Stop> {
    if filters.is_empty() {
        return Ok(());
    }
    let names = record.cells.iter().flat_map(|cell| Vocabulary::names_of(&facets(cell)));
    let vocabulary = Vocabulary::new(names.collect()).of_a_record();
    let filters =
        Filters::parse(filters, &vocabulary).map_err(|unknown| Stop::usage(sanitize(&unknown.to_string())))?;
    record.cells.retain(|cell| filters.select(&facets(cell)));
    let accepts_none = |place: &usize| !record.cells.iter().any(|cell| filters.uses(*place, &facets(cell)));
    match (0..filters.len()).find(accepts_none) {
        None => Ok(()),
        Some(place) => {
            let why = format!("the record has no cell of {}", filters.with_other_kinds(place));
            Err(Stop::usage(sanitize(&format!("{why}; `ipcmark show RECORD` shows what it has"))))
        }
    }
}

fn facets(cell: &Cell) -> Facets<'_> {
    Facets { id: &cell.id, family: &cell.family }
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
fn about(record: &Record) -> [String; 2] {
    let header = &record.header;
    let (suite, revision, profile) = (&header.suite, words::revision(&header.revision), &header.profile);
    let suite = format!("ipcmark {suite} at {revision}, profile {profile}, started {}", header.started_utc);
    [suite, words::system(header)].map(|line| sanitize(&line))
}
