//! The README's headline tables, from the committed record that `results/headlines.txt` names: what else lies in `results/` is
//! anybody's own, and must not change what the README says.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ipcmark_harness::record::{Cell, Header, Outcome, Record};
use ipcmark_report::paired::PairedRatio;
use ipcmark_report::ranking::{Ranked, ranked};
use ipcmark_report::subject::{Subject, cpu_ns_per_op};
use ipcmark_report::words::{Figures, figure, system, time};
use wildmatch::WildMatch;

use super::{read, table};
use crate::mechanism::Rank;
use crate::mechanisms;

/// What is asked, and the cells that answer.
const QUESTIONS: &[(&str, &str)] = &[
    ("64 bytes there and back between two processes on one CPU, blocking", "round-trip/process/same-cpu/block/*/64B"),
    ("The same, each process on a CPU of its own", "round-trip/process/same-cache/block/*/64B"),
    ("The same, both polling", "round-trip/process/same-cache/spin/*/64B"),
    (
        "64 KiB after 64 KiB from one process to another, each on a CPU of its own, blocking",
        "stream/process/same-cache/block/*/64KiB",
    ),
    ("A lock taken and released by the only thread that wants it", "uncontended/thread/*/own/*/0B-2parties"),
    (
        "A lock that two threads want all the time, held for 100 ns",
        "contended/thread/same-cache/own/*/64B-2parties-hold100ns-out0",
    ),
    (
        "One task stops and another runs, on one CPU: a hop of a token between two",
        "switch/*/same-cpu/block/*/0B-2parties",
    ),
    ("The same without the kernel", "resume/*"),
    ("A task is made, runs and is reaped", "spawn/*"),
    ("Into the kernel and back", "call/*"),
];

/// Names the record, by its path below the folder that this file is in; lines with `#` are remarks.
const NAMED_IN: &str = "headlines.txt";

/// All tables, and where they come from.
pub(super) fn tables(results: &Path) -> anyhow::Result<String> {
    let path = record_named_in(&results.join(NAMED_IN))?;
    let (record, warnings) = Record::read(&path).context("the record of the headlines")?;
    if let Some(warning) = warnings.first() {
        anyhow::bail!("the record of the headlines is damaged: {warning}");
    }
    let asked = QUESTIONS.iter().filter_map(|(question, cells)| answer(&record, question, cells));
    Ok(asked.fold(origin(&path, &record.header), |text, table| text + "\n" + &table))
}

fn record_named_in(list: &Path) -> anyhow::Result<PathBuf> {
    let text = read(list).with_context(|| format!("cannot read {}", list.display()))?;
    let names: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let [name] = names[..] else {
        anyhow::bail!(
            "{} names {} records, and must name one, by its path below that folder",
            list.display(),
            names.len()
        );
    };
    Ok(list.with_file_name(name))
}

fn origin(path: &Path, header: &Header) -> String {
    let command: Vec<&str> = header.command.iter().skip(1).map(String::as_str).collect();
    let (path, system) = (path.display(), system(header));
    let date = header.started_utc.get(..10).unwrap_or("an unknown day");
    format!(
        "From [`{path}`]({path}), made on {date} by `ipcmark {}` on {system}. `ipcmark show {path}` prints all of it. Only lines of one \
         table are to be compared; an interval spans launches. Mechanisms that share a rank (`=`) are not told apart; a ratio is to the \
         fastest, with an interval and a grade of its own.\n",
        command.join(" ")
    )
}

/// The cells whose mechanism is the one of its kind that people name first, by rank; none: nothing was measured.
fn answer(record: &Record, question: &str, ids: &str) -> Option<String> {
    let ids = WildMatch::new(ids);
    let is_headline = |cell: &&Cell| mechanisms::find(&cell.mechanism).is_some_and(|m| m.rank == Rank::Headline);
    let measured = record.cells.iter().filter(|cell| cell.outcome == Outcome::Measured && ids.matches(&cell.id));
    let rows: Vec<&Cell> = measured.filter(is_headline).collect();
    let first = rows.first()?;
    let several_peers = rows.iter().any(|cell| cell.setup.get("peer") != first.setup.get("peer"));
    let several_values = rows.iter().any(|cell| value(cell) != value(first));
    let subject = Subject::of(&first.workload);
    let (p99, cpu) = (subject.quantile("p99"), subject.cpu());
    let header = [
        "rank",
        "mechanism",
        subject.central,
        "interval",
        "grade",
        "ratio",
        "of ratio",
        p99.as_str(),
        cpu.as_str(),
        "MB/s",
    ];
    let rows = ranked(record, &rows, None).into_iter().map(|ranked| row(&ranked, several_peers, several_values));
    Some(format!("**{question}**\n\n{}", table(&header, rows)))
}

fn value(cell: &Cell) -> &str {
    cell.id.rsplit('/').next().unwrap_or_default()
}

fn row(ranked: &Ranked<'_>, with_peer: bool, with_value: bool) -> Vec<String> {
    let dash = || "–".to_owned();
    let cell = ranked.cell;
    let ratio = ranked.ratio.as_ref();
    let peer = cell.setup.get("peer").and_then(|peer| peer.as_str()).filter(|_| with_peer);
    let more: Vec<&str> = peer.into_iter().chain(Some(value(cell)).filter(|_| with_value)).collect();
    let name = if more.is_empty() {
        format!("`{}`", cell.mechanism)
    } else {
        format!("`{}`, {}", cell.mechanism, more.join(", "))
    };
    let figures = cell.estimate_ns.map(|ns| Figures::new(ns, cell.interval_ns));
    let interval = figures.as_ref().and_then(|f| f.interval.as_ref()).map(|[low, high]| format!("{low} – {high}"));
    vec![
        ranked.rank.map_or_else(dash, |rank| rank.to_string()),
        name,
        figures.as_ref().map_or_else(dash, |f| format!("{} {}", f.value, f.unit)),
        interval.unwrap_or_else(dash),
        cell.grade.as_ref().map_or_else(dash, |grade| grade.letter.to_string()),
        if ranked.is_reference { "reference".to_owned() } else { ratio.map_or_else(dash, PairedRatio::said) },
        ratio.map_or_else(dash, |ratio| ratio.grade.letter.to_string()),
        cell.quantiles_ns.as_ref().and_then(|q| q.p99).map_or_else(dash, |ns| time(ns as f64)),
        cpu_ns_per_op(cell).map_or_else(dash, time),
        cell.bytes_per_s.map_or_else(dash, |bytes| figure(bytes / 1e6, 3)),
    ]
}
