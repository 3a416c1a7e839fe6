//! `ipcmark run`: measures cells over several launches each, prints tables, and leaves a record.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::ProgressBar;
use ipcmark_harness::doctor::probe::Lengths;
use ipcmark_harness::doctor::{Finding, Severity};
use ipcmark_harness::drift;
use ipcmark_harness::grade::Grader;
use ipcmark_harness::machine::{self, Root, Scheduling};
use ipcmark_harness::measuring_lock::{Holder, MeasuringLock};
use ipcmark_harness::record::{self, Record, Writer};
use ipcmark_harness::sys::signals;

use serde_json::json;

use super::exit::{self, Stop};
use super::{Bench, PATIENCE_S, Selection, output};
use crate::checkup::{self, Checkup};
use crate::plan::Profile;
use crate::provenance;
use crate::runner::{self, Course, Event, Goal, Job};
use keeper::Keeper;
use said::{announcement, cells, dry_run, next, show};

mod keeper;
mod said;
mod verdict;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    selection: Selection,
    /// How much is measured
    #[arg(long, value_enum, default_value_t = Profile::Quick)]
    profile: Profile,
    /// Launches of each cell: fresh worker processes, the unit of repetition; given, no further ones follow without --target
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    launches: Option<u32>,
    /// Half the width of the interval that is wanted, as 5%: cells that are not known so well get further launches, within the budget
    /// [default: 5% in quick and standard]
    #[arg(long, value_name = "PERCENT", value_parser = output::percentage)]
    target: Option<f64>,
    /// Seconds after which no further launch for the sake of --target begins [default: 54 in quick, 2700 in standard and full]
    #[arg(long, value_name = "SECONDS", value_parser = output::positive_seconds)]
    budget: Option<f64>,
    /// Seed of the order of launches; drawn and recorded if not given
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where the record goes; it must not exist yet [default: results/<machine>/<date>-<revision>.jsonl]
    #[arg(long, value_name = "FILE.jsonl")]
    out: Option<PathBuf>,
    /// Show the cells and the time they would take, and measure nothing
    #[arg(long)]
    dry_run: bool,
    /// Complete a run that was interrupted: same cells, launches and seed, same record
    #[arg(long, value_name = "FILE", conflicts_with_all = ["filters", "profile", "launches", "target", "budget", "seed", "out", "tags", "host_name"])]
    resume: Option<PathBuf>,
    /// A fact of your own for the record, such as rack=7; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// Measure even where the doctor refuses to, or beside another run; every cell is graded D then
    #[arg(long)]
    anyway: bool,
    /// Where another run measures on this machine, begin when it has ended
    #[arg(long, conflicts_with = "anyway")]
    wait: bool,
    /// How long the jitter probe before the run spins; the other probes take about twice that [default: 0.4]
    #[arg(long, value_name = "SECONDS", default_value_t = PROBE_S, hide_default_value = true, value_parser = output::positive_seconds)]
    probe_seconds: f64,
    /// Record the name of this machine; it is kept out of records otherwise
    #[arg(long)]
    host_name: bool,
    /// Seconds a worker may take beyond its work before it counts as hung
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE_S, value_parser = output::positive_seconds)]
    cell_timeout: f64,
}

/// With it all probes together take about a second: `quick` has a minute for everything.
const PROBE_S: f64 = 0.4;

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a tag is KEY=VALUE")?;
    if key.is_empty() { Err("a tag needs a key before its `=`".into()) } else { Ok((key.into(), value.into())) }
}

/// What is to be done: jobs, and where their results go.
struct Plan {
    /// The record's first line; a resumed run's as it stands in the file, with what has been found since.
    header: record::Header,
    profile: Profile,
    course: Course,
    jobs: Vec<Job>,
    output: Output,
    finished: Vec<record::Cell>,
    /// The run that is to be resumed came to its end: nothing is to be done, and nothing written.
    ended: bool,
}

impl Output {
    fn path(&self) -> &Path {
        match self {
            Output::New { path, .. } | Output::Resumed { path, .. } => path,
        }
    }
}

enum Output {
    /// A new record; `asked`: the user named the place, so not getting it is an error.
    New { path: PathBuf, asked: bool },
    /// The record of an interrupted run, and the line that says how it goes on.
    Resumed { path: PathBuf, line: Box<record::Resumed> },
}

