//! What a line may hold: the same checks when writing and when reading, so that what is written can be read.

use super::after::After;
use super::cell::{Cell, CpuTimes, NearFar};
use super::header::Header;
use super::resumed::Resumed;

/// The longest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 30;
/// The longest line, in bytes.
pub const MAX_LINE_BYTES: usize = 16 << 20;
/// The longest string in a line, in bytes; a histogram may be as long as the histogram module allows.
pub const MAX_STRING_BYTES: usize = 64 << 10;
/// The most entries of an array or object in a line, but for the list of the cells that were planned: that is as long as there may be cells.
pub const MAX_ITEMS: usize = 10_000;
/// The most findings of the doctor in one line; it has some dozens of checks.
pub const MAX_FINDINGS: usize = 1_000;
/// The most times that one run may have been resumed.
pub const MAX_RESUMED: usize = 1_000;
/// The most cells that one record may have; a full run has some thousands.
pub const MAX_CELLS: usize = 100_000;

/// The largest number in a record. Products and squares of such numbers are finite, and it is beyond what 64 bits count.
const LARGEST: f64 = 1e20;
/// The least number above zero: quotients of numbers are finite, too.
const LEAST: f64 = 1e-30;

/// Whether a number, without its sign, is one that can be calculated with.
pub(super) fn check_magnitude(value: f64) -> Result<(), String> {
    if value == 0.0 || (LEAST..=LARGEST).contains(&value.abs()) {
        return Ok(());
    }
    Err(format!("a number of {value:e}; allowed are 0 and {LEAST:e} to {LARGEST:e}, of either sign"))
}

pub(super) fn check_length(text: &str, limit: usize) -> Result<(), String> {
    if text.len() <= limit {
        return Ok(());
    }
    Err(format!("a string of {} bytes; allowed are {limit}", text.len()))
}

/// Checks that the header's floats are finite and not negative, and that it has no more findings than a doctor makes.
pub(super) fn check_header(header: &Header) -> Result<(), String> {
    check_count("findings", header.findings.len())?;
    header.probes.iter().filter_map(|(name, probe)| Some((name, probe.as_f64()?))).try_for_each(check_probe)?;
    check_number("selection.cell_timeout_s", header.selection.cell_timeout_s)
}

/// As for the header: no more findings, nor changes, than a doctor makes.
pub(super) fn check_after(after: &After) -> Result<(), String> {
    check_count("after.findings", after.findings.len())?;
    check_count("after.changed", after.changed.len())
}

/// As for the header.
pub(super) fn check_resumed(resumed: &Resumed) -> Result<(), String> {
    check_count("resumed.findings", resumed.findings.len())?;
    check_count("resumed.changed", resumed.changed.len())
}

fn check_probe((name, value): (&String, f64)) -> Result<(), String> {
    check_number(name, value)
}

fn check_count(name: &str, count: usize) -> Result<(), String> {
    if count <= MAX_FINDINGS {
        return Ok(());
    }
    Err(format!("{name} has {count} entries; allowed are {MAX_FINDINGS}"))
}

/// Checks that all floats of a cell are finite and, but for facts, not negative, the interval ascends and the id is not empty.
/// A fact may be a difference.
/// (`serde_json` would write a NaN as `null`, which means "no value".)
pub(super) fn check_cell(cell: &Cell) -> Result<(), String> {
    if cell.id.is_empty() {
        return Err("id is empty".to_owned());
    }
    numbers(cell).into_iter().try_for_each(|(name, value)| check_number(name, value))?;
    for (name, interval) in [("interval_ns", cell.interval_ns), ("first_interval_ns", cell.first_interval_ns)] {
        if let Some([low, high]) = interval.filter(|[low, high]| low > high) {
            return Err(format!("{name} is [{low}, {high}]; low comes first"));
        }
    }
    Ok(())
}

fn check_number(name: &str, value: f64) -> Result<(), String> {
    let signed = name.ends_with("facts");
    if !value.is_finite() || (value < 0.0 && !signed) {
        return Err(format!("{name} is {value}; allowed are finite numbers{}", if signed { "" } else { " from 0" }));
    }
    check_magnitude(value).map_err(|reason| format!("{name} is {reason}"))
}

fn numbers(cell: &Cell) -> Vec<(&'static str, f64)> {
    let mut found = Vec::new();
    let mut add = |name, values: &[f64]| found.extend(values.iter().map(|value| (name, *value)));
    for (name, value) in [
        ("estimate_ns", cell.estimate_ns),
        ("first_ns", cell.first_ns),
        ("interval_level", cell.interval_level),
        ("bytes_per_s", cell.bytes_per_s),
        ("operations_per_s", cell.operations_per_s),
        ("fairness", cell.fairness),
        ("drift_share", cell.drift_share),
    ] {
        add(name, value.as_slice());
    }
    for (name, pair) in [
        ("voluntary_switches_per_op", cell.voluntary_switches_per_op),
        ("involuntary_switches_per_op", cell.involuntary_switches_per_op),
        ("faults_per_op", cell.faults_per_op),
    ] {
        add(name, pair.map(both).as_ref().map_or(&[], |pair| pair));
    }
    add("interval_ns", cell.interval_ns.as_ref().map_or(&[], |i| i));
    add("first_interval_ns", cell.first_interval_ns.as_ref().map_or(&[], |i| i));
    add("modes_ns", &cell.modes_ns);
    add("cpu_ns_per_op", &cell.cpu_ns_per_op.map_or([0.0; 6], times));
    cell.facts.values().for_each(|&value| add("facts", &[value]));
    for launch in &cell.per_launch {
        add("per_launch.estimate_ns", &[launch.estimate_ns]);
        add("per_launch.at_s", &[launch.at_s]);
        add("per_launch.first_ns", launch.first_ns.as_slice());
        add("per_launch.steady_after_ms", launch.steady_after_ms.as_slice());
        launch.facts.values().for_each(|&value| add("per_launch.facts", &[value]));
    }
    found
}

fn both(pair: NearFar<f64>) -> [f64; 2] {
    [pair.near, pair.far]
}

fn times(cpu: CpuTimes) -> [f64; 6] {
    [cpu.near, cpu.far, cpu.near_user, cpu.near_system, cpu.far_user, cpu.far_system]
}
