//! The doctor around a run: what is to be measured, on which CPUs, by which binary; examined before and after.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use ipcmark_harness::clock::Calibration;
use ipcmark_harness::control::Failure;
use ipcmark_harness::doctor::probe::{self, Lengths, Place, Probes};
use ipcmark_harness::doctor::{self, Exam, Finding, Request, Severity};
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::machine::Root;
use ipcmark_harness::placement::{Placement, Topology};
use ipcmark_harness::record::After;
use serde_json::{Value, json};

use crate::cell::Here;
use crate::plan::{self, Profile};
use ipcmark_harness::paired::disturbance::own_cpu_ns;

/// How long the floor of the harness is measured.
const NULL_WINDOW: Duration = Duration::from_millis(5);

/// A machine that has been examined.
#[derive(Debug)]
pub struct Checkup {
    exam: Exam,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    own_cpu_ns: u64,
}

impl Checkup {
    /// Looks at the machine, takes probes of these lengths (none: no probes), and looks again.
    ///
    /// # Errors
    /// If a probe's worker fails, or this process is interrupted.
    pub fn take(
        launcher: &Launcher,
        here: &Here,
        request: Request,
        lengths: Option<&Lengths>,
    ) -> Result<Self, Failure> {
        let own_before = own_cpu_ns();
        let mut exam = Exam::read(&Root::new("/"), request);
        if let Some(lengths) = lengths {
            exam.probes = probe::take(launcher, &place(here.topology()), lengths)?;
            exam.probes.insert("null_round_trip_ns".into(), null_round_trip(launcher, here)?);
            exam.read_again(&Root::new("/"), own_cpu_ns() - own_before);
        }
        Ok(Self { findings: doctor::examine(&exam), exam, own_cpu_ns: own_before })
    }

    /// What the probes measured.
    pub fn probes(&self) -> &Probes {
        &self.exam.probes
    }

    /// Why nothing should be measured here, in one sentence; none: go on.
    pub fn refusal(&self) -> Option<String> {
        let refused: Vec<String> = self.graver(Severity::Refuse).map(|f| format!("{}: {}", f.id, f.seen)).collect();
        (!refused.is_empty()).then(|| format!("the doctor refuses to measure here: {}", refused.join("; ")))
    }

    /// Findings of this severity.
    pub fn graver(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.severity == severity)
    }

    /// Looks at the machine once more, when the run is over.
    pub fn after(&self) -> After {
        let root = Root::new("/");
        let mut exam = self.exam.clone();
        exam.read_all_again(&root, own_cpu_ns() - self.own_cpu_ns);
        let findings = doctor::examine(&exam);
        let conditions = exam.later.iter().flat_map(|later| &later.facts);
        After {
            utc: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            conditions: conditions.map(|(name, fact)| (name.clone(), json!(fact))).collect(),
            changed: doctor::changes(&self.findings, &findings),
            findings,
        }
    }
}

/// What is to be measured: cells whose parties are on these CPUs, one set a cell.
pub fn request<'a>(calibration: &Calibration, cells: impl Iterator<Item = &'a BTreeSet<usize>>) -> Request {
    let mut request = Request {
        unoptimised: unoptimised(),
        architecture: std::env::consts::ARCH.into(),
        clock_cost_ns: calibration.clock.cost_ns,
        clock_precision_ns: calibration.precision_ns,
        ..Request::default()
    };
    let mut all = BTreeSet::new();
    for cpus in cells {
        request.at_once = request.at_once.max(cpus.len());
        all.extend(cpus.iter().copied());
    }
    request.cpus = all.into_iter().collect();
    request
}

/// As for cells on the probes' own CPUs, where nobody has said what is to be measured.
pub fn usual_request(calibration: &Calibration, topology: &Topology) -> Request {
    let place = place(topology);
    let cpus = BTreeSet::from_iter(std::iter::once(place.cpu).chain(place.other.ok()));
    request(calibration, std::iter::once(&cpus))
}

fn unoptimised() -> Option<String> {
    let level = env!("IPCMARK_OPT_LEVEL");
    let assertions = if cfg!(debug_assertions) { ", with debug assertions" } else { "" };
    (level == "0" || cfg!(debug_assertions)).then(|| format!("built with opt-level {level}{assertions}"))
}

/// Where cells of the nearest placements run, too.
fn place(topology: &Topology) -> Place {
    let pair = Placement::APART.into_iter().find_map(|placement| topology.cpus(placement).ok());
    let alone = topology.cpus(Placement::SameCpu).ok().and_then(|cpus| cpus.first().copied()).unwrap_or(0);
    match pair.as_deref() {
        Some([cpu, other]) => Place { cpu: *cpu, other: Ok(*other) },
        _ => Place { cpu: alone, other: Err("only one CPU is allowed".into()) },
    }
}

/// The floor of the suite itself: the first round trip of nothing at all that can run here.
fn null_round_trip(launcher: &Launcher, here: &Here) -> Result<Value, Failure> {
    let is_wanted = |workload: &str, mechanism: &str| (workload, mechanism) == ("round-trip", "null");
    let cells = plan::cells_of(Profile::Quick, here.topology(), is_wanted);
    let staged = cells.iter().find_map(|cell| Some((cell, here.stage(cell).ok()?)));
    let Some((cell, stage)) = staged else { return Ok(json!({"missing": "no round trip of null can run here"})) };
    let mut worker = launcher.open(&cell.spec(&stage), 0)?;
    // The first window warms up.
    worker.window(NULL_WINDOW)?;
    let ns = worker.window(NULL_WINDOW)?.ns_per_op();
    worker.quit()?;
    Ok(json!(ns))
}
