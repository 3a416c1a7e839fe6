//! The command line: one file a command; this one parses, dispatches, and turns errors into sentences and exit codes.

mod cite;
mod clean;
mod compare;
mod completions;
mod doctor;
pub mod exit;
mod experiment;
mod grades;
mod list;
mod output;
mod readme;
mod report;
mod run;
mod show;
mod soak;
mod tables;
mod verify;
mod width;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ipcmark_harness::clock::Calibration;
use ipcmark_harness::launch::Launcher;
use ipcmark_report::load::{self, Loaded};

use crate::cell::{Cell, Here};
use crate::plan::{self, Profile};
use completions::FilterWords;
use exit::Stop;

/// Measures what each way of talking between processes and threads costs on this machine, and records it with the
/// conditions it was measured under.
#[derive(Debug, Parser)]
#[command(name = "ipcmark", version, after_long_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
A cell is mechanism × workload × setup, with one stable id:
  round-trip/process/same-cache/block/pipe/64B
  workload / peer / placement / waiting / mechanism / message size

Examples:
  ipcmark run                                   the headline cells, within a minute
  ipcmark run --profile standard pipe unix      a pipe against Unix sockets, to publish
  ipcmark run pipe tcp 4KiB process             words of one kind are or-ed, those of different kinds and-ed
  ipcmark run 'round-trip/*/same-cpu/*/64B'     a glob over whole ids
  ipcmark list                                  what there is, by families
  ipcmark list posix-mq --json                  its cells, and what is missing why
  ipcmark show results/…/2026-01-31-0a1b2c3.jsonl
  ipcmark compare before.jsonl after.jsonl --fail-on 10%
  ipcmark experiment --b ./new/ipcmark pipe     two builds, batch by batch in turn: slower, no difference, or not resolved
  ipcmark compare results --by kernel           all committed records, kernels on the columns
  ipcmark compare old-*.jsonl new-*.jsonl --treatment kernel   what a new kernel did, several records of each
  ipcmark cite record.jsonl round-trip/process/same-cpu/block/pipe/64B
  ipcmark report results/ --out page.html       all machines beside each other, to look at

Exit codes:
  0 done · 1 a cell or the program failed · 2 usage · 3 the doctor refused · 4 slower than --fail-on allows ·
  5 records that do not go together · 6 verification failed · 7 not resolved (compare --fail-on, experiment) ·
  8 disturbed: other work made a cell's own count fail in every launch, and nothing else failed ·
  129, 130, 143, 152 interrupted by SIGHUP, SIGINT, SIGTERM, SIGXCPU

Standard output is results; progress and warnings go to standard error.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every cell, and whether it can run here
    List(list::ListArgs),
    /// Run every cell once with all bytes checked; exit code 6 when a check fails
    Verify(verify::VerifyArgs),
    /// Measure, print tables, and write a record
    Run(run::RunArgs),
    /// Say what of this machine moves numbers, and what improves it
    Doctor(doctor::DoctorArgs),
    /// Print the tables of a record
    Show(show::ShowArgs),
    /// Checked traffic over every mechanism in turn, watching for what grows or is left behind
    Soak(soak::SoakArgs),
    /// Set records side by side: what differs, ratios by cell, and verdicts where the machine is the same
    Compare(compare::CompareArgs),
    /// Tell two builds, or one before and after a setting, apart by pairs of batches that alternate in time
    Experiment(experiment::ExperimentArgs),
    /// Say one number of a record, or the ratio of two, in a sentence to be pasted
    Cite(cite::CiteArgs),
    /// Draw records as one HTML page that needs no network
    Report(report::ReportArgs),
    /// Remove what runs left behind that were killed together with their workers
    Clean(clean::CleanArgs),
    /// Regenerate the tables of README.md and results/schema.json in a checkout
    Readme(readme::ReadmeArgs),
    /// Print completions for a shell, to be sourced by it
    Completions(completions::CompletionsArgs),
    /// Write man pages, one a command
    Man(completions::ManArgs),
}

/// `println!` through the layer that all output goes through: a full disk ends the program with a sentence, and text drives no terminal.
macro_rules! say {
    ($($text:tt)*) => { $crate::commands::output::write(&format!("{}\n", format_args!($($text)*))) };
}
use say;

/// Records that are named on the command line; standard error says what of them could not be read.
fn loaded(paths: &[PathBuf]) -> Loaded {
    let loaded = load::load(paths);
    loaded.problems.iter().for_each(|problem| output::message(format_args!("warning: {problem}")));
    loaded
}

/// Which cells.
#[derive(Debug, Args)]
struct Selection {
    /// Cells to take, by whole parts of ids or words in them: a workload, mechanism, family, peer, placement, waiting or parameter,
    /// as `pipe tcp 4KiB process`; those of one kind are or-ed, of different kinds and-ed. Or a glob over whole ids, or a whole
    /// id, which is taken from any profile. KIND=WORD names the kind, as family=pipe
    #[arg(value_name = "FILTER", value_parser = FilterWords, hide_possible_values = true)]
    filters: Vec<String>,
}

/// What a worker is given beyond the time its work takes, by default.
const PATIENCE_S: f64 = 10.0;

/// Parses the command line, runs the command, and returns the exit code.
pub fn main() -> i32 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            output::message_lines(&error.render().to_string());
            return error.exit_code();
        }
        Err(help) => {
            output::help(&help.render());
            return exit::DONE;
        }
    };
    let done = match cli.command {
        Command::List(args) => list::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Run(args) => run::run(args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Experiment(args) => experiment::run(&args),
        Command::Cite(args) => cite::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Clean(args) => clean::run(&args),
        Command::Readme(args) => readme::run(&args),
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => completions::man(&args),
    };
    match done {
        Ok(()) => exit::DONE,
        Err(error) => report(&error),
    }
}

fn report(error: &anyhow::Error) -> i32 {
    output::message(format_args!("error: {error:#}"));
    error.downcast_ref::<Stop>().map_or(exit::FAILURE, |stop| stop.code)
}

/// A calibrated clock, the way to start workers, and what can run here.
struct Bench {
    calibration: Calibration,
    launcher: Launcher,
    here: Here,
}

impl Bench {
    fn set_up(patience_s: f64) -> anyhow::Result<Bench> {
        let calibration = ipcmark_harness::clock::Clock::calibrate();
        let patience = std::time::Duration::from_secs_f64(patience_s);
        let launcher = Launcher { clock: calibration.clock, patience };
        let here = Here::look(&launcher).map_err(|failure| Stop::of(&failure))?;
        Ok(Bench { calibration, launcher, here })
    }

    fn select(&self, profile: Profile, filters: &[String]) -> anyhow::Result<Vec<Cell>> {
        plan::select(profile, filters, self.here.topology()).map_err(|no_match| Stop::usage(no_match).into())
    }
}
