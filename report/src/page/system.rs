//! The machines: what differs between them first and marked, what they have in common folded away.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;

use super::sheet::Sheet;
use super::{clean, only_first};
use crate::words;

/// Up to so many machines have a column each; of more, each value is told with the machines that have it.
const MOST_COLUMNS: usize = 6;
/// So many of what was left out are told.
const MOST_PROBLEMS: usize = 20;
/// What a reader wants to know of a single machine before anything else.
const FIRST: [&str; 8] = [
    "cpu_model_name",
    "cpus_online_count",
    "hypervisor",
    "kernel_release",
    "kernel_preemption",
    "smt_active",
    "cpuidle_driver",
    "rustc",
];

/// What is known of one key: a value each machine.
struct Row {
    key: String,
    values: Vec<String>,
}

impl Row {
    fn differs(&self) -> bool {
        self.values.iter().any(|value| *value != self.values[0])
    }
}

pub(super) fn section(sheet: &Sheet<'_>, problems: &[String]) -> Markup {
    let (differing, same): (Vec<Row>, Vec<Row>) = rows(sheet).into_iter().partition(Row::differs);
    let (first, rest): (Vec<Row>, Vec<Row>) =
        same.into_iter().partition(|row| sheet.machines.len() == 1 && FIRST.contains(&row.key.as_str()));
    html! {
        section #system {
            h2 { "System" }
            (records(sheet))
            (only_first(sheet))
            @if !problems.is_empty() {
                div.warning { p { "Left out when reading:" } ul {
                    @for problem in problems.iter().take(MOST_PROBLEMS) { li { (clean(problem)) } }
                    @if problems.len() > MOST_PROBLEMS { li { "and " (problems.len() - MOST_PROBLEMS) " further lines" } }
                } }
            }
            @if !first.is_empty() { (table(sheet, &first, "The machine")) }
            @if !differing.is_empty() { (table(sheet, &differing, "What differs")) }
            @if sheet.machines.len() > 1 && differing.is_empty() { p { "The records differ in no recorded fact." } }
            details {
                summary {
                    @if sheet.machines.len() == 1 { (words::count(rest.len(), "further fact")) }
                    @else { (words::count(rest.len(), "fact")) " the same on all" }
                }
                (common(&rest))
            }
        }
    }
}

fn records(sheet: &Sheet<'_>) -> Markup {
    html! {
        div.scroll { table.records {
            thead { tr {
                th { "" } @for head in ["record", "system", "started", "suite", "profile"] { th scope="col" { (head) } }
                th.num scope="col" { "cells" } th scope="col" { "digest" }
            } }
            tbody { @for (index, machine) in sheet.machines.iter().enumerate() {
                @let header = &machine.source.record.header;
                @let cells = (0..sheet.cells.len()).filter(|&cell| sheet.measured(index, cell).is_some()).count();
                tr id=(format!("m{index}")) {
                    td { (index + 1) }
                    th scope="row" { (machine.label) }
                    td { (clean(&words::system(header))) }
                    td { (clean(&header.started_utc)) }
                    td { (clean(&header.suite)) " (" (clean(&words::revision(&header.revision))) ")" }
                    td { (clean(&header.profile)) }
                    td.num { (cells) }
                    td title=(machine.source.digest) { code { (machine.source.digest.get(..12).unwrap_or_default()) } }
                }
            } }
        } }
    }
}

/// Facts of the machine, of the build, of the clock, and the user's own tags.
fn rows(sheet: &Sheet<'_>) -> Vec<Row> {
    let count = sheet.machines.len();
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (index, machine) in sheet.machines.iter().enumerate() {
        let header = &machine.source.record.header;
        let facts = header.machine.iter().map(|(key, fact)| (key.clone(), said(fact)));
        let build = header.build.iter().map(|(key, value)| (key.clone(), words::value_text(value)));
        let tags = header.tags.iter().map(|(key, value)| (format!("tag {key}"), value.clone()));
        let clock = header
            .clock
            .get("clock")
            .and_then(|clock| clock.get("source"))
            .map(|s| ("clock".into(), words::value_text(s)));
        for (key, value) in facts.chain(build).chain(tags).chain(clock) {
            rows.entry(key).or_insert_with(|| vec!["–".to_owned(); count])[index] = clean(&value);
        }
    }
    rows.into_iter().map(|(key, values)| Row { key: clean(&key), values }).collect()
}

fn said(fact: &Value) -> String {
    match (fact.get("value"), fact.get("missing")) {
        (Some(value), _) => words::value_text(value),
        (None, Some(_)) => "missing".to_owned(),
        (None, None) => words::value_text(fact),
    }
}

fn table(sheet: &Sheet<'_>, rows: &[Row], caption: &str) -> Markup {
    let columns = sheet.machines.len() <= MOST_COLUMNS;
    html! {
        div.scroll { table.facts {
            caption { (caption) }
            thead { tr {
                th scope="col" { "fact" }
                @if columns { @for machine in &sheet.machines { th scope="col" { (machine.label) } } }
                @else { th scope="col" { "values, and the records that have them" } }
            } }
            tbody { @for row in rows {
                tr.differs[row.differs()] {
                    th scope="row" { code { (row.key) } }
                    @if columns { @for value in &row.values { td { (value) } } }
                    @else { td { (by_value(&row.values)) } }
                }
            } }
        } }
    }
}

/// `performance: 1, 3; powersave: 2`, the most frequent first.
fn by_value(values: &[String]) -> Markup {
    const MOST_VALUES: usize = 8;
    let mut holders: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, value) in values.iter().enumerate() {
        holders.entry(value).or_default().push(index + 1);
    }
    let mut holders: Vec<(&str, Vec<usize>)> = holders.into_iter().collect();
    holders.sort_by_key(|(_, machines)| std::cmp::Reverse(machines.len()));
    html! {
        @for (value, machines) in holders.iter().take(MOST_VALUES) {
            div { b { (value) } " " span.holders { (numbered(machines)) } }
        }
        @if holders.len() > MOST_VALUES { div.holders { "and " (holders.len() - MOST_VALUES) " further values" } }
    }
}

/// `1, 3, 4 and 20 more`.
pub(super) fn numbered(machines: &[usize]) -> String {
    const MOST: usize = 12;
    let named: Vec<String> = machines.iter().take(MOST).map(usize::to_string).collect();
    let more = machines.len().saturating_sub(MOST);
    if more == 0 { named.join(", ") } else { format!("{} and {more} more", named.join(", ")) }
}

fn common(rows: &[Row]) -> Markup {
    html! {
        dl.common { @for row in rows { div { dt { code { (row.key) } } dd { (row.values[0]) } } } }
    }
}
