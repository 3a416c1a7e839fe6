//! The same numbers for the script: what the card of a number shows.

use ipcmark_harness::record::Cell;
use maud::{Markup, PreEscaped, html};
use serde_json::{Map, Value, json};

use super::clean;
use super::number;
use super::sheet::Sheet;
use crate::cite;
use crate::subject::Subject;
use crate::words::{self, figure};

/// What the card shows of a cell, in the order of the script's `KEYS`.
const KEYS: [&str; 9] = ["est", "low", "high", "p50", "p99", "p999", "max", "cpu", "sw"];

/// The data as a script element that holds no code.
pub(super) fn script(sheet: &Sheet<'_>) -> Markup {
    let machines: Vec<Value> = (0..sheet.machines.len()).map(|machine| of_machine(sheet, machine)).collect();
    let cells: Vec<Value> = sheet
        .cells
        .iter()
        .map(|cell| {
            let subject = Subject::of(&cell.workload);
            let mut told =
                vec![clean(&cell.id), clean(&cell.mechanism), clean(&cell.workload), clean(&words::conditions(cell))];
            // What the figures are of, where it is not what it mostly is.
            if subject != Subject::of("") {
                told.extend([subject.central.to_owned(), subject.quantile(""), subject.cpu()]);
            }
            json!(told)
        })
        .collect();
    let data = json!({ "machines": machines, "cells": cells }).to_string();
    // `</script>` and `<!--` end or change what a script element is; in JSON, `<` stands in strings alone.
    html! { script #data type="application/json" { (PreEscaped(data.replace('<', "\\u003c"))) } }
}

fn of_machine(sheet: &Sheet<'_>, machine: usize) -> Value {
    let source = sheet.machines[machine].source;
    let values = (0..sheet.cells.len()).map(|index| sheet.measured(machine, index).map_or(json!(0), of_cell));
    json!({
        "label": sheet.machines[machine].label,
        "system": clean(&words::system(&source.record.header)),
        "started": clean(&source.record.header.started_utc),
        "digest": source.digest,
        "values": values.collect::<Vec<_>>(),
        "citations": citations(sheet, machine),
    })
}

/// What `ipcmark cite` says of each cell, by cell: the sentence; or why it must not be cited, in a list of its own. Of machines that
/// are not drawn it is left to that command: a page has no room for fifty thousand sentences.
fn citations(sheet: &Sheet<'_>, machine: usize) -> Value {
    let source = sheet.machines[machine].source;
    if !sheet.drawn().contains(&machine) {
        return json!({ "command": format!("ipcmark cite {}", shell_word(&clean(&source.path.display().to_string()))) });
    }
    let (mut sentences, mut refusals) = (Map::new(), Map::new());
    for index in 0..sheet.cells.len() {
        let Some(cell) = sheet.measured(machine, index) else { continue };
        match cite::of_cell(source, cell, false) {
            Ok(citation) => sentences.insert(index.to_string(), json!(citation.sentence)),
            Err(refusal) => refusals.insert(index.to_string(), json!(refusal.to_string())),
        };
    }
    json!({ "sentences": sentences, "refusals": refusals })
}

/// As one word of a POSIX shell.
fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// As many digits as the card shows: a hundred machines have half a million numbers.
fn of_cell(cell: &Cell) -> Value {
    let value = |key: &&str| number::value(cell, key).map(in_its_unit);
    let mut values: Vec<Value> = KEYS.iter().map(|key| json!(value(key))).collect();
    let grade = cell.grade.as_ref().map(|grade| grade.letter.as_str());
    values.extend([json!(grade), json!(cell.launches)]);
    Value::Array(values)
}

/// Three digits of it in the unit it is shown in, whole numbers without a point.
fn in_its_unit(value: f64) -> Value {
    let unit = [1e9, 1e6, 1e3].into_iter().find(|unit| value >= *unit).unwrap_or(1.0);
    let rounded = (figure(value / unit, 3).parse::<f64>().unwrap_or(value / unit) * unit * 1e3).round() / 1e3;
    if (1e3..1e15).contains(&rounded) { json!(rounded as u64) } else { json!(rounded) }
}
