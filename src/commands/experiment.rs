//! `ipcmark experiment`: two programs, or one before and after a setting, told apart by pairs that are neighbours in time.

mod report;

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use ipcmark_harness::doctor::Severity;
use ipcmark_harness::launch::Program;
use ipcmark_harness::measuring_lock::{Holder, MeasuringLock};
use ipcmark_harness::paired::blocks::{self, Stopped};
use ipcmark_harness::paired::cell::PairedCell;
use ipcmark_harness::paired::rounds;
use ipcmark_harness::paired::setting::Setting;
use ipcmark_harness::paired::verdict::Rules;
use ipcmark_harness::sys::signals;
use ipcmark_report::words;

use super::exit::{self, Stop};
use super::{Bench, PATIENCE_S, Selection, output, say};
use crate::cell::Cell;
use crate::checkup::{self, Checkup};
use crate::mechanism::Stage;
use crate::plan::Profile;

/// Arguments of `experiment`.
#[derive(Debug, Args)]
pub(super) struct ExperimentArgs {
    #[command(flatten)]
    selection: Selection,
    /// What is compared with: an ipcmark, or a command that becomes one, as 'env X=1 ./ipcmark' [default: this program]
    #[arg(long, value_name = "CMD|BINARY", value_parser = program())]
    a: Option<Program>,
    /// What is compared with A, in the same form [default: this program]
    #[arg(long, value_name = "CMD|BINARY", value_parser = program())]
    b: Option<Program>,
    /// A command for sh that changes a setting of the machine: A is measured without it, B with it, in blocks ABBA.
    /// It has no terminal, and is killed after 60 s
    #[arg(long, value_name = "CMD", requires = "undo")]
    apply: Option<OsString>,
    /// The command that changes it back; it is run whatever happens, even if this program is killed
    #[arg(long, value_name = "CMD", requires = "apply")]
    undo: Option<OsString>,
    /// Differences of this size are told from none; a cell is measured until that is decided, or the budget ends
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = share)]
    resolve: f64,
    /// End with exit code 4 where B is slower by so much; slower cells are measured until that is certain or excluded
    /// [default: exit code 4 where B is slower and what --resolve says is not excluded]
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    fail_on: Option<f64>,
    /// Seconds for all cells together; time that decided cells leave is the others' [default: 18 a cell]
    #[arg(long, value_name = "SECONDS", value_parser = output::positive_seconds)]
    budget: Option<f64>,
    /// The profile whose cells the filters choose from
    #[arg(long, value_enum, default_value_t = Profile::Quick)]
    profile: Profile,
    /// One JSON object, with every episode
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
    /// Show the cells and the time they would take, and measure nothing
    #[arg(long)]
    dry_run: bool,
    /// Measure even where the doctor refuses to, or beside another run
    #[arg(long)]
    force: bool,
    /// Seconds a worker may take beyond its work before it counts as hung
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE_S, value_parser = output::positive_seconds)]
    cell_timeout: f64,
}

/// What a cell gets, in seconds, where no budget is given: three minutes for ten.
const BUDGET_S: f64 = 18.0;
/// The least that a cell can be decided in, in seconds: about where differences of 5 % are resolved in cells without noise.
const LEAST_S: f64 = 1.0;
/// What two builds of one source differ by, as a part of what is to be resolved.
const TOLERANCE_PART: f64 = 0.2;
/// How often any of the cells may be called different where none is, all looks together.
const ERROR_RATE: f64 = 0.05;

/// What a command of --apply or --undo may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// For clap, which would refuse what is no UTF-8 otherwise.
fn program() -> impl TypedValueParser<Value = Program> {
    OsStringValueParser::new().try_map(|text| Program::parse(&text))
}

/// `5%` or `5`, as a share.
fn share(text: &str) -> Result<f64, String> {
    match output::percent(text) {
        Some(percent) if percent > 0.0 && percent <= 1000.0 => Ok(percent / 100.0),
        _ => Err("a percentage above 0 and up to 1000 is allowed, as 5%".into()),
    }
}

/// Cells that can run here, and the others with their reasons.
struct Chosen {
    cells: Vec<(Cell, Stage)>,
    skipped: Vec<Skipped>,
}

