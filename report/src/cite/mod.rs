//! Citations: one sentence about a number, or about the ratio of two, with all that a reader needs to judge and to repeat it.
//!
//! Digits are limited by the interval (`words::Figures`). What must not be cited is refused: a cell that was not measured, one of grade D,
//! and one that nobody graded, since its conditions were not judged either.

mod forms;
mod pair;
mod sentence;

use std::fmt;

use ipcmark_harness::grade::Letter;
use ipcmark_harness::record::{Cell, FrontEnd, Outcome, sanitize};
use serde::Serialize;

pub use forms::Form;
pub use pair::{Pair, pair};
use sentence::{Style, written};

use crate::load::{Origin, Source};
use crate::near;
use crate::remarks::{first_beyond_steady, remarks, two_modes};
use crate::subject::{Subject, cpu_ns_per_op};
use crate::words::{self, fact_text};

/// Why there is no citation. Each is a sentence, safe for a terminal.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The record has no cell with this id.
    Unknown(String),
    /// It has one without a number.
    NotMeasured(String),
    /// Its number is not to be cited.
    NotCitable(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Refusal::Unknown(sentence) | Refusal::NotMeasured(sentence) | Refusal::NotCitable(sentence)) = self;
        f.write_str(sentence)
    }
}

impl std::error::Error for Refusal {}

/// A number with everything that goes with it. Numbers are the record's, unrounded; words are the sentence's.
#[derive(Clone, Debug, Serialize)]
pub struct Citation {
    /// The cell's id.
    pub id: String,
    /// The mechanism.
    pub mechanism: String,
    /// The workload.
    pub workload: String,
    /// The setup in words.
    pub conditions: String,
    /// Median of the launches' steady medians, in ns per operation.
    pub estimate_ns: f64,
    /// What it is of: `per operation`, `per acquisition by any party`.
    pub estimate_of: &'static str,
    /// Its interval.
    pub interval_ns: Option<[f64; 2]>,
    /// Coverage of the interval, as a share.
    pub interval_level: Option<f64>,
    /// What the interval spans.
    pub interval_spans: Option<String>,
    /// Launches.
    pub launches: u32,
    /// Median of the launches' first 20 ms, where it differs from the steady one beyond both intervals.
    pub first_ns: Option<f64>,
    /// Its interval.
    pub first_interval_ns: Option<[f64; 2]>,
    /// The two values that launches gather around, where they are bimodal.
    pub modes_ns: Option<[f64; 2]>,
    /// Operations of all parties together, a second, at the estimate.
    pub operations_per_s: Option<f64>,
    /// What the quantiles are of: `single operations`, `waits of single parties`.
    pub quantiles_of: &'static str,
    /// p99 of them.
    pub p99_ns: Option<u64>,
    /// p99.9 of them.
    pub p999_ns: Option<u64>,
    /// The longest of them.
    pub max_ns: Option<u64>,
    /// CPU time in ns per operation.
    pub cpu_ns_per_op: Option<f64>,
    /// Whose: `of all parties`, `of the waiter`.
    pub cpu_of: String,
    /// What a figure alone would hide: modes, launches without a steady state, launches that were measured again.
    pub remarks: Vec<String>,
    /// The grade; none: nobody judged it.
    pub grade: Option<Letter>,
    /// Of its quantiles.
    pub tail_grade: Option<Letter>,
    /// What keeps it from an A.
    pub grade_reasons: Vec<String>,
    /// Processor, hypervisor and kernel in a phrase.
    pub system: String,
    /// When the run began, UTC.
    pub started_utc: String,
    /// Version of the suite.
    pub suite: String,
    /// Revision of the suite.
    pub revision: String,
    /// SHA-256 of the record's file.
    pub record_sha256: String,
    /// The command that takes the number again.
    pub repeat: String,
    /// What describes the mechanism.
    pub references: Vec<String>,
    /// All of it in one sentence.
    pub sentence: String,
}

