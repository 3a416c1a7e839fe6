//! A citation in one sentence.

use ipcmark_harness::grade::Letter;
use ipcmark_harness::record::sanitize;

use super::Citation;
use crate::markdown;
use crate::words::{Figures, count, figure, time};

/// A part of a sentence: words, which may be a stranger's, or code to be typed.
pub(super) enum Part {
    Words(String),
    Code(String),
}

/// How parts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// For terminals and mails, code between backticks.
    Plain,
    Markdown,
}

/// The sentence of these parts.
pub(super) fn written(parts: &[Part], style: Style) -> String {
    let written = |(place, part): (usize, &Part)| match (part, style) {
        (Part::Words(words), Style::Plain) => sanitize(words),
        (Part::Code(code), Style::Plain) => format!("`{}`", sanitize(code)),
        (Part::Words(words), Style::Markdown) if place == 0 => markdown::line(words),
        (Part::Words(words), Style::Markdown) => markdown::text(words),
        (Part::Code(code), Style::Markdown) => markdown::code(code),
    };
    parts.iter().enumerate().map(written).collect()
}

pub(super) fn of(citation: &Citation) -> Vec<Part> {
    let Citation { mechanism, workload, conditions, system, suite, revision, repeat, .. } = citation;
    let place = if conditions.is_empty() { String::new() } else { format!(" ({conditions})") };
    let cpu = |ns: f64| format!("{} of CPU time {} per operation", time(ns), citation.cpu_of);
    let before = [
        Some(format!("{mechanism}, {workload}{place}: {}", value(citation))),
        first(citation),
        Some(tail(citation)),
        citation.cpu_ns_per_op.map(cpu),
        (!citation.remarks.is_empty()).then(|| citation.remarks.join("; ")),
        Some(grade(citation)),
        Some(format!("measured on {system}, {} with ipcmark {suite} at {revision}", on(&citation.started_utc))),
        Some(format!("record SHA-256 {}", citation.record_sha256)),
        Some("repeat with ".into()),
    ];
    let references = citation.references.join(", ");
    let after = if references.is_empty() { ".".into() } else { format!("; on the mechanism see {references}.") };
    let before = before.into_iter().flatten().collect::<Vec<_>>().join("; ");
    vec![Part::Words(before), Part::Code(repeat.clone()), Part::Words(after)]
}

/// `96.9 % `, or nothing where it is not known.
pub(super) fn level(share: Option<f64>) -> String {
    share.map_or_else(String::new, |level| format!("{} % ", figure(level * 100.0, 3)))
}

/// `2.90 µs per operation (96.9 % interval 2.88 – 3.07 µs over 6 launches)`.
fn value(citation: &Citation) -> String {
    let Figures { value, interval, unit } = Figures::new(citation.estimate_ns, citation.interval_ns);
    let level = level(citation.interval_level);
    let spans = match citation.interval_spans.as_deref() {
        Some("launches") => format!("over {}", count(citation.launches as usize, "launch")),
        Some(spans) => format!("over {spans}: not the uncertainty between runs"),
        None => "of unknown meaning".into(),
    };
    let interval = interval.map(|[low, high]| format!(" ({level}interval {low} – {high} {unit} {spans})"));
    let steady = if citation.first_ns.is_some() { "steady " } else { "" };
    let of = citation.estimate_of;
    format!("{steady}{value} {unit} {of}{}", interval.unwrap_or_else(|| " (no interval)".into()))
}

/// `the first 20 ms of a launch 61.0 µs (60.0 – 62.0 µs)`, where they are others than the steady state.
fn first(citation: &Citation) -> Option<String> {
    let figures = Figures::new(citation.first_ns?, citation.first_interval_ns);
    let Figures { value, interval, unit } = figures;
    let interval = interval.map_or_else(String::new, |[low, high]| format!(" ({low} – {high} {unit})"));
    Some(format!("the first 20 ms of a launch {value} {unit}{interval}"))
}

/// `p99 3.10 µs, p99.9 4.20 µs, max 1.20 ms`, after what they are of where that is not what the median is of.
fn tail(citation: &Citation) -> String {
    let quantile = |name: &str, ns: Option<u64>| ns.map(|ns| format!("{name} {}", time(ns as f64)));
    let known =
        [quantile("p99", citation.p99_ns), quantile("p99.9", citation.p999_ns), quantile("max", citation.max_ns)];
    let known: Vec<String> = known.into_iter().flatten().collect();
    match citation.quantiles_of {
        _ if known.is_empty() => "no tail".into(),
        "single operations" => known.join(", "),
        of => format!("{of}: {}", known.join(", ")),
    }
}

fn grade(citation: &Citation) -> String {
    let Some(letter) = citation.grade else { return "not graded".into() };
    let tail = citation.tail_grade.map_or_else(String::new, |letter| format!(", of the tail {letter}"));
    let warning = if letter == Letter::D { ", not to be cited" } else { "" };
    format!("grade {letter}{tail}{warning}{}", why(&citation.grade_reasons))
}

/// The reasons in brackets.
pub(super) fn why(reasons: &[String]) -> String {
    if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) }
}

/// `on 2026-01-31`, or that it is not known.
pub(super) fn on(utc: &str) -> String {
    let date = utc.get(..10).filter(|date| date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'));
    date.map_or_else(|| "on an unknown date".into(), |date| format!("on {date}"))
}
