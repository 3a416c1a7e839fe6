//! All numbers: of the drawn machines each with its anchor, and of all machines the ratios.

use ipcmark_harness::record::Cell;
use maud::{Markup, html};

use super::clean;
use super::number::{COLUMNS, Number, heading};
use super::sheet::{Sheet, setup_word};
use crate::grouping::distinct;
use crate::remarks::remarks;
use crate::subject::Subject;
use crate::words;

/// Columns for facts, at most: a stranger's cells may have thousands, each a column in all rows.
const MOST_FACTS: usize = 100;

/// Every number of the machines that are drawn, a row a cell and machine.
pub(super) fn numbers(sheet: &Sheet<'_>) -> Markup {
    html! {
        section #all {
            h2 { "All numbers" }
            p.reads {
                "A row for each cell" @if sheet.machines.len() > 1 { " and record" } ". The interval is that of the median and spans \
                launches, or the batches of the only one; quantiles are of single operations, or of what the head of \
                their column says. Each number has an anchor."
            }
            @for workload in sheet.workloads() {
                @let cells = sheet.of_workload(workload);
                @let keys = keys(sheet, &cells);
                @let subject = Subject::of(workload);
                details.numbers { summary { (clean(workload)) " " span.holders { "(" (words::count(cells.len(), "cell")) ")" } }
                    div.scroll { table {
                        thead { tr {
                            th scope="col" { "mechanism" } th scope="col" { "conditions" }
                            @if sheet.machines.len() > 1 { th scope="col" { "record" } }
                            th scope="col" { "grade" }
                            @for key in &keys { th.num scope="col" { (heading(key, subject)) } }
                            th scope="col" { "remarks" }
                        } }
                        tbody { @for &cell in &cells { @for machine in sheet.drawn() {
                            @if let Some(measured) = sheet.measured(machine, cell) { (row(sheet, machine, cell, measured, &keys)) }
                        } } }
                    } }
                }
            }
        }
    }
}

/// The columns that any of the cells fills, facts among them.
fn keys(sheet: &Sheet<'_>, cells: &[usize]) -> Vec<String> {
    let measured =
        sheet.drawn().flat_map(|machine| cells.iter().filter_map(move |&cell| sheet.measured(machine, cell)));
    let facts = distinct(measured.flat_map(|cell| cell.facts.keys())).into_iter().take(MOST_FACTS);
    let facts = facts.map(|name| format!("fact.{name}"));
    let filled = |key: &&str| sheet.drawn().any(|m| cells.iter().any(|&cell| sheet.number(m, cell, key).is_some()));
    COLUMNS.into_iter().filter(filled).map(str::to_owned).chain(facts).collect()
}

fn row(sheet: &Sheet<'_>, machine: usize, cell: usize, measured: &Cell, keys: &[String]) -> Markup {
    let grade = measured.grade.as_ref();
    let word = |key| setup_word(measured, key);
    html! {
        tr data-s=(measured.mechanism) data-peer=(word("peer")) data-placement=(word("placement")) data-waiting=(word("waiting")) {
            th scope="row" { (measured.mechanism) }
            td.conditions { (words::conditions(measured)) }
            @if sheet.machines.len() > 1 { td.machine { (sheet.machines[machine].label) } }
            td title=(grade.map_or_else(String::new, |grade| clean(&grade.reasons.join("; ")))) {
                (grade.map_or("–", |grade| grade.letter.as_str()))
            }
            @for key in keys {
                @match sheet.number(machine, cell, key) { Some(number) => (anchored(&number)), None => td { "–" } }
            }
            td.conditions { (clean(&remarks(measured).join("; "))) }
        }
    }
}

fn anchored(number: &Number) -> Markup {
    html! { td id=(format!("n{}", number.address)) data-v=(number.value) { (number.text) } }
}

/// Every machine against the first that measured the cell.
pub(super) fn ratios(sheet: &Sheet<'_>) -> Markup {
    if sheet.machines.len() < 2 {
        return html! {};
    }
    let shared = |&cell: &usize| {
        (0..sheet.machines.len()).filter(|&machine| sheet.number(machine, cell, "est").is_some()).count() > 1
    };
    let cells: Vec<usize> = (0..sheet.cells.len()).filter(shared).collect();
    html! {
        section #ratios {
            h2 { "Ratios" }
            p.reads {
                "Times of each record, by its number, as multiples of those of the first record that has the cell. Above 1 is slower. \
                Where machines differ this says how they compare, not that anything became worse."
            }
            @if cells.is_empty() { p { "No cell was measured in two records." } } @else {
                details.numbers open[cells.len() * sheet.machines.len() <= 400] { summary { (words::count(cells.len(), "cell")) " in two records or more" }
                    div.scroll { table.ratios {
                        thead { tr { th scope="col" { "cell" } th.num scope="col" { "first" }
                            @for (index, machine) in sheet.machines.iter().enumerate() {
                                th.num scope="col" title=(machine.label) { (index + 1) }
                            }
                        } }
                        tbody { @for &cell in &cells { (ratio_row(sheet, cell)) } }
                    } }
                }
            }
        }
    }
}

fn ratio_row(sheet: &Sheet<'_>, cell: usize) -> Markup {
    let times: Vec<Option<Number>> =
        (0..sheet.machines.len()).map(|machine| sheet.number(machine, cell, "est")).collect();
    let first = times.iter().flatten().next();
    let ratio = |machine: usize, time: &Option<Number>| {
        let ratio = time.as_ref()?.value / first?.value;
        ratio.is_finite().then(|| Number::new(machine, cell, "ratio", ratio))
    };
    let named = sheet.cells[cell];
    let word = |key| setup_word(named, key);
    html! {
        tr data-s=(named.mechanism) data-peer=(word("peer")) data-placement=(word("placement")) data-waiting=(word("waiting")) {
            th scope="row" { (named.id) }
            @if let Some(first) = first { (first.entry()) }
            @for (machine, time) in times.iter().enumerate() {
                @match ratio(machine, time) { Some(number) => (anchored(&number)), None => td { "–" } }
            }
        }
    }
}