/// A cell that cannot run here.
struct Skipped {
    id: String,
    reason: String,
    /// A filter is its whole id.
    named: bool,
}

/// What is compared, by which rules.
struct Design {
    programs: [Program; 2],
    /// The commands that apply and undo it.
    setting: Option<[OsString; 2]>,
    rules: Rules,
    fail_on: f64,
    budget: Duration,
}

pub(super) fn run(args: &ExperimentArgs) -> anyhow::Result<()> {
    if args.fail_on.is_some_and(|fail_on| fail_on < args.resolve) {
        let why = "--fail-on is below --resolve: what is to fail must be told from none";
        return Err(Stop::usage(format!("{why}; give both the same value, or a smaller --resolve")).into());
    }
    let bench = Bench::set_up(args.cell_timeout)?;
    let chosen = choose(&bench, args)?;
    let design = design(args, chosen.cells.len());
    announce(&chosen, &design);
    if args.dry_run {
        chosen.cells.iter().for_each(|(cell, _)| say!("{cell}"));
        return Ok(());
    }
    signals::catch_interruptions()?;
    let lock = take_lock(args.force)?;
    for program in &design.programs {
        bench.launcher.check(program).map_err(|failure| Stop::of(&failure))?;
    }
    check_machine(&bench, &chosen, args.force)?;
    let mut cells = paired_cells(&chosen, design.budget);
    let ended = measure(&bench, &mut cells, &design);
    // A pager may hold the results for an hour.
    drop(lock);
    if args.json {
        output::json(&report::json(&cells, &chosen.skipped, &design))?;
    } else {
        output::write(&report::text(&cells, &chosen.skipped, &design));
    }
    ended?;
    report::judge(&cells, &chosen.skipped, &design)
}

fn choose(bench: &Bench, args: &ExperimentArgs) -> anyhow::Result<Chosen> {
    let mut chosen = Chosen { cells: Vec::new(), skipped: Vec::new() };
    for cell in bench.select(args.profile, &args.selection.filters)? {
        match bench.here.stage(&cell) {
            Ok(stage) => chosen.cells.push((cell, stage)),
            Err(reason) => {
                let id = cell.id();
                let named = args.selection.filters.contains(&id);
                chosen.skipped.push(Skipped { id, reason, named });
            }
        }
    }
    match chosen.skipped.first().filter(|_| chosen.cells.is_empty()) {
        Some(Skipped { id, reason, .. }) => {
            Err(Stop::usage(format!("none of these cells can run here: {id}: {reason}")).into())
        }
        None => Ok(chosen),
    }
}

fn design(args: &ExperimentArgs, cells: usize) -> Design {
    let program = |given: &Option<Program>| given.clone().unwrap_or_else(Program::this_with_path);
    let rules = Rules {
        resolve: args.resolve,
        tolerance: args.resolve * TOLERANCE_PART,
        // Any of them, however many they are (Bonferroni).
        error_rate: ERROR_RATE / cells as f64,
        fail_on: args.fail_on,
    };
    Design {
        programs: [program(&args.a), program(&args.b)],
        setting: args.apply.clone().zip(args.undo.clone()).map(|(apply, undo)| [apply, undo]),
        rules,
        fail_on: args.fail_on.unwrap_or(args.resolve),
        budget: Duration::from_secs_f64(args.budget.unwrap_or(BUDGET_S * cells as f64)),
    }
}

fn announce(chosen: &Chosen, design: &Design) {
    let (cells, budget_s) = (chosen.cells.len(), design.budget.as_secs_f64());
    let after = design.setting.as_ref().map_or_else(String::new, |[apply, _]| format!(", after `{}`", apply.display()));
    output::message(format_args!("A: {}", design.programs[0]));
    output::message(format_args!("B: {}{after}", design.programs[1]));
    let these = words::count(cells, "cell");
    let resolve = report::percent(design.rules.resolve);
    output::message(format_args!(
        "{these}, at most {budget_s:.0} s: until differences of {resolve} % are told from none"
    ));
    let each_s = budget_s / cells as f64;
    if each_s < LEAST_S {
        let (fit, wanted_s) = ((budget_s / LEAST_S) as usize, BUDGET_S * cells as f64);
        output::message(format_args!(
            "warning: that is {each_s:.2} s a cell, and most will not be resolved: give a filter for {} or fewer, or --budget \
             {wanted_s:.0}",
            words::count(fit.max(1), "cell")
        ));
    }
}

