//! Records side by side: what differs between their machines, then cell by cell the values, their ratios and what may be said.
//!
//! - Columns are records, what a key has for values ([`Key`]), or the levels of a treatment, each with its records pooled; the first
//!   is what the others are set against.
//! - In the **same environment** ([`environment::distance`]) the common shift of all cells gets a verdict ([`Whole`]), and each cell
//!   gets one on its ratio and one on what that is beyond the common shift ([`Verdict`]).
//! - Levels of a **treatment** get verdicts, too: what was changed on purpose sets no environments apart, and whatever else
//!   differs is named as a confounder.
//! - In **different environments** there are ratios and no verdict: what is slower there is not worse, it is elsewhere.
//! - What only one side has is listed, never dropped.
//! - [`Comparison::gate`] answers whether anything is slower by more than a limit: yes, no, or not resolved.

mod disturbed;
pub mod environment;
pub(crate) mod evidence;
mod gate;
mod judge;
mod keys;
mod machine;
mod plain;
mod ranks;
pub mod ratio;
mod say;
mod scatter;
mod show;
#[cfg(test)]
mod simulation;
mod slots;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod verdict;
mod whole;

use std::fmt;

use ipcmark_harness::grade::Letter;
use serde::Serialize;

pub use environment::Difference;
pub use gate::Gate;
pub use keys::Key;
pub use machine::Machine;
pub use ranks::RankChange;
pub use ratio::Ratio;
pub use show::Style;
pub use verdict::{TOLERANCE, Verdict};
pub use whole::{KnownBy, Whole};

use crate::load::Source;
use crate::words;
use evidence::Evidence;

/// The form of the JSON that [`Comparison`] becomes.
pub const SCHEMA: &str = "ipcmark-comparison/1";

/// How to compare.
#[derive(Clone, Debug)]
pub struct Options {
    /// What stands on the columns: `record`, or any key.
    pub by: String,
    /// What was changed on purpose: a fact, tag or property of the run, whose levels stand on the columns instead of `by`.
    pub treatment: Option<String>,
    /// What two runs of one binary may differ by, as a share. None: [`TOLERANCE`], which a record's A/A probe may raise to
    /// [`verdict::MOST_TOLERANCE`]; what is asked for is kept to.
    pub tolerance: Option<f64>,
}

impl Default for Options {
    fn default() -> Options {
        Options { by: "record".into(), treatment: None, tolerance: None }
    }
}

/// Why there is no comparison.
#[derive(Debug)]
pub enum Refusal {
    /// What was asked for does not exist.
    Usage(String),
    /// The records have nothing in common.
    NothingComparable(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Refusal::Usage(sentence) | Refusal::NothingComparable(sentence)) = self;
        f.write_str(sentence)
    }
}

impl std::error::Error for Refusal {}

/// A record that takes part.
#[derive(Clone, Debug, Serialize)]
pub struct Taken {
    /// A short name, different for each.
    pub label: String,
    /// The file, or folder.
    pub path: String,
    /// SHA-256 of the file.
    pub digest: String,
    /// Processor, hypervisor and kernel in a phrase.
    pub system: String,
    /// Suite version and revision.
    pub suite: String,
    /// When it was begun.
    pub started_utc: String,
    /// What it does not have, where it is no record of this suite.
    pub lacks: Option<String>,
}

/// A column.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// The record's name, or the key's value.
    pub label: String,
    /// The record, where the column is one.
    pub record: Option<usize>,
    /// All its records, where cells are set against those of other records; several are those of one level of a treatment.
    pub records: Vec<usize>,
    /// What sets its environment apart from the first column's; empty: it is the same one.
    pub apart_by: Vec<String>,
    /// What else differs from the first column, so that it may be the reason for what is found.
    pub confounders: Vec<String>,
    /// The common shift against the first column; none in the first, between environments, and within one run.
    pub whole: Option<Whole>,
    /// Cells that were asked of the first column and of this one, but not measured in one of them, or in both; without those that
    /// both skipped.
    pub unmeasured: Vec<String>,
}

/// One cell of one record.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// The record.
    pub record: usize,
    /// The estimate.
    pub estimate_ns: f64,
    /// Its interval.
    pub interval_ns: Option<[f64; 2]>,
    /// What the interval spans.
    pub interval_spans: Option<String>,
    /// Launches.
    pub launches: u32,
    /// The grade; none: nobody judged it.
    pub grade: Option<Letter>,
    /// Over the first column's; none in the first, and where the first has nothing.
    pub ratio: Option<Ratio>,
    /// What may be said of the ratio; none between environments.
    pub verdict: Option<Verdict>,
    /// The ratio over the common shift of all cells.
    pub beyond: Option<Ratio>,
    /// What may be said of that.
    pub beyond_verdict: Option<Verdict>,
    /// What disturbed its launches, where that was too much for a verdict.
    pub disturbed: Option<String>,
    /// Medians of its launches, by record.
    #[serde(skip)]
    launches_ns: Vec<Vec<f64>>,
    #[serde(skip)]
    evidence: Option<Evidence>,
    /// Half-width of the ratio's interval by launches alone, in logarithms.
    #[serde(skip)]
    own_half_width: f64,
}