/// The citation of a cell; `anyway`: also of what is not to be cited, which the sentence then says.
///
/// # Errors
/// If there is no such number, or it is not to be cited.
pub fn cite(source: &Source, id: &str, anyway: bool) -> Result<Citation, Refusal> {
    of_cell(source, measured(source, id)?, anyway)
}

/// The same of a measured cell of the source.
pub(crate) fn of_cell(source: &Source, cell: &Cell, anyway: bool) -> Result<Citation, Refusal> {
    if !anyway {
        citable(cell)?;
    }
    let header = &source.record.header;
    let quantiles = cell.quantiles_ns.as_ref();
    let grade = cell.grade.as_ref();
    let subject = Subject::of(&cell.workload);
    let first = first_beyond_steady(cell);
    let mut citation = Citation {
        id: cell.id.clone(),
        mechanism: cell.mechanism.clone(),
        workload: cell.workload.clone(),
        conditions: conditions(cell),
        estimate_ns: cell.estimate_ns.unwrap_or_default(),
        estimate_of: subject.per,
        interval_ns: cell.interval_ns,
        interval_level: cell.interval_level,
        interval_spans: cell.interval_spans.clone(),
        launches: cell.launches,
        first_ns: first.map(|(first, _)| first),
        first_interval_ns: first.map(|(_, interval)| interval),
        modes_ns: two_modes(cell),
        operations_per_s: cell.operations_per_s,
        quantiles_of: if subject.differs() { subject.quantiles_of } else { "single operations" },
        p99_ns: quantiles.and_then(|quantiles| quantiles.p99),
        p999_ns: quantiles.and_then(|quantiles| quantiles.p999),
        max_ns: quantiles.and_then(|quantiles| quantiles.max),
        cpu_ns_per_op: cpu_ns_per_op(cell),
        cpu_of: subject.cpu_of(),
        remarks: remarks(cell),
        grade: grade.map(|grade| grade.letter),
        tail_grade: grade.and_then(|grade| grade.tail),
        grade_reasons: grade.map_or_else(Vec::new, |grade| grade.reasons.clone()),
        system: system(source),
        started_utc: header.started_utc.clone(),
        suite: header.suite.clone(),
        revision: words::revision(&header.revision),
        record_sha256: source.digest.clone(),
        repeat: repeat(source, cell),
        references: cell.references.clone(),
        sentence: String::new(),
    };
    citation.sentence = written(&sentence::of(&citation), Style::Plain);
    Ok(citation)
}

fn measured<'a>(source: &'a Source, id: &str) -> Result<&'a Cell, Refusal> {
    let path = sanitize(&source.path.display().to_string());
    let shown = sanitize(&id.chars().take(200).collect::<String>());
    let Some(cell) = source.record.cell(id) else {
        let ids = source.record.cells.iter().map(|cell| cell.id.as_str());
        let near: Vec<String> = near::misses(id, ids).iter().map(|id| sanitize(id)).collect();
        let near = if near.is_empty() {
            "`ipcmark show` lists what it has".into()
        } else {
            format!("nearest: {}", near.join(", "))
        };
        return Err(Refusal::Unknown(format!("{path} has no cell `{shown}`; {near}")));
    };
    if cell.outcome == Outcome::Measured && cell.estimate_ns.is_some() {
        return Ok(cell);
    }
    let reason = sanitize(cell.reason.as_deref().unwrap_or("no reason given"));
    Err(Refusal::NotMeasured(format!("{path}: {shown} was not measured: {reason}")))
}

fn citable(cell: &Cell) -> Result<(), Refusal> {
    let id = sanitize(&cell.id);
    match &cell.grade {
        None => Err(Refusal::NotCitable(format!(
            "{id} has no grade: nobody judged its conditions, so it is not to be cited; measure it again with this version, or give --anyway"
        ))),
        Some(grade) if grade.letter == Letter::D => Err(Refusal::NotCitable(format!(
            "{id} is of grade D, not to be cited: {}; `ipcmark doctor` tells what helps, --anyway cites it with its grade",
            sanitize(&grade.reasons.join("; "))
        ))),
        Some(_) => Ok(()),
    }
}

