//! The same numbers for the script: what the card of a number shows.

use maud::{Markup, PreEscaped, html};
use serde_json::{Value, json};

use super::clean;
use super::number;
use super::sheet::Sheet;
use crate::words;

/// What the card shows of a cell, in the order of the script's `KEYS`.
const KEYS: [&str; 8] = ["est", "low", "high", "p50", "p99", "p999", "cpu", "sw"];

/// The data as a script element that holds no code.
pub(super) fn script(sheet: &Sheet<'_>) -> Markup {
    let machines: Vec<Value> = (0..sheet.machines.len()).map(|machine| of_machine(sheet, machine)).collect();
    let cells: Vec<Value> = sheet
        .cells
        .iter()
        .map(|cell| json!([clean(&cell.id), clean(&cell.mechanism), clean(&cell.workload), clean(&words::conditions(cell))]))
        .collect();
    let data = json!({ "machines": machines, "cells": cells }).to_string();
    // `</script>` and `<!--` end or change what a script element is; in JSON, `<` stands in strings alone.
    html! { script #data type="application/json" { (PreEscaped(data.replace('<', "\\u003c"))) } }
}

fn of_machine(sheet: &Sheet<'_>, machine: usize) -> Value {
    let source = sheet.machines[machine].source;
    let values: serde_json::Map<String, Value> = (0..sheet.cells.len())
        .filter_map(|index| {
            let cell = sheet.measured(machine, index)?;
            let mut values: Vec<Value> = KEYS.iter().map(|key| json!(number::value(cell, key))).collect();
            let grade = cell.grade.as_ref().map(|grade| grade.letter.as_str());
            values.extend([json!(grade), json!(cell.launches)]);
            Some((index.to_string(), Value::Array(values)))
        })
        .collect();
    json!({
        "label": sheet.machines[machine].label,
        "system": clean(&words::system(&source.record.header)),
        "started": clean(&source.record.header.started_utc),
        "digest": source.digest,
        "values": values,
    })
}
