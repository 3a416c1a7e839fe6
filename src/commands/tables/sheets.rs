//! Which questions stand beside each other: those about the same mechanisms. Cells without another to be compared with are put
//! together by their workloads.

use std::collections::HashSet;

use ipcmark_harness::record::sanitize;
use ipcmark_report::ranking::Ranked;

use super::groups::Group;

/// Groups whose lines have the same mechanisms; or, of one workload, all that have a single line.
pub(super) struct Sheet<'g, 'a> {
    pub(super) groups: Vec<&'g Group<'a>>,
    mechanisms: HashSet<&'g str>,
    /// Each of its groups is one line.
    pub(super) is_of_single_lines: bool,
}

/// One mechanism in some groups beside each other.
pub(super) struct Line<'g, 'a> {
    pub(super) label: String,
    /// Absent where a group has no such cell.
    pub(super) rows: Vec<Option<&'g Ranked<'a>>>,
}

/// A title, and lines of up to so many groups.
pub(super) struct Band<'g, 'a> {
    /// What all its groups share.
    pub(super) common: String,
    /// What each of them has for itself.
    pub(super) own: Vec<String>,
    pub(super) lines: Vec<Line<'g, 'a>>,
}

/// In the order in which their first groups appear; those of single lines last.
pub(super) fn sheets<'g, 'a>(groups: &'g [Group<'a>]) -> Vec<Sheet<'g, 'a>> {
    let mut sheets: Vec<Sheet<'g, 'a>> = Vec::new();
    for group in groups {
        let mechanisms: HashSet<&str> = group.lines().iter().map(|row| row.cell.mechanism.as_str()).collect();
        let is_single = mechanisms.len() == 1;
        let belongs = |sheet: &&mut Sheet<'g, 'a>| match sheet.is_of_single_lines {
            true => is_single && sheet.groups.first().is_some_and(|first| first.workload == group.workload),
            // Most of its lines are filled.
            false => {
                !is_single && mechanisms.len() * 2 > sheet.mechanisms.len() && mechanisms.is_subset(&sheet.mechanisms)
            }
        };
        match sheets.iter_mut().find(belongs) {
            Some(sheet) => sheet.groups.push(group),
            None => sheets.push(Sheet { groups: vec![group], mechanisms, is_of_single_lines: is_single }),
        }
    }
    sheets.sort_by_key(|sheet| sheet.is_of_single_lines);
    sheets
}

impl<'g, 'a> Sheet<'g, 'a> {
    /// With up to so many groups beside each other: those of one workload first, then what these leave over.
    pub(super) fn bands(&self, beside: usize) -> Vec<Band<'g, 'a>> {
        if self.is_of_single_lines {
            return vec![self.of_single_lines()];
        }
        let mut bands: Vec<Vec<&'g Group<'a>>> = Vec::new();
        let mut left: Vec<&'g Group<'a>> = Vec::new();
        for of_workload in self.groups.chunk_by(|one, other| one.workload == other.workload) {
            let whole = of_workload.len() / beside * beside;
            bands.extend(of_workload[..whole].chunks(beside).map(<[_]>::to_vec));
            left.extend(&of_workload[whole..]);
        }
        bands.extend(left.chunks(beside).map(<[_]>::to_vec));
        bands.iter().map(|groups| band(groups)).collect()
    }

    fn of_single_lines(&self) -> Band<'g, 'a> {
        let (common, own) = common_and_own(&self.groups);
        let label = |(group, own): (&&'g Group<'a>, &String)| {
            let row = group.lines().first().copied();
            let mechanism = row.map_or(String::new(), |row| sanitize(&row.cell.mechanism));
            let label = if own.is_empty() { mechanism } else { format!("{mechanism}, {own}") };
            Line { label, rows: vec![row] }
        };
        let lines = self.groups.iter().zip(&own).map(label).collect();
        Band { common, own: vec![String::new()], lines }
    }

    /// The same without a title: each label is all that is to be said.
    pub(super) fn without_title(&self) -> Band<'g, 'a> {
        let line = |group: &&'g Group<'a>| {
            let row = group.lines().first().copied();
            let mechanism = row.map_or(String::new(), |row| sanitize(&row.cell.mechanism));
            Line { label: format!("{}: {mechanism}", group.terse_parts().join(" ")), rows: vec![row] }
        };
        Band { common: String::new(), own: vec![String::new()], lines: self.groups.iter().map(line).collect() }
    }
}

fn band<'g, 'a>(groups: &[&'g Group<'a>]) -> Band<'g, 'a> {
    let (common, own) = common_and_own(groups);
    let of =
        |group: &&'g Group<'a>, mechanism: &str| group.lines().into_iter().find(|row| row.cell.mechanism == mechanism);
    let mut mechanisms: Vec<&str> = Vec::new();
    for row in groups.iter().flat_map(|group| group.lines()) {
        if !mechanisms.contains(&row.cell.mechanism.as_str()) {
            mechanisms.push(&row.cell.mechanism);
        }
    }
    let line = |mechanism: &&str| Line {
        label: sanitize(mechanism),
        rows: groups.iter().map(|group| of(group, mechanism)).collect(),
    };
    Band { common, own, lines: mechanisms.iter().map(line).collect() }
}

/// The parts that all groups have, and those that each has for itself.
fn common_and_own(groups: &[&Group<'_>]) -> (String, Vec<String>) {
    let parts: Vec<Vec<String>> = groups.iter().map(|group| group.terse_parts()).collect();
    let is_common = |part: &String| parts.iter().all(|parts| parts.contains(part));
    let common = parts.first().into_iter().flatten().filter(|part| is_common(part)).cloned().collect::<Vec<_>>();
    let own =
        |parts: &Vec<String>| parts.iter().filter(|part| !is_common(part)).cloned().collect::<Vec<_>>().join(", ");
    (common.join(", "), parts.iter().map(own).collect())
}