fn conditions(cell: &Cell) -> String {
    let conditions = words::conditions(cell);
    let mut known: Vec<&str> = conditions.split(", ").filter(|word| *word != "?").collect();
    known.extend(cell.setup.get("value").and_then(serde_json::Value::as_str));
    known.join(", ")
}

fn system(source: &Source) -> String {
    match source.origin {
        Origin::Criterion => "an unknown machine (criterion does not keep it)".into(),
        Origin::Record => {
            let microcode = fact_text(&source.record.header.machine, "cpu_microcode");
            let microcode = if microcode == "unknown" { String::new() } else { format!(", microcode {microcode}") };
            format!("{}{microcode}", words::system(&source.record.header))
        }
    }
}

fn repeat(source: &Source, cell: &Cell) -> String {
    // What begins with a dash would be an option.
    let end_of_options = if cell.id.starts_with('-') { "-- " } else { "" };
    let id = format!("{end_of_options}{}", quoted(&cell.id));
    match (source.origin, source.record.header.front_end) {
        (Origin::Record, FrontEnd::Run) => format!("ipcmark run --launches {} {id}", cell.launches),
        _ => format!("cargo bench -- {id}"),
    }
}

/// As one word of a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let text = sanitize(text);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::source;
    use crate::made_up::Run;
    use crate::words::Figures;
    use ipcmark_harness::grade::Grade;

    pub(super) const ID: &str = "round-trip/process/same-cpu/block/pipe/64B";

    pub(super) fn graded(letter: Letter) -> Source {
        let mut source = source(Run { cells: 2, ..Run::default() });
        for cell in &mut source.record.cells {
            let reasons = vec!["B: turbo is on".to_owned()];
            cell.grade = Some(Grade { letter, tail: Some(Letter::C), reasons });
            cell.references = vec!["pipe(7)".into()];
        }
        source
    }

    #[test]
    fn a_citation_says_all_that_is_needed_in_one_sentence() {
        let source = graded(Letter::B);
        let citation = cite(&source, ID, false).unwrap();
        let cell = source.record.cell(ID).unwrap();
        assert_eq!((Some(citation.estimate_ns), citation.interval_ns), (cell.estimate_ns, cell.interval_ns));
        let [low, high] = Figures::new(citation.estimate_ns, citation.interval_ns).interval.unwrap();
        let interval = format!("interval {low} – {high} ");
        for part in [
            "pipe, round-trip (process, same-cpu, block, 64B): ",
            interval.as_str(),
            "over 10 launches",
            "p99 ",
            "CPU time of all parties",
            "grade B, of the tail C (B: turbo is on)",
            "64 × Made-up Server Processor 8360, bare metal, Linux 6.1.0-18-amd64",
            "on 2026-01-01 with ipcmark 0.1.0 at ",
            &"0".repeat(64),
            "repeat with `ipcmark run --launches 10 round-trip/process/same-cpu/block/pipe/64B`",
            "see pipe(7).",
        ] {
            assert!(citation.sentence.contains(part), "{part} is not in {}", citation.sentence);
        }
    }

    #[test]
    fn what_quantiles_are_of_is_said_where_it_is_something_else() {
        let mut source = graded(Letter::B);
        source.record.cells[0].workload = "contended".into();
        let said = cite(&source, ID, false).unwrap().sentence;
        assert!(
            said.contains(" per acquisition by any party (") && said.contains("waits of single parties: p99 "),
            "{said}"
        );
        source.record.cells[0].workload = "wake".into();
        let said = cite(&source, ID, false).unwrap().sentence;
        assert!(said.contains("CPU time of the waiter per operation"), "{said}");
    }

    #[test]
    fn a_burst_and_two_modes_are_said() {
        let mut source = graded(Letter::B);
        let cell = &mut source.record.cells[0];
        (cell.first_ns, cell.first_interval_ns) = (Some(61e3), Some([60e3, 62e3]));
        cell.modes_ns = vec![6400.0, 8400.0];
        cell.replaced = vec!["the hypervisor took 12 %".into()];
        let citation = cite(&source, ID, false).unwrap();
        for said in [
            "the first 20 ms of a launch 61.0 µs (60.0 – 62.0 µs)",
            "6.40 µs or 8.40 µs, by process",
            "1 launch measured again: the hypervisor took 12 %",
        ] {
            assert!(citation.sentence.contains(said), "{said} is not in {}", citation.sentence);
        }
        assert_eq!(citation.modes_ns, Some([6400.0, 8400.0]));
    }

    #[test]
    fn grade_d_and_no_grade_are_refused_unless_asked_for_and_then_said() {
        for (letter, refused, said) in
            [(Some(Letter::D), "grade D", "grade D, of the tail C, not to be cited"), (None, "no grade", "not graded")]
        {
            let mut source = graded(Letter::D);
            if letter.is_none() {
                source.record.cells[0].grade = None;
            }
            let refusal = cite(&source, ID, false).unwrap_err();
            assert!(matches!(&refusal, Refusal::NotCitable(sentence) if sentence.contains(refused)), "{refusal}");
            assert!(cite(&source, ID, true).unwrap().sentence.contains(said));
        }
    }

    #[test]
    fn an_unknown_id_gives_near_misses_and_an_unmeasured_one_its_reason() {
        let mut source = graded(Letter::A);
        let refusal = cite(&source, "round-trip/process/same-cpu/block/pip/64B", false).unwrap_err().to_string();
        assert!(refusal.contains(&format!("nearest: {ID}")), "{refusal}");
        source.record.cells[0].outcome = Outcome::Skipped;
        source.record.cells[0].reason = Some("no such\x1b[2J kernel".into());
        let refusal = cite(&source, ID, true).unwrap_err();
        assert!(
            matches!(&refusal, Refusal::NotMeasured(said) if said.ends_with("no such\u{fffd}[2J kernel")),
            "{refusal}"
        );
    }

    #[test]
    fn a_command_is_one_word_of_a_shell_whatever_the_id_is() {
        assert_eq!(quoted("a/b-c"), "a/b-c");
        assert_eq!(quoted("a'; rm -rf \n$(x)"), "'a'\\''; rm -rf  $(x)'");
    }

    #[test]
    fn a_pasted_command_does_what_it_says_and_nothing_else_whatever_the_id_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut random = fastrand::Rng::with_seed(6);
        let parts = [
            "'",
            "\"",
            "`touch x`",
            "$(touch x)",
            "; touch x",
            "\n",
            "\\",
            "&&",
            "|",
            ">x",
            "-",
            "--out",
            "a",
            " ",
            "*",
            "~",
            "#",
            "!",
            "$HOME",
            "é",
        ];
        let mut line = String::new();
        let mut words = Vec::new();
        for _ in 0..100 {
            let id: String = (0..random.usize(1..7)).map(|_| parts[random.usize(..parts.len())]).collect();
            let mut source = graded(Letter::B);
            source.record.cells[0].id = id.clone();
            line += &format!("{}; ", cite(&source, &id, false).unwrap().repeat);
            let end_of_options = id.starts_with('-').then(|| "--".to_owned());
            words.extend(["run".to_owned(), "--launches".into(), "10".into()].into_iter().chain(end_of_options));
            words.push(sanitize(&id));
        }
        let script = format!("ipcmark() {{ printf '%s\\n' \"$@\"; }}; {line}");
        let output =
            std::process::Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
        let said: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(said, words);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
