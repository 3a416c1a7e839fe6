//! Which questions stand beside each other: those about the same mechanisms. Cells without another to be compared with are put
//! together by their workloads.

use std::collections::{HashMap, HashSet};

use ipcmark_harness::record::sanitize;
use ipcmark_report::grouping::{distinct, grouped};
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

/// A group is looked for in the last of so many sheets: a record may have as many sheets as cells.
const OPEN: usize = 64;

/// In the order in which their first groups appear; those of single lines last.
pub(super) fn sheets<'g, 'a>(groups: &'g [Group<'a>]) -> Vec<Sheet<'g, 'a>> {
    let (single, compared): (Vec<_>, Vec<_>) =
        groups.iter().map(|group| (group, mechanisms(group))).partition(|(_, mechanisms)| mechanisms.len() == 1);
    let mut sheets: Vec<Sheet<'g, 'a>> = Vec::new();
    for (group, mechanisms) in compared {
        let first = sheets.len().saturating_sub(OPEN);
        match sheets[first..].iter_mut().find(|sheet| sheet.has_most_of(&mechanisms)) {
            Some(sheet) => sheet.groups.push(group),
            None => sheets.push(Sheet { groups: vec![group], mechanisms, is_of_single_lines: false }),
        }
    }
    let of_workloads = grouped(single, |(group, _)| group.workload).into_iter().map(|(_, members)| Sheet {
        groups: members.into_iter().map(|(group, _)| group).collect(),
        mechanisms: HashSet::new(),
        is_of_single_lines: true,
    });
    sheets.extend(of_workloads);
    sheets
}

fn mechanisms<'g>(group: &'g Group<'_>) -> HashSet<&'g str> {
    group.lines().iter().map(|row| row.cell.mechanism.as_str()).collect()
}

impl<'g, 'a> Sheet<'g, 'a> {
    /// Whether most of its lines would be filled by these.
    fn has_most_of(&self, mechanisms: &HashSet<&str>) -> bool {
        mechanisms.len() * 2 > self.mechanisms.len() && mechanisms.is_subset(&self.mechanisms)
    }

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
    let rows: Vec<HashMap<&str, &'g Ranked<'a>>> = groups
        .iter()
        .map(|group| group.lines().into_iter().rev().map(|row| (row.cell.mechanism.as_str(), row)).collect())
        .collect();
    let mechanisms = distinct(groups.iter().flat_map(|group| group.lines()).map(|row| row.cell.mechanism.as_str()));
    let line = |mechanism: &str| Line {
        label: sanitize(mechanism),
        rows: rows.iter().map(|rows| rows.get(mechanism).copied()).collect(),
    };
    Band { common, own, lines: mechanisms.into_iter().map(line).collect() }
}

/// The parts that all groups have, and those that each has for itself.
fn common_and_own(groups: &[&Group<'_>]) -> (String, Vec<String>) {
    let parts: Vec<Vec<String>> = groups.iter().map(|group| group.terse_parts()).collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for part in parts.iter().flat_map(|parts| distinct(parts.iter().map(String::as_str))) {
        *counts.entry(part).or_default() += 1;
    }
    let is_common = |part: &&str| counts.get(part) == Some(&parts.len());
    let words = |parts: &Vec<String>, common: bool| {
        let words = parts.iter().map(String::as_str).filter(|part| is_common(part) == common);
        words.collect::<Vec<_>>().join(", ")
    };
    let common = parts.first().map_or(String::new(), |first| words(first, true));
    (common, parts.iter().map(|parts| words(parts, false)).collect())
}