pub(super) fn run(args: RunArgs) -> anyhow::Result<()> {
    let bench = Bench::set_up(args.cell_timeout)?;
    let mut plan = match &args.resume {
        Some(path) => resumed(&bench, path, args.anyway)?,
        None => fresh(&bench, &args)?,
    };
    if args.dry_run {
        return dry_run(&plan);
    }
    if plan.ended {
        output::message(announcement(&plan.jobs, Duration::ZERO));
        output::end_unless(show(&plan.header, &plan.finished, Some(plan.output.path())));
        return Ok(());
    }
    signals::catch_interruptions()?;
    let alone = alone(&args, &mut plan.header)?;
    let checkup = check_up(&bench, &args, &mut plan)?;
    measure(&bench, plan, &checkup, alone)
}

/// Sees to it that no other run measures meanwhile; or that the record says so. Where there is no way to see others, nobody is
/// kept from measuring.
fn alone(args: &RunArgs, header: &mut record::Header) -> anyhow::Result<Option<MeasuringLock>> {
    let mut said = false;
    loop {
        match MeasuringLock::take() {
            Ok(None) => {}
            Ok(Some(lock)) => {
                note_stranger(&lock, header);
                return Ok(Some(lock));
            }
            Err(_) => return Ok(None),
        }
        if args.anyway {
            header.findings.push(Finding::another_run(&Holder::ask()));
            return Ok(None);
        }
        if !args.wait {
            let why =
                format!("another run measures on this machine: {}; the two would measure each other", Holder::ask());
            let advice = "--wait begins when it has ended; --anyway measures beside it, and grades every cell D";
            return Err(Stop::new(exit::REFUSED, format!("{why}; {advice}")).into());
        }
        if let Some(signal) = signals::interruption() {
            return Err(Stop::interrupted(signal, "interrupted while another run was measuring").into());
        }
        if !std::mem::replace(&mut said, true) {
            output::message(format_args!("waiting for another run: {}", Holder::ask()));
        }
        ipcmark_harness::sys::sleep(Duration::from_millis(200));
    }
}

/// A process of another user at the address by which runs see each other may be a run; it changes no grade.
fn note_stranger(lock: &MeasuringLock, header: &mut record::Header) {
    let Some(other) = lock.beside() else { return };
    output::message(format_args!("warning: {other} has the address by which runs see each other, and may measure"));
    header.findings.push(Finding::address_taken(other));
}

/// Examines the machine; what was found goes into a new record's header. A resumed run keeps the probes that it began with.
fn check_up(bench: &Bench, args: &RunArgs, plan: &mut Plan) -> anyhow::Result<Checkup> {
    let cpus: Vec<BTreeSet<usize>> = plan.jobs.iter().filter_map(Job::cpus).collect();
    let request = checkup::request(&bench.calibration, cpus.iter());
    let lengths = Lengths::short(Duration::from_secs_f64(args.probe_seconds));
    let is_new = matches!(plan.output, Output::New { .. });
    let checkup = Checkup::take(&bench.launcher, &bench.here, request, is_new.then_some(&lengths));
    let checkup = checkup.map_err(|failure| Stop::of(&failure))?;
    if let Some(why) = checkup.refusal().filter(|_| !args.anyway) {
        let advice = "ipcmark doctor says more; --anyway measures all the same, and grades every cell D";
        return Err(Stop::new(exit::REFUSED, format!("{why}; {advice}")).into());
    }
    plan.header.findings.extend(checkup.findings.iter().cloned());
    if let Output::Resumed { line, .. } = &mut plan.output {
        line.findings = checkup.findings.clone();
    }
    if is_new {
        plan.header.probes = checkup.probes().clone();
    }
    let flags: Vec<&str> = checkup.graver(Severity::Flag).map(|finding| finding.id.as_str()).collect();
    if !flags.is_empty() {
        output::message(format_args!("doctor: {} (ipcmark doctor says why, and what improves it)", flags.join(", ")));
    }
    Ok(checkup)
}

