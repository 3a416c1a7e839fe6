//! How far the numbers go: what the doctor found, and the grades with what kept them down.

use std::collections::BTreeMap;

use ipcmark_harness::doctor::{Finding, Severity};
use ipcmark_harness::grade::Letter;
use ipcmark_harness::record::Cell;
use maud::{Markup, html};

use super::clean;
use super::sheet::Sheet;
use super::system::numbered;
use crate::words;

/// How many reasons are told.
const MOST_REASONS: usize = 12;
/// How many changes.
const MOST_CHANGES: usize = 40;

pub(super) fn section(sheet: &Sheet<'_>) -> Markup {
    html! {
        section #trust {
            h2 { "Trust" }
            p.reads {
                "Grades: " b { "A" } " citable · " b { "B" } " citable with its conditions · " b { "C" } " indicative · "
                b { "D" } " do not cite. A ratio within a record has a grade of its own, from launches of one round: it may be better than either \
                number's."
            }
            (grades(sheet))
            (findings(sheet))
            (meanwhile(sheet))
        }
    }
}

fn grades(sheet: &Sheet<'_>) -> Markup {
    const LETTERS: [Letter; 4] = [Letter::A, Letter::B, Letter::C, Letter::D];
    let cells = |machine: usize| (0..sheet.cells.len()).filter_map(move |cell| sheet.measured(machine, cell));
    let grades = (0..sheet.machines.len()).flat_map(cells).filter_map(|cell| cell.grade.as_ref());
    let reasons = alike(grades.flat_map(|grade| &grade.reasons));
    html! {
        div.scroll { table.grades {
            caption { "Cells by grade" }
            thead { tr {
                th scope="col" { "record" }
                @for letter in LETTERS { th.num scope="col" { (letter.as_str()) } }
                th.num scope="col" { "not graded" }
            } }
            tbody { @for (index, machine) in sheet.machines.iter().enumerate() {
                @let grade = |cell: &Cell| cell.grade.as_ref().map(|grade| grade.letter);
                @let with = |letter: Option<Letter>| cells(index).filter(|cell| grade(cell) == letter).count();
                tr { th scope="row" { (machine.label) } @for letter in LETTERS { td { (with(Some(letter))) } } td { (with(None)) } }
            } }
        } }
        @if !reasons.is_empty() {
            details open[sheet.machines.len() == 1] { summary { "What kept grades down" }
                ul {
                    @for (reason, count) in reasons.iter().take(MOST_REASONS) {
                        li { (clean(reason)) " " span.holders { "(" (words::count(*count, "cell")) ")" } }
                    }
                    @if reasons.len() > MOST_REASONS { li { "and " (reasons.len() - MOST_REASONS) " further reasons" } }
                } }
        }
    }
}

/// Reasons with how often they were given, the most frequent first. Of many that differ in their figures alone, the figures are left out.
fn alike<'a>(reasons: impl Iterator<Item = &'a String>) -> Vec<(String, usize)> {
    const FEW: usize = 3;
    let mut kinds: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for reason in reasons {
        *kinds.entry(without_figures(reason)).or_default().entry(reason).or_default() += 1;
    }
    let told = |(kind, reasons): (String, BTreeMap<&str, usize>)| match reasons.len() {
        ..=FEW => reasons.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
        _ => vec![(kind, reasons.values().sum())],
    };
    let mut told: Vec<(String, usize)> = kinds.into_iter().flat_map(told).collect();
    told.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    told
}

/// `others used … % of its CPUs`.
fn without_figures(reason: &str) -> String {
    let word = |word: &str| match word.trim_start_matches(['+', '-', '−']).starts_with(|c: char| c.is_ascii_digit()) {
        true => "…".to_owned(),
        false => word.to_owned(),
    };
    reason.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// One entry a check, with the machines on which it found something.
fn findings(sheet: &Sheet<'_>) -> Markup {
    let mut found: Vec<(&Finding, Vec<usize>)> = Vec::new();
    for (index, machine) in sheet.machines.iter().enumerate() {
        for finding in &machine.source.record.header.findings {
            match found.iter_mut().find(|(known, _)| known.id == finding.id && known.severity == finding.severity) {
                Some((_, machines)) if machines.last() != Some(&(index + 1)) => machines.push(index + 1),
                Some(_) => {}
                None => found.push((finding, vec![index + 1])),
            }
        }
    }
    found.sort_by_key(|(finding, machines)| (finding.severity, std::cmp::Reverse(machines.len())));
    let grave = |finding: &Finding| finding.severity != Severity::Note;
    html! {
        @if found.is_empty() { p { "The records hold no findings of the doctor: either nobody looked, or all was well." } }
        ul.findings {
            @for (finding, machines) in found.iter().filter(|(finding, _)| grave(finding)) { (told(sheet, finding, machines)) }
        }
        @let notes = found.iter().filter(|(finding, _)| !grave(finding)).count();
        @if notes > 0 {
            details { summary { (words::count(notes, "note")) " of the doctor" }
                ul.findings {
                    @for (finding, machines) in found.iter().filter(|(finding, _)| !grave(finding)) { (told(sheet, finding, machines)) }
                } }
        }
    }
}

fn told(sheet: &Sheet<'_>, finding: &Finding, machines: &[usize]) -> Markup {
    html! {
        li class=(finding.severity.as_str()) {
            b.severity { (finding.severity.as_str()) } " " code { (clean(&finding.id)) } ": " (clean(&finding.seen))
            @if sheet.machines.len() > 1 { " " span.holders { "(records " (numbered(machines)) ")" } }
            div.why { (clean(&finding.why)) }
            @if let Some(improve) = &finding.improve { div.why { "Improve: " code { (clean(improve)) } } }
            @if let Some(restore) = &finding.restore { div.why { "Restore: " code { (clean(restore)) } } }
        }
    }
}

fn meanwhile(sheet: &Sheet<'_>) -> Markup {
    let changed: Vec<(usize, &String)> = sheet
        .machines
        .iter()
        .enumerate()
        .filter_map(|(index, machine)| Some((index, machine.source.record.after.as_ref()?)))
        .flat_map(|(index, after)| after.changed.iter().map(move |change| (index, change)))
        .collect();
    html! {
        @if !changed.is_empty() {
            p { "Changed while it ran:" }
            ul { @for (index, change) in changed.iter().take(MOST_CHANGES) {
                li { @if sheet.machines.len() > 1 { (index + 1) ": " } (clean(change)) }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_reasons_that_differ_in_figures_are_told_as_one() {
        let used: Vec<String> = (10..15).map(|share| format!("C: others used {share} % of its CPUs")).collect();
        let launches: Vec<String> = [2, 3, 2].map(|count| format!("C: {count} launches cover the median")).into();
        let told = alike(used.iter().chain(&launches));
        let said: Vec<(&str, usize)> = told.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
        assert_eq!(
            said,
            [
                ("C: others used … % of its CPUs", 5),
                ("C: 2 launches cover the median", 2),
                ("C: 3 launches cover the median", 1)
            ]
        );
    }
}
