//! The reasons of grades: those that all cells share, and those of single ones.

use std::collections::HashMap;

use ipcmark_harness::record::{Cell, sanitize};
use ipcmark_report::grouping::distinct;

/// The reasons that every graded cell has; none of a single cell, whose reasons are its own.
pub(super) fn common_reasons(cells: &[Cell]) -> Vec<&str> {
    let mut graded = cells.iter().filter_map(|cell| cell.grade.as_ref());
    let (Some(first), Some(_)) = (graded.next(), graded.next()) else { return Vec::new() };
    let mut times: HashMap<&str, usize> = HashMap::new();
    let mut all = 0;
    for grade in cells.iter().filter_map(|cell| cell.grade.as_ref()) {
        all += 1;
        distinct(grade.reasons.iter().map(String::as_str))
            .into_iter()
            .for_each(|reason| *times.entry(reason).or_default() += 1);
    }
    distinct(first.reasons.iter().map(String::as_str)).into_iter().filter(|reason| times[reason] == all).collect()
}

/// What is said once, below all tables.
pub(super) fn of_all(common: &[&str]) -> Vec<String> {
    common.iter().map(|reason| sanitize(reason)).collect()
}

/// What is said of a cell alone.
pub(super) fn own_reasons<'a>(cell: &'a Cell, common: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    let reasons = cell.grade.iter().flat_map(|grade| &grade.reasons);
    reasons.filter(|reason| !common.contains(&reason.as_str())).map(|reason| sanitize(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipcmark_harness::grade::{Grade, Letter};
    use ipcmark_harness::record::Identity;

    fn cell(letter: Letter, tail: Option<Letter>, reasons: &[&str]) -> Cell {
        let grade = Grade { letter, tail, reasons: reasons.iter().map(|&reason| reason.into()).collect() };
        Cell { grade: Some(grade), ..Cell::skipped(Identity::default(), "") }
    }

    #[test]
    fn reasons_of_all_are_said_once() {
        let cells = [cell(Letter::C, None, &["B: turbo", "C: wide"]), cell(Letter::B, None, &["B: turbo"])];
        let common = common_reasons(&cells);
        assert_eq!(of_all(&common), ["B: turbo"]);
        assert_eq!(own_reasons(&cells[0], &common).collect::<Vec<_>>(), ["C: wide"]);
        assert_eq!(common_reasons(&cells[..1]), Vec::<&str>::new());
    }
}
