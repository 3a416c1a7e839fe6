//! `ipcmark compare`: records side by side. Reads them only; what is in them need not exist any more.

use std::path::PathBuf;

use clap::Args;
use ipcmark_harness::record::sanitize;
use ipcmark_report::compare::{Comparison, Gate, Options, Refusal, Style, compare};
use ipcmark_report::load::Source;

use super::exit::{self, Stop};

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// Records, folders of them, or criterion's folders (target/criterion, or target/criterion@BASELINE); the first is what
    /// the others are set against
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,
    /// What stands on the columns: mechanism, peer, placement, waiting, payload_bytes or another key of setups; or kernel,
    /// cpu, governor, revision, any fact of machines and builds, or any tag
    #[arg(long, value_name = "KEY", default_value = "record", conflicts_with = "treatment")]
    by: String,
    /// What was changed on purpose: kernel, governor, thp, rustc, any fact of machines and builds, or any tag; its levels stand on
    /// the columns with their records pooled, get verdicts, and what else differs is named as a confounder
    #[arg(long, value_name = "KEY")]
    treatment: Option<String>,
    /// End with exit code 4 when all cells together, or a cell, is slower by more than this, as 10%, with the whole interval;
    /// with 7 when that is not resolved
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    fail_on: Option<f64>,
    /// What two runs of one binary may differ by without being called different [default: 3%, or up to 5% where a record's A/A
    /// probe found more]
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    tolerance: Option<f64>,
    /// One JSON object
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Tables for issues and pull requests
    #[arg(long)]
    markdown: bool,
}

/// `10%` or `10`, as a share.
fn share(text: &str) -> Result<f64, String> {
    match super::output::percent(text) {
        Some(percent) if (0.0..=10_000.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("a percentage from 0 to 10000 is allowed, as 10%".into()),
    }
}

pub(super) fn run(args: &CompareArgs) -> anyhow::Result<()> {
    let loaded = super::loaded(&args.records);
    let sources: Vec<&Source> = loaded.sources.iter().collect();
    if sources.is_empty() {
        return Err(Stop::new(exit::FAILURE, "none of what was given can be read").into());
    }
    let options = Options { by: args.by.clone(), treatment: args.treatment.clone(), tolerance: args.tolerance };
    let comparison = compare(&sources, &options).map_err(|refusal| match &refusal {
        Refusal::Usage(_) => Stop::usage(sanitize(&refusal.to_string())),
        Refusal::NothingComparable(_) => Stop::new(exit::NOT_COMPARABLE, sanitize(&refusal.to_string())),
    })?;
    match (args.json, args.markdown) {
        (true, _) => super::output::json(&comparison)?,
        (_, true) => super::output::write(&comparison.text(Style::Markdown, super::width::columns())),
        _ => super::output::write(&comparison.text(Style::Plain, super::width::columns())),
    }
    args.fail_on.map_or(Ok(()), |share| within(&comparison, share, &loaded.problems))
}

/// A threshold is kept by verdicts, which one environment has, or a treatment. What could not be read was not judged.
fn within(comparison: &Comparison, share: f64, problems: &[String]) -> anyhow::Result<()> {
    if !comparison.has_verdicts() {
        let why = "no two columns are of one environment, so that no cell can be called slower: --fail-on means nothing here; if what \
                   differs was changed on purpose, name it with --treatment";
        return Err(Stop::new(exit::NOT_COMPARABLE, why).into());
    }
    match (comparison.gate(share), problems.first()) {
        (Gate::Exceeded(why), _) => Err(Stop::new(exit::THRESHOLD, why).into()),
        (Gate::Unresolved(why), _) => Err(Stop::new(exit::UNRESOLVED, why).into()),
        (Gate::Kept, Some(first)) => {
            let count = problems.len();
            let why = format!(
                "not resolved: of what was given {count} files or lines were left out ({first}); give whole records"
            );
            Err(Stop::new(exit::UNRESOLVED, why).into())
        }
        (Gate::Kept, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_threshold_is_a_percentage() {
        assert_eq!((share("10%"), share("2.5"), share("0 %")), (Ok(0.1), Ok(0.025), Ok(0.0)));
        assert!(share("-1").is_err() && share("NaN").is_err() && share("ten").is_err());
    }
}