/// Cells that may be compared.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The workload.
    pub workload: String,
    /// The mechanism; empty where it stands on the columns.
    pub mechanism: String,
    /// Everything else that they share, in words.
    pub conditions: String,
    /// The record, where all columns are of one.
    pub record: Option<usize>,
    /// One for each column, where measured.
    pub values: Vec<Option<Entry>>,
}

/// A comparison: all that is shown, in every form.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// What stands on the columns.
    pub by: String,
    /// Whether these are levels of a treatment.
    pub treatment: bool,
    /// The records.
    pub records: Vec<Taken>,
    /// What differs between them, the most influential first.
    pub differences: Vec<Difference>,
    /// The columns.
    pub columns: Vec<Column>,
    /// What varies with the columns without standing on them.
    pub hidden: Vec<String>,
    /// What may be compared, in the order of the records.
    pub rows: Vec<Row>,
    /// Cells that were measured in one column alone, by column.
    pub alone: Vec<Vec<String>>,
    /// Where the order of mechanisms changes between columns.
    pub rank_changes: Vec<RankChange>,
    /// What each column's cells may differ by from the first's without being called different, as a share.
    pub tolerances: Vec<f64>,
}

/// Compares at least two columns.
///
/// # Errors
/// If the key is unknown, or no two measured cells may be compared.
pub fn compare(sources: &[&Source], options: &Options) -> Result<Comparison, Refusal> {
    let key = match &options.treatment {
        Some(name) => Key::treatment(name, sources),
        None => Key::parse(&options.by, sources),
    };
    let key = key.map_err(Refusal::Usage)?;
    let records = taken(sources);
    let mut table = slots::fill(&key, sources, &records, options.treatment.is_some());
    if options.treatment.is_some() && table.columns.len() < 2 {
        return Err(Refusal::NothingComparable(slots::why_one_level(&table.columns, &options.treatment)));
    }
    let alone = slots::take_alone(&mut table);
    if table.rows.is_empty() {
        return Err(Refusal::NothingComparable(slots::why_nothing(&key, sources, &options.by)));
    }
    let tolerances =
        table.columns.iter().map(|column| tolerance(sources, &table.columns[0], column, options)).collect();
    let differences = environment::differences(sources);
    let mut comparison = Comparison {
        schema: SCHEMA,
        by: options.treatment.as_ref().unwrap_or(&options.by).clone(),
        treatment: options.treatment.is_some(),
        hidden: if options.treatment.is_some() { Vec::new() } else { hidden(&key, &differences) },
        records,
        differences,
        columns: table.columns,
        rows: table.rows,
        alone,
        rank_changes: Vec::new(),
        tolerances,
    };
    slots::note_unmeasured(&mut comparison.columns, sources);
    judge::judge(&mut comparison, sources);
    if !matches!(key, Key::OfCell(_)) {
        comparison.rank_changes = ranks::changes(&comparison.rows);
    }
    Ok(comparison)
}

/// What the user asked for; else what the A/A probes of the records found, if that is more: up to a bound, as the probe's width is
/// mostly that of its launches, which the ratio's interval holds already, and a difference that matters must stay visible.
fn tolerance(sources: &[&Source], first: &Column, column: &Column, options: &Options) -> f64 {
    let probed = |record: &usize| sources.get(*record)?.record.header.probes.get("aa_noise_share")?.as_f64();
    // Cells of one run are set against each other where there are no records of columns.
    let within: &[usize] = if first.records.is_empty() { &[0] } else { &first.records };
    let probes = within.iter().chain(&column.records).filter_map(probed);
    let probed = probes.filter(|share| share.is_finite()).fold(0.0, f64::max);
    options.tolerance.unwrap_or_else(|| TOLERANCE.max(probed.min(verdict::MOST_TOLERANCE)))
}

/// A fact of the records on the columns leaves all other differences between them unsaid.
fn hidden(key: &Key, differences: &[Difference]) -> Vec<String> {
    let Key::OfRecord(key) = key else { return Vec::new() };
    let others = differences.iter().filter(|found| found.fact != *key && (found.decides || found.fact == "revision"));
    others.map(|found| found.fact.clone()).collect()
}

fn taken(sources: &[&Source]) -> Vec<Taken> {
    let labels = slots::labels(sources);
    let one = |(source, label): (&&Source, String)| {
        let header = &source.record.header;
        Taken {
            label,
            path: source.path.display().to_string(),
            digest: source.digest.clone(),
            system: words::system(header),
            suite: format!("{} at {}", header.suite, words::revision(&header.revision)),
            started_utc: header.started_utc.clone(),
            lacks: source.origin.lacks().map(str::to_owned),
        }
    };
    sources.iter().zip(labels).map(one).collect()
}

impl Comparison {
    /// Whether any column but the first is of the first's environment, so that verdicts exist.
    pub fn has_verdicts(&self) -> bool {
        self.columns.iter().skip(1).any(|column| column.apart_by.is_empty())
    }

    /// What is said of a cell, by its id, in the first column after the first that has it.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        let others = self.rows.iter().flat_map(|row| row.values.iter().skip(1).flatten());
        others.into_iter().find(|entry| entry.id == id)
    }
}
