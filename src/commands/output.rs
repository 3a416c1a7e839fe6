//! What commands show: tables of cells, figures with units, progress.

use std::io::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ipcmark_harness::record::{Cell, NearFar, Outcome, sanitize};
use ipcmark_report::crossover;
use ipcmark_report::task_kinds;
use ipcmark_report::words::{conditions, figure, time};

use super::grades;

/// Prints `text`; a standard output that cannot be written ends the program. What is open then is closed by its end.
pub(super) fn write(text: &str) {
    if let Err(error) = std::io::stdout().write_all(text.as_bytes()) {
        eprintln!("error: standard output cannot be written: {error}");
        std::process::exit(super::exit::FAILURE);
    }
}

/// A progress bar on standard error: current cell and time left; nothing where that is no terminal.
pub(super) fn progress(length: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:20} {percent:>3} %  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar
}

/// A positive number of seconds, for clap.
pub(super) fn positive_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("a number of seconds between 0 and 86400 is allowed".into()),
    }
}

/// `5%` or `5`, as a share, for clap.
pub(super) fn percentage(text: &str) -> Result<f64, String> {
    match text.trim().trim_end_matches('%').trim_end().parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        _ => Err("a percentage above 0 and up to 100 is allowed, as 5%".into()),
    }
}

/// One table a workload, fastest first among cells that may be compared; then what was skipped or failed, and why.
pub(super) fn tables(cells: &[Cell]) -> String {
    let mut text = String::new();
    let common = grades::common_reasons(cells);
    let mut workloads: Vec<&str> = Vec::new();
    for cell in cells.iter().filter(|cell| cell.outcome == Outcome::Measured) {
        if !workloads.contains(&cell.workload.as_str()) {
            workloads.push(&cell.workload);
        }
    }
    for workload in workloads {
        let of_workload = |cell: &&Cell| cell.workload == workload && cell.outcome == Outcome::Measured;
        let rows: Vec<&Cell> = cells.iter().filter(of_workload).collect();
        text += &format!("\n{}\n{}\n", sanitize(workload), table(&rows, &common));
    }
    text += &crossovers(cells);
    text += &kinds_of_tasks(cells);
    text += &grades::of_all(&common);
    text + &reasons(cells, Outcome::Skipped, "skipped") + &reasons(cells, Outcome::Failed, "FAILED")
}

/// Where a mutex overtakes each spinlock, as far as the cells tell.
fn crossovers(cells: &[Cell]) -> String {
    let lines: String =
        crossover::of_locks(cells).iter().map(|c| format!("  {}\n", sanitize(&c.to_string()))).collect();
    if lines.is_empty() { lines } else { format!("\ncrossovers\n{lines}") }
}

/// How threads and processes differ, net of the calls, as far as the cells tell.
fn kinds_of_tasks(cells: &[Cell]) -> String {
    let lines: String =
        task_kinds::of_switches(cells).iter().map(|kinds| format!("  {}\n", sanitize(&kinds.to_string()))).collect();
    if lines.is_empty() { lines } else { format!("\nkinds of tasks, net\n{lines}") }
}

const COLUMNS: [&str; 11] =
    ["mechanism", "median", "interval", "p99", "p99.9", "CPU/op", "switches/op", "MB/s", "ratio", "grade", "notes"];

/// A table without lines, as wide as its content.
pub(super) fn plain_table<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table
}

fn table(cells: &[&Cell], common: &[&str]) -> String {
    let mut table = plain_table(COLUMNS);
    for (_, column) in table.column_iter_mut().enumerate().filter(|(i, _)| (1..9).contains(i)) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for (conditions, group) in groups(cells) {
        table.add_row(vec![sanitize(&conditions)]);
        let fastest = group.iter().filter(|c| !is_floor(c)).filter_map(|c| c.estimate_ns).min_by(f64::total_cmp);
        for cell in group {
            table.add_row(row(cell, fastest, common));
        }
    }
    table.to_string()
}

/// Cells that may be compared: equal in everything but the mechanism, in order of first appearance, fastest first.
fn groups<'a>(cells: &[&'a Cell]) -> Vec<(String, Vec<&'a Cell>)> {
    let mut groups: Vec<(String, Vec<&Cell>)> = Vec::new();
    for cell in cells {
        let conditions = conditions(cell);
        match groups.iter_mut().find(|(name, _)| *name == conditions) {
            Some((_, group)) => group.push(cell),
            None => groups.push((conditions, vec![cell])),
        }
    }
    for (_, group) in &mut groups {
        group.sort_by(|a, b| a.estimate_ns.unwrap_or(f64::MAX).total_cmp(&b.estimate_ns.unwrap_or(f64::MAX)));
    }
    groups
}

