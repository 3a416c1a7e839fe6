//! What a run says: what it is about to do, and what it found.

use std::path::Path;
use std::time::Duration;

use ipcmark_harness::grade::Letter;
use ipcmark_harness::output::Unwritten;
use ipcmark_harness::record;
use ipcmark_report::words;

use super::Plan;
use crate::commands::tables::{self, Shown};
use crate::commands::{output, say, width};
use crate::runner::{self, Job};

/// The cells, and how long they would take.
pub(super) fn dry_run(plan: &Plan) -> anyhow::Result<()> {
    for job in &plan.jobs {
        let left = job.left();
        let left = if left == 0 { "skipped".into() } else { words::count(left, "launch") };
        say!("{}", width::fitted(format!("{}  {left}", job.id()), 4));
    }
    let expected = runner::expected(&plan.jobs, &plan.profile.effort());
    say!("{}", announcement(&plan.jobs, expected));
    Ok(())
}

/// `1 cell`.
pub(super) fn cells(jobs: &[Job]) -> String {
    words::count(jobs.len(), "cell")
}

/// `57 cells, about 13.1 s`.
pub(super) fn announcement(jobs: &[Job], expected: Duration) -> String {
    let cells = cells(jobs);
    if expected.is_zero() {
        format!("{cells}, nothing to measure")
    } else {
        format!("{cells}, about {:.1} s", expected.as_secs_f64())
    }
}

/// The tables, what was found, and where the record is.
pub(super) fn show(header: &record::Header, cells: &[record::Cell], path: Option<&Path>) -> Result<(), Unwritten> {
    let shown = Shown::default();
    let written = output::try_write(&tables::tables_and_summary(header, cells, shown));
    if let Some(path) = path {
        output::message(format_args!("record: {}", path.display()));
    }
    written
}

/// Where most of what was measured is noise, its cause comes first.
pub(super) fn next(cells: &[record::Cell]) -> &'static str {
    let measured = cells.iter().filter_map(|cell| cell.grade.as_ref());
    let (noisy, fine): (Vec<Letter>, Vec<Letter>) =
        measured.map(|grade| grade.letter).partition(|letter| *letter >= Letter::C);
    match noisy.len() > fine.len() {
        true => "`ipcmark doctor` says what disturbs; `ipcmark show RECORD pipe` shows a part",
        false => "`ipcmark show RECORD pipe` shows a part; `ipcmark cite RECORD ID` cites a cell",
    }
}