fn fresh(bench: &Bench, args: &RunArgs) -> anyhow::Result<Plan> {
    let cells = bench.select(args.profile, &args.selection.filters)?;
    let launches = args.launches.unwrap_or_else(|| args.profile.launches());
    let goal = goal(args);
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..=u64::from(u32::MAX)));
    let mut header = provenance::header(record::FrontEnd::Run, &bench.calibration);
    header.selection = record::Selection {
        filters: args.selection.filters.clone(),
        profile: args.profile.name().into(),
        launches,
        seed,
        cell_timeout_s: args.cell_timeout,
        target_share: goal.target,
        budget_s: goal.budget.as_secs_f64(),
        cells: cells.iter().map(|cell| cell.id()).collect(),
    };
    (header.seed, header.profile) = (seed, args.profile.name().into());
    if args.host_name {
        header.machine.insert("host_name".into(), json!(machine::host_name(&Root::new("/"))));
    }
    header.tags = BTreeMap::from_iter(args.tags.iter().cloned());
    let path = args.out.clone().unwrap_or_else(|| default_path(&header));
    let scheduling = Scheduling::of_facts(&header.machine);
    let job = |cell| Job::new(cell, bench.here.stage(&cell), launches).in_start(0, scheduling.clone());
    let jobs = cells.into_iter().map(job).collect();
    let output = Output::New { path, asked: args.out.is_some() };
    let course = Course { goal, seed, rounds: 0, elapsed: Duration::ZERO };
    Ok(Plan { header, profile: args.profile, course, jobs, output, finished: Vec::new(), ended: false })
}

/// With `--launches` there are so many and no more, unless a width is given too.
fn goal(args: &RunArgs) -> Goal {
    let usual = args.profile.goal();
    let target = args.target.or(usual.target.filter(|_| args.launches.is_none()));
    Goal { target, budget: args.budget.map_or(usual.budget, Duration::from_secs_f64) }
}

/// `results/<machine>/<date>-<revision>.jsonl`, with a number where that is taken.
fn default_path(header: &record::Header) -> PathBuf {
    let machine = machine::machine_name(&machine::machine(&Root::new("/")));
    let date = header.started_utc.get(..10).unwrap_or("undated");
    let stem = format!("{date}-{}", ipcmark_report::words::revision(&header.revision));
    let folder = Path::new("results").join(machine);
    let numbered = (1..).map(|n| if n == 1 { stem.clone() } else { format!("{stem}-{n}") });
    let mut paths = numbered.map(|stem| folder.join(stem + ".jsonl"));
    paths.find(|path| path.symlink_metadata().is_err()).unwrap_or_else(|| folder.join("record.jsonl"))
}

/// The rest of an interrupted run: launches that the record holds are kept.
fn resumed(bench: &Bench, path: &Path, anyway: bool) -> anyhow::Result<Plan> {
    let (record, warnings) = Record::read(path).context("the run cannot be resumed")?;
    for warning in &warnings {
        output::message(format_args!("warning: {warning}"));
    }
    let now = provenance::header(record::FrontEnd::Run, &bench.calibration);
    if let Some(difference) = provenance::difference(&record.header, &now) {
        let why = format!("{}: {difference}; a run is resumed by what began it, where it began", path.display());
        return Err(Stop::new(exit::NOT_COMPARABLE, why).into());
    }
    let selection = &record.header.selection;
    let profile = clap::ValueEnum::from_str(&selection.profile, false)
        .map_err(|_| Stop::usage(format!("{}: unknown profile `{}`", path.display(), selection.profile)))?;
    let cells = bench.select(profile, &selection.cells)?;
    let (start, scheduling) = (record.resumed.len() as u32 + 1, Scheduling::of_facts(&record.header.machine));
    let goal = Goal { target: selection.target_share, budget: seconds(selection.budget_s) };
    // Until the run has ended, cells may get further launches for the sake of the target.
    let may_extend = goal.target.is_some() && record.after.is_none();
    let mut jobs = Vec::new();
    let mut finished = Vec::new();
    for cell in cells {
        let mut job = Job::new(cell, bench.here.stage(&cell), selection.launches).in_start(start, scheduling.clone());
        let earlier = record.cell(&job.id());
        earlier.into_iter().for_each(|earlier| job.resume_from(earlier));
        match earlier {
            Some(earlier) if job.left() == 0 && !(may_extend && job.is_measured()) => finished.push(earlier.clone()),
            _ => jobs.push(job),
        }
    }
    let ended = jobs.is_empty() && record.after.is_some();
    let launches = || record.cells.iter().flat_map(|cell| &cell.per_launch);
    let course = Course {
        goal,
        seed: record.header.seed,
        rounds: launches().map(|launch| launch.round.saturating_add(1)).max().unwrap_or(0),
        elapsed: seconds(launches().map(|launch| launch.at_s).fold(0.0, f64::max)),
    };
    let mut header = record.header;
    let line = provenance::gone_on(&mut header, &now, anyway || ended)
        .map_err(|why| Stop::new(exit::NOT_COMPARABLE, format!("{}: {why}", path.display())))?;
    let output = Output::Resumed { path: path.to_owned(), line: Box::new(line) };
    Ok(Plan { header, profile, course, jobs, output, finished, ended })
}

