//! `ipcmark doctor`: says what of this machine moves numbers, why, and which command improves it; changes nothing.

use std::time::Duration;

use clap::Args;
use ipcmark_harness::doctor::probe::{Lengths, Probes};
use ipcmark_harness::doctor::{Finding, Severity};
use ipcmark_harness::record::sanitize;
use ipcmark_harness::sys::signals;
use ipcmark_report::layout::wrapped;
use serde_json::json;

use super::exit::{self, Stop};
use super::{Bench, PATIENCE_S, output};
use crate::checkup::{self, Checkup};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Findings and probes as one JSON object
    #[arg(long)]
    json: bool,
    /// How long the jitter probe spins; the other probes take about 4 s on top
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = output::positive_seconds)]
    probe_seconds: f64,
}

/// Below so many seconds the other probes are shortened with the jitter probe.
const FULL_FROM_S: f64 = 1.0;

pub(super) fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    let bench = Bench::set_up(PATIENCE_S)?;
    signals::catch_interruptions()?;
    let jitter = Duration::from_secs_f64(args.probe_seconds);
    let lengths = if args.probe_seconds < FULL_FROM_S { Lengths::short(jitter) } else { Lengths::full(jitter) };
    let request = checkup::usual_request(&bench.calibration, bench.here.topology());
    let checkup = Checkup::take(&bench.launcher, &bench.here, request, Some(&lengths));
    let checkup = checkup.map_err(|failure| Stop::of(&failure))?;
    if args.json {
        let verdict = checkup.findings.first().map_or("fine", |finding| finding.severity.as_str());
        let all = json!({"verdict": verdict, "findings": checkup.findings, "probes": checkup.probes()});
        output::json(&all)?;
    } else {
        super::output::write(&report(&checkup.findings, checkup.probes(), super::width::columns()));
    }
    match checkup.refusal() {
        Some(why) => Err(Stop::new(exit::REFUSED, why).into()),
        None => Ok(()),
    }
}

fn report(findings: &[Finding], probes: &Probes, columns: usize) -> String {
    let texts: Vec<String> = findings.iter().map(|finding| describe(finding, columns)).collect();
    let count = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let [refused, flagged, noted] = [Severity::Refuse, Severity::Flag, Severity::Note].map(count);
    format!(
        "{}\nprobes\n{}\n{refused} refused, {flagged} flagged, {noted} noted; nothing was changed\n",
        texts.join("\n"),
        units(probes)
    )
}

/// What stands before each line of a finding.
const NAME: usize = "  restore  ".len();

fn describe(finding: &Finding, columns: usize) -> String {
    let mut text = format!("{:<7} {}\n", finding.severity.as_str(), sanitize(&finding.id));
    let lines = [
        ("seen", Some(&finding.seen)),
        ("why", Some(&finding.why)),
        ("improve", finding.improve.as_ref()),
        ("restore", finding.restore.as_ref()),
    ];
    for (name, line) in lines {
        if let Some(line) = line {
            let said = wrapped(&sanitize(line), columns - NAME, 0);
            let mut lines = said.lines();
            text += &format!("  {name:<8} {}\n", lines.next().unwrap_or_default());
            lines.for_each(|line| text += &format!("{:NAME$}{line}\n", ""));
        }
    }
    text
}

/// Every probe that is a time, and the noise.
fn units(probes: &Probes) -> String {
    let line = |(name, value): (&String, &serde_json::Value)| {
        let words = name.trim_end_matches("_ns").replace('_', " ");
        match (value.as_f64(), value.get("missing").and_then(|why| why.as_str())) {
            (Some(ns), _) if name.ends_with("_ns") => {
                Some(format!("  {words:<28} {}\n", ipcmark_report::words::time(ns)))
            }
            (Some(share), _) if name == "aa_noise_share" => {
                Some(format!("  {:<28} ± {:.1} %\n", "a/a noise", share * 100.0))
            }
            (None, Some(why)) => Some(format!("  {words:<28} – ({})\n", sanitize(why))),
            _ => None,
        }
    };
    probes.iter().filter_map(line).collect()
}