/// As `run` does; beside another run only where the user forces it.
fn take_lock(force: bool) -> anyhow::Result<Option<MeasuringLock>> {
    match MeasuringLock::take() {
        Ok(None) if !force => {
            let why =
                format!("another run measures on this machine: {}; the two would measure each other", Holder::ask());
            Err(Stop::new(exit::REFUSED, format!("{why}; begin when it has ended, or add --force")).into())
        }
        Ok(lock) => Ok(lock),
        // Where others cannot be seen, that keeps none from measuring.
        Err(_) => Ok(None),
    }
}

fn check_machine(bench: &Bench, chosen: &Chosen, force: bool) -> anyhow::Result<()> {
    let cpus: Vec<_> = chosen.cells.iter().map(|(_, stage)| cpus_of(stage).into_iter().collect()).collect();
    let request = checkup::request(&bench.calibration, cpus.iter());
    let checkup = Checkup::take(&bench.launcher, &bench.here, request, None).map_err(|failure| Stop::of(&failure))?;
    if let Some(why) = checkup.refusal().filter(|_| !force) {
        let advice = "ipcmark doctor says more; --force measures all the same";
        return Err(Stop::new(exit::REFUSED, format!("{why}; {advice}")).into());
    }
    let flags: Vec<&str> = checkup.graver(Severity::Flag).map(|finding| finding.id.as_str()).collect();
    if !flags.is_empty() {
        output::message(format_args!("doctor: {} (ipcmark doctor says why, and what improves it)", flags.join(", ")));
    }
    Ok(())
}

fn cpus_of(stage: &Stage) -> Vec<usize> {
    let mut cpus: Vec<usize> = stage.near_cpus.iter().chain(&stage.far_cpus).copied().collect();
    cpus.sort_unstable();
    cpus.dedup();
    cpus
}

fn paired_cells(chosen: &Chosen, budget: Duration) -> Vec<PairedCell> {
    let share = budget / chosen.cells.len().max(1) as u32;
    let paired = |(cell, stage): &(Cell, Stage)| PairedCell::new(cell.id(), cell.spec(stage), cpus_of(stage), share);
    chosen.cells.iter().map(paired).collect()
}

/// Cells keep what was measured before an error.
fn measure(bench: &Bench, cells: &mut [PairedCell], design: &Design) -> anyhow::Result<()> {
    let bar = output::progress(1000);
    let report = |cell: &PairedCell, share: f64| {
        bar.set_position((1000.0 * share) as u64);
        bar.set_message(cell.id.clone());
    };
    let ended = match &design.setting {
        Some(setting) => measure_setting(bench, cells, design, setting, report),
        None => rounds::run(cells, &bench.launcher, &design.programs, &design.rules, design.budget, report)
            .map_err(|failure| Stop::of(&failure)),
    };
    bar.finish_and_clear();
    Ok(ended?)
}

/// What was applied is undone before this returns.
fn measure_setting(
    bench: &Bench,
    cells: &mut [PairedCell],
    design: &Design,
    [apply, undo]: &[OsString; 2],
    report: impl FnMut(&PairedCell, f64),
) -> Result<(), Stop> {
    let setting = Setting::new(apply, undo, COMMAND_LIMIT);
    let mut setting = setting.map_err(|error| Stop::new(exit::FAILURE, format!("no shell can be started: {error}")))?;
    let Design { programs, rules, budget, .. } = design;
    let ended = blocks::run(cells, &bench.launcher, programs, &mut setting, rules, *budget, report);
    let undone = setting.end().map_err(|why| Stop::new(exit::FAILURE, why));
    match ended {
        Ok(()) => undone,
        Err(Stopped::Failure(failure)) => undone.and(Err(Stop::of(&failure))),
        Err(Stopped::Setting(why)) => {
            let outcome = undone.map_or_else(|error| error.to_string(), |()| "what it may have done was undone".into());
            Err(Stop::new(exit::FAILURE, format!("{why}; {outcome}")))
        }
    }
}
