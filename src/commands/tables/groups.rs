//! Cells that may be compared with each other: equal in everything but the mechanism.

use ipcmark_harness::record::{Cell, Outcome, sanitize};
use ipcmark_report::grouping::grouped;
use ipcmark_report::paired::RunContext;
use ipcmark_report::ranking::{Ranked, is_floor, ranked};
use ipcmark_report::subject::Subject;
use ipcmark_report::words::conditions;

/// One question: measured cells that differ in the mechanism alone, the fastest first.
pub(super) struct Group<'a> {
    pub(super) workload: &'a str,
    /// All of the setup, in one phrase.
    pub(super) conditions: String,
    pub(super) rows: Vec<Ranked<'a>>,
}

impl<'a> Group<'a> {
    /// What the figures are of.
    pub(super) fn subject(&self) -> Subject {
        Subject::of(self.workload)
    }

    /// The workload, each of its conditions, and what the central value is of where it is no median of operations: harmless words.
    pub(super) fn parts(&self) -> Vec<String> {
        let central = Some(self.subject().central).filter(|central| *central != "median").map(str::to_owned);
        let conditions = self.conditions.split(", ").map(sanitize);
        [sanitize(self.workload)].into_iter().chain(conditions).chain(central).collect()
    }

    /// No payload, no choice of waiting, no further party.
    pub(super) const SAYS_NOTHING: [&'static str; 3] = ["0B", "own", "1 party"];

    /// The same without what says that there is nothing to say.
    pub(super) fn terse_parts(&self) -> Vec<String> {
        let mut parts = self.parts();
        parts.retain(|part| !Self::SAYS_NOTHING.contains(&part.as_str()));
        parts
    }

    /// Without floors, which do not compete, where there is anything else.
    pub(super) fn lines(&self) -> Vec<&Ranked<'a>> {
        let racing: Vec<&Ranked<'a>> = self.rows.iter().filter(|row| !is_floor(row.cell)).collect();
        if racing.is_empty() { self.rows.iter().collect() } else { racing }
    }

    /// In one phrase.
    pub(super) fn title(&self) -> String {
        self.parts().join(", ")
    }
}

/// The groups of the measured cells; workloads and conditions in the order in which they appear first.
pub(super) fn groups<'a>(run: RunContext<'_>, cells: &'a [Cell], reference: Option<&str>) -> Vec<Group<'a>> {
    let measured = cells.iter().filter(|cell| cell.outcome == Outcome::Measured);
    let mut groups = Vec::new();
    for (workload, cells) in grouped(measured, |cell| cell.workload.as_str()) {
        for (conditions, cells) in grouped(cells, |cell| conditions(cell)) {
            groups.push(Group { workload, conditions, rows: ranked(run, &cells, reference) });
        }
    }
    groups
}
