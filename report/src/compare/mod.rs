//! Records side by side: what differs between their machines, then cell by cell the values, their ratios and what may be said.
//!
//! - Columns are records, or what a key has for values ([`Key`]); the first is what the others are set against.
//! - In the **same environment** ([`environment::distance`]) a ratio gets a [`Verdict`] from a change test across launches.
//! - In **different environments** there are ratios and no verdict: what is slower there is not worse, it is elsewhere.
//! - What only one side has is listed, never dropped.

pub mod environment;
mod keys;
mod ranks;
pub mod ratio;
mod show;
#[cfg(test)]
mod simulation;
mod slots;
#[cfg(test)]
pub(crate) mod testing;
pub mod verdict;

use std::fmt;

use ipcmark_harness::grade::Letter;
use serde::Serialize;

pub use environment::Difference;
pub use keys::Key;
pub use ranks::RankChange;
pub use ratio::Ratio;
pub use show::Style;
pub use verdict::{TOLERANCE, Verdict};

use crate::load::Source;
use crate::words;
use ratio::Ranks;

/// The form of the JSON that [`Comparison`] becomes.
pub const SCHEMA: &str = "ipcmark-comparison/1";

/// How to compare.
#[derive(Clone, Debug)]
pub struct Options {
    /// What stands on the columns: `record`, or any key.
    pub by: String,
    /// What two runs of one binary may differ by, as a share; a record's A/A probe may raise it to [`verdict::MOST_TOLERANCE`].
    pub tolerance: f64,
}

impl Default for Options {
    fn default() -> Options {
        Options { by: "record".into(), tolerance: TOLERANCE }
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
    /// What sets its environment apart from the first column's; empty: it is the same one.
    pub apart_by: Vec<String>,
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
    #[serde(skip)]
    per_launch_ns: Vec<f64>,
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
    let key = Key::parse(&options.by, sources).map_err(Refusal::Usage)?;
    let records = taken(sources);
    let mut table = slots::fill(&key, sources, &records);
    let alone = slots::take_alone(&mut table);
    if table.rows.is_empty() {
        return Err(Refusal::NothingComparable(slots::why_nothing(&key, sources, &options.by)));
    }
    let tolerances = table.columns.iter().map(|column| tolerance(sources, column, options.tolerance)).collect();
    let differences = environment::differences(sources);
    let mut comparison = Comparison {
        schema: SCHEMA,
        by: options.by.clone(),
        hidden: hidden(&key, &differences),
        records,
        differences,
        columns: table.columns,
        rows: table.rows,
        alone,
        rank_changes: Vec::new(),
        tolerances,
    };
    comparison.judge();
    if !matches!(key, Key::OfCell(_)) {
        comparison.rank_changes = ranks::changes(&comparison.rows);
    }
    Ok(comparison)
}

/// What the user asked for, or what the A/A probes of the records found, if that is more: up to a bound, as the probe's width is
/// mostly that of its launches, which the ratio's interval holds already, and a difference that matters must stay visible.
fn tolerance(sources: &[&Source], column: &Column, asked: f64) -> f64 {
    let probed = |record: usize| sources.get(record)?.record.header.probes.get("aa_noise_share")?.as_f64();
    let probes = [probed(0), column.record.and_then(probed)];
    let probed = probes.into_iter().flatten().filter(|share| share.is_finite()).fold(0.0, f64::max);
    asked.max(probed.min(verdict::MOST_TOLERANCE))
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
    /// Ratios of all columns to the first, and verdicts where the environment is the same.
    fn judge(&mut self) {
        let mut ranks = Ranks::default();
        for column in 1..self.columns.len() {
            let mut judged: Vec<(usize, Ratio)> = Vec::new();
            for (place, row) in self.rows.iter().enumerate() {
                let (Some(base), Some(entry)) = (&row.values[0], &row.values[column]) else { continue };
                let ratio = ranks.ratio(&base.per_launch_ns, &entry.per_launch_ns).or_else(|| plain(base, entry));
                judged.extend(ratio.map(|ratio| (place, ratio)));
            }
            let ratios: Vec<Ratio> = judged.iter().map(|(_, ratio)| *ratio).collect();
            let tolerance = self.tolerances[column];
            let verdicts: Vec<(Ratio, Option<Verdict>)> = match &self.columns[column] {
                Column { apart_by, .. } if !apart_by.is_empty() => ratios.into_iter().map(|r| (r, None)).collect(),
                // Cells of one run, whose launches were interleaved: no run differs from itself.
                Column { record: None, .. } => {
                    ratios.into_iter().map(|r| (r, Some(verdict::verdict(&r, tolerance)))).collect()
                }
                _ => verdict::judge(&ratios, tolerance).into_iter().map(|(r, v)| (r, Some(v))).collect(),
            };
            for ((place, _), (ratio, verdict)) in judged.iter().zip(verdicts) {
                if let Some(entry) = &mut self.rows[*place].values[column] {
                    (entry.ratio, entry.verdict) = (Some(ratio), verdict);
                }
            }
        }
    }

    /// Whether any column but the first is of the first's environment, so that verdicts exist.
    pub fn has_verdicts(&self) -> bool {
        self.columns.iter().skip(1).any(|column| column.apart_by.is_empty())
    }

    /// The cells that are slower than the first column's by more than this share, with the whole interval.
    pub fn slower_by_more_than(&self, share: f64) -> Vec<&Entry> {
        let exceeds = |entry: &&Entry| {
            let low = entry.ratio.and_then(|ratio| ratio.interval).map(|[low, _]| low);
            entry.verdict == Some(Verdict::Slower) && low.is_some_and(|low| low > 1.0 + share)
        };
        self.rows.iter().flat_map(|row| row.values.iter().flatten()).filter(exceeds).collect()
    }
}

/// Without launches there is a ratio of the estimates, and no interval.
fn plain(base: &Entry, entry: &Entry) -> Option<Ratio> {
    let value = entry.estimate_ns / base.estimate_ns;
    (value.is_finite() && value > 0.0).then_some(Ratio { value, interval: None })
}

#[cfg(test)]
mod tests {
    use super::testing::{compared, source};
    use super::*;
    use crate::made_up::Run;