/// What only some workloads show, in words, then the notes, then what its grade has for reasons that others have not.
fn remarks(cell: &Cell, common: &[&str]) -> String {
    let fact = |name: &str| cell.facts.get(name).copied();
    let fairness = cell.fairness.map(|index| format!("fairness {index:.3}"));
    let from_sending = fact("from_sending_p99_ns").map(|ns| format!("p99 from sending {}", time(ns)));
    let lagging = fact("delivered_per_s")
        .zip(fact("offered_per_s"))
        .filter(|(delivered, offered)| delivered < &(offered * SUSTAINED));
    let lagging = lagging.map(|(delivered, offered)| {
        format!("not sustained: {} of {} messages a second", figure(delivered, 3), figure(offered, 3))
    });
    let longest = fact("longest_wait_ns").map(|ns| format!("longest wait {}", time(ns)));
    let net = fact("net_ns").zip(fact("overhead_ns")).map(|(net, overhead)| {
        let spread = fact("overhead_spread_ns").unwrap_or(0.0);
        if spread > net {
            let (spread, overhead) = (time(spread), time(overhead));
            return format!("net not resolvable: without a switch it takes {overhead}, which varies by {spread}");
        }
        format!("net {}, without a switch {}", time(net), time(overhead))
    });
    let facts = [fairness, longest, from_sending, lagging, net].into_iter().flatten();
    let notes = cell.notes.iter().map(|note| sanitize(note));
    facts.chain(notes).chain(grades::own_reasons(cell, common)).collect::<Vec<_>>().join("; ")
}

/// Below this share of the planned rate a pace counts as not sustained: an order's last message alone may be late.
const SUSTAINED: f64 = 0.95;

fn is_floor(cell: &Cell) -> bool {
    cell.family == "floor"
}

fn row(cell: &Cell, fastest: Option<f64>, common: &[&str]) -> Vec<String> {
    let quantile = |of: fn(&ipcmark_harness::histogram::Quantiles) -> Option<u64>| {
        cell.quantiles_ns.as_ref().and_then(of).map_or_else(dash, |ns| time(ns as f64))
    };
    let ratio = match (cell.estimate_ns, fastest) {
        _ if is_floor(cell) => "floor".into(),
        (Some(ns), Some(fastest)) if fastest > 0.0 => figure(ns / fastest, 3),
        _ => dash(),
    };
    vec![
        format!("  {}", sanitize(&cell.mechanism)),
        cell.estimate_ns.map_or_else(dash, time),
        cell.interval_ns.map_or_else(dash, |[low, high]| format!("{} – {}", time(low), time(high))),
        quantile(|q| q.p99),
        quantile(|q| q.p999),
        cell.cpu_ns_per_op.map_or_else(dash, |cpu| time(cpu.near + cpu.far)),
        switches(cell),
        cell.bytes_per_s.map_or_else(dash, |b| figure(b / 1e6, 3)),
        ratio,
        grades::short(cell),
        remarks(cell, common),
    ]
}

/// Voluntary and involuntary together, of all parties: on one CPU about half of the real ones are booked as involuntary.
fn switches(cell: &Cell) -> String {
    let both = |of: Option<NearFar<f64>>| of.map(|s| s.near + s.far);
    let sum = both(cell.voluntary_switches_per_op).zip(both(cell.involuntary_switches_per_op)).map(|(a, b)| a + b);
    sum.map_or_else(dash, |s| format!("{s:.2}"))
}

/// Reasons with the number of cells each explains; one cell's id where it is alone.
fn reasons(cells: &[Cell], outcome: Outcome, title: &str) -> String {
    let mut counted: Vec<(&str, Vec<&Cell>)> = Vec::new();
    for cell in cells.iter().filter(|cell| cell.outcome == outcome) {
        let reason = cell.reason.as_deref().unwrap_or("no reason given");
        match counted.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, cells)) => cells.push(cell),
            None => counted.push((reason, vec![cell])),
        }
    }
    let line = |(reason, cells): &(&str, Vec<&Cell>)| match cells.as_slice() {
        [one] => format!("  {}: {}\n", sanitize(&one.id), sanitize(reason)),
        [first, ..] => format!("  {} cells ({}, …): {}\n", cells.len(), sanitize(&first.id), sanitize(reason)),
        [] => String::new(),
    };
    let lines: String = counted.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{title}\n{lines}") }
}

fn dash() -> String {
    "–".into()
}
