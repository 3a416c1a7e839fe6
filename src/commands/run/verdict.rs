//! How a run ends: its exit code, and the sentence that says why it is none of success.

use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::output::shell_word;
use ipcmark_harness::record::Writer;
use ipcmark_harness::sys::signals;

use super::super::exit::{self, Stop};
use super::cells;
use crate::runner::Job;

pub(super) fn judge(jobs: &[Job], interrupted: Option<Failure>, writer: Option<&Writer>) -> anyhow::Result<()> {
    if let (Some(failure), Some(signal)) = (&interrupted, signals::interruption()) {
        let advice = writer.map_or_else(String::new, |writer| {
            let record = shell_word(writer.path());
            format!("; what was measured is kept, continue with `ipcmark run --resume {record}`")
        });
        return Err(Stop::interrupted(signal, format!("{failure}{advice}")).into());
    }
    let Some(code) = exit::of_all(jobs.iter().filter_map(Job::failure)) else { return Ok(()) };
    let is_disturbed = |failure: &&Failure| failure.kind == FailureKind::Disturbed;
    let (disturbed, failed): (Vec<&Failure>, Vec<&Failure>) =
        jobs.iter().filter_map(Job::failure).partition(is_disturbed);
    let (all, disturbed) = (cells(jobs), disturbed.len());
    let again = writer.map_or_else(String::new, |writer| {
        format!("; when the machine is quieter, `ipcmark run --resume {}` measures again", shell_word(writer.path()))
    });
    let why = match (failed.len(), disturbed) {
        (failed, 0) => format!("{failed} of {all} failed"),
        (0, disturbed) => format!("{disturbed} of {all} disturbed by other work{again}"),
        (failed, disturbed) => format!("{failed} of {all} failed, and {disturbed} disturbed by other work{again}"),
    };
    Err(Stop::new(code, why).into())
}