/// What a record says, which may be anything.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn measure(bench: &Bench, mut plan: Plan, checkup: &Checkup, alone: Option<MeasuringLock>) -> anyhow::Result<()> {
    let grader = Grader::new(&plan.header, &[]);
    let mut keeper = Keeper { writer: open(&plan.output, &plan.header)?, grader, written: HashMap::new() };
    let effort = plan.profile.effort();
    let expected = runner::expected(&plan.jobs, &effort);
    output::message(announcement(&plan.jobs, expected));
    let bar = output::progress(expected.as_millis() as u64);
    let interrupted =
        runner::run(&mut plan.jobs, &bench.launcher, &effort, plan.course, |event| note(&bar, &mut keeper, event))?;
    bar.finish_and_clear();
    let mut results = std::mem::take(&mut plan.finished);
    keeper.written = results.iter().map(|cell| (cell.id.clone(), cell.clone())).chain(keeper.written).collect();
    results.extend(plan.jobs.iter().filter_map(Job::result));
    match interrupted {
        // Launches of cells that were under way are results too: resuming adds the rest.
        Some(_) => keeper.keep_all(&mut results)?,
        None => finish(&mut results, &plan.header, checkup, &mut keeper)?,
    }
    // A pager may hold the tables for an hour.
    drop(alone);
    let written = show(&plan.header, &results, keeper.writer.as_ref().map(Writer::path));
    // An interrupted run ends by its signal, and says how to go on.
    if interrupted.is_none() {
        if keeper.writer.is_some() {
            output::message(format_args!("next: {}", next(&results)));
        }
        output::end_unless(written);
    }
    verdict::judge(&plan.jobs, interrupted, keeper.writer.as_ref())
}

/// Opens the record. Only a place that the user did not choose may fail without ending the run.
fn open(output: &Output, header: &record::Header) -> anyhow::Result<Option<Writer>> {
    match output {
        Output::Resumed { path, line } => {
            let (mut writer, repair) = Writer::append_to(path).context("the run cannot be resumed")?;
            if let Some(repair) = repair {
                output::message(format_args!(
                    "warning: {}: its last line was cut off and has been mended ({repair:?})",
                    path.display()
                ));
            }
            writer.write_resumed(line).context("the run cannot be resumed")?;
            Ok(Some(writer))
        }
        Output::New { path, asked } => match Writer::create(path, header) {
            Ok(writer) => Ok(Some(writer)),
            Err(error) if *asked => Err(error).context("nothing was measured"),
            Err(error) => {
                output::message(format_args!("warning: no record is kept: {error}; choose a place with --out"));
                Ok(None)
            }
        },
    }
}

fn note(bar: &ProgressBar, keeper: &mut Keeper, event: Event<'_>) -> anyhow::Result<()> {
    match event {
        Event::Launch { job, done, total } => {
            let left = total.saturating_sub(done).as_secs_f64().ceil() as u64;
            let left = humantime::format_duration(Duration::from_secs(left));
            bar.set_position(done.as_millis() as u64);
            bar.set_message(format!("{left} left  {}", job.id()));
        }
        Event::Complete(mut cell) => {
            let what = match cell.outcome {
                record::Outcome::Failed => Some("failed"),
                record::Outcome::Disturbed => Some("was disturbed"),
                record::Outcome::Measured | record::Outcome::Skipped => None,
            };
            if let Some(what) = what {
                let reason = cell.reason.as_deref().unwrap_or("no reason given");
                bar.suspend(|| output::message(format_args!("warning: {} {what}: {reason}", cell.id)));
            }
            keeper.keep(&mut cell)?;
        }
    }
    Ok(())
}

/// Looks at the machine once more, widens intervals by what the run shows of drift, and grades all cells by what was found since,
/// too.
fn finish(
    cells: &mut [record::Cell],
    header: &record::Header,
    checkup: &Checkup,
    keeper: &mut Keeper,
) -> anyhow::Result<()> {
    let after = checkup.after();
    for change in &after.changed {
        output::message(format_args!("warning: changed meanwhile: {}", record::sanitize(change)));
    }
    drift::widen(cells);
    keeper.grader = Grader::new(header, &after.findings);
    keeper.keep_all(cells)?;
    if let Some(writer) = &mut keeper.writer {
        writer.write_after(&after).context("how the machine is now could not be kept")?;
    }
    Ok(())
}