    fn verdicts(comparison: &Comparison, mechanism: &str) -> Vec<Verdict> {
        let rows = comparison.rows.iter().filter(|row| row.mechanism == mechanism);
        rows.filter_map(|row| row.values[1].as_ref()?.verdict).collect()
    }

    #[test]
    fn a_slower_mechanism_is_called_and_the_others_are_not() {
        let base = Run { cells: 300, ..Run::default() };
        let found = compared(&[base, Run { seed: 1, pipe_times: 1.15, ..base }], "record").unwrap();
        let pipes = verdicts(&found, "pipe");
        assert!(pipes.len() > 10 && pipes.iter().filter(|v| **v == Verdict::Slower).count() * 10 >= pipes.len() * 9);
        let others: Vec<Verdict> = found
            .rows
            .iter()
            .filter(|row| row.mechanism != "pipe")
            .filter_map(|row| row.values[1].as_ref()?.verdict)
            .collect();
        let wrong = others.iter().filter(|v| matches!(v, Verdict::Slower | Verdict::Faster)).count();
        assert!(wrong * 20 <= others.len(), "{wrong} of {}", others.len());
        assert!(!found.slower_by_more_than(0.05).is_empty() && found.slower_by_more_than(0.5).is_empty());
    }

    #[test]
    fn another_machine_gets_ratios_and_no_verdict() {
        let found = compared(&[Run::default(), Run { machine: 1, ..Run::default() }], "record").unwrap();
        assert!(!found.has_verdicts() && !found.columns[1].apart_by.is_empty());
        for entry in found.rows.iter().filter_map(|row| row.values[1].as_ref()) {
            assert!(entry.ratio.is_some() && entry.verdict.is_none());
        }
        assert!(!found.rank_changes.is_empty());
        assert!(found.slower_by_more_than(0.0).is_empty());
    }

    #[test]
    fn a_property_of_cells_stands_on_the_columns() {
        let found = compared(&[Run { cells: 320, ..Run::default() }], "placement").unwrap();
        let labels: Vec<&str> = found.columns.iter().map(|column| column.label.as_str()).collect();
        assert_eq!(labels, ["same-cpu", "same-cache"]);
        let row = found.rows.iter().find(|row| row.values.iter().all(Option::is_some)).unwrap();
        assert!(row.values[1].as_ref().unwrap().ratio.unwrap().value > 2.0, "{row:?}");
        assert!(!row.conditions.contains('?') && !row.conditions.contains("same-"), "{}", row.conditions);
    }

    #[test]
    fn a_fact_of_the_machine_on_the_columns_warns_of_what_varies_with_it() {
        let found = compared(&[Run::default(), Run { machine: 1, ..Run::default() }], "kernel").unwrap();
        assert_eq!(found.columns[0].label, "6.1.0-18-amd64");
        assert!(found.hidden.contains(&"cpu_model_name".to_owned()), "{:?}", found.hidden);
        assert!(!found.hidden.contains(&"kernel_release".to_owned()));
    }

    #[test]
    fn an_unknown_key_is_told_with_near_misses() {
        let refusal = compared(&[Run::default()], "placment").unwrap_err();
        assert!(matches!(&refusal, Refusal::Usage(sentence) if sentence.contains("placement")), "{refusal}");
    }

    #[test]
    fn one_record_alone_has_nothing_to_be_compared_with() {
        assert!(matches!(compared(&[Run::default()], "record"), Err(Refusal::NothingComparable(_))));
        assert!(matches!(compared(&[Run::default()], "family"), Err(Refusal::NothingComparable(_))));
    }

    #[test]
    fn the_probe_of_a_noisy_machine_raises_the_tolerance() {
        let (a, mut b) = (source(Run::default()), source(Run { seed: 1, ..Run::default() }));
        b.record.header.probes.insert("aa_noise_share".into(), 0.2.into());
        let found = compare(&[&a, &b], &Options::default()).unwrap();
        assert_eq!(found.tolerances, [TOLERANCE, verdict::MOST_TOLERANCE]);
    }
}
