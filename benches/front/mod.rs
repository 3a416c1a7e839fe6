//! What criterion and the suite agree on: live workers behind `iter_custom`, ids, and a record of the same run.
//!
//! Criterion asks for batches; a worker that was started at the first of them times each and stays alive until the
//! benchmark is over, so nothing is set up inside the closure. Criterion keeps one number a batch and none of the
//! conditions; the record beside its files keeps the rest, from the same batches.

mod arguments;
mod live;

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use criterion::measurement::WallTime;
use criterion::{AxisScale, BenchmarkGroup, BenchmarkId, Criterion, PlotConfiguration, SamplingMode, Throughput};
use ipcmark::cell::{Cell, Here};
use ipcmark::mechanism::Stage;
use ipcmark::plan::{self, Profile};
use ipcmark::provenance;
use ipcmark_harness::clock::{Calibration, Clock};
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::record::{self, Selection, Writer};

use arguments::Arguments;
use live::{EACH, Live, WARM_UP};

/// Criterion's settings beside the warm-up, chosen so that the headline set ends within five minutes.
const MEASUREMENT: Duration = Duration::from_millis(500);
const SAMPLES: usize = 30;
/// The default 100,000 take 3.8 s a benchmark against 0.2, and say nothing more.
const RESAMPLES: usize = 10_000;
/// What analysis and plots of one benchmark take on top, about.
const ANALYSIS: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything one bench target needs.
struct Front {
    criterion: Criterion,
    launcher: Launcher,
    writer: Option<Writer>,
    failures: usize,
}

/// Runs the cells of these workloads and returns the exit code.
pub(crate) fn run(workloads: &[&str]) -> i32 {
    let arguments = Arguments::of_this_process();
    match prepare(workloads, &arguments) {
        Ok((mut front, cells)) => {
            front.run_all(&cells);
            i32::from(front.failures > 0)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            1
        }
    }
}

type Staged = Vec<(Cell, Result<Stage, String>)>;

fn prepare(workloads: &[&str], arguments: &Arguments) -> anyhow::Result<(Front, Staged)> {
    let calibration = Clock::calibrate();
    let launcher = Launcher { clock: calibration.clock, patience: PATIENCE };
    let here = Here::look(&launcher)?;
    let profile = profile()?;
    let all = plan::cells(profile.unwrap_or(Profile::Standard), here.topology());
    let mut cells: Staged = Vec::new();
    for cell in all {
        // The headline set: between processes, over all message sizes.
        let wanted = profile.is_some() || cell.setup.peer == PeerKind::Process;
        if wanted && workloads.contains(&cell.workload.name) && arguments.selects(&cell.id()) {
            cells.push((cell, here.stage(&cell)));
        }
    }
    if arguments.measures {
        announce(&cells, arguments);
    }
    let writer =
        if arguments.measures && !cells.is_empty() { open_record(&cells, profile, &calibration) } else { None };
    Ok((Front { criterion: criterion(), launcher, writer, failures: 0 }, cells))
}

fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(WARM_UP)
        .measurement_time(MEASUREMENT)
        .sample_size(SAMPLES)
        .nresamples(RESAMPLES)
        .configure_from_args()
}

/// `IPCMARK_PROFILE`: all cells of a profile instead of the headline set.
fn profile() -> anyhow::Result<Option<Profile>> {
    let Some(name) = std::env::var_os("IPCMARK_PROFILE") else { return Ok(None) };
    let name = name.to_string_lossy();
    let allowed = "quick, standard and full are allowed";
    Profile::from_str(&name, true).map(Some).map_err(|_| anyhow::anyhow!("IPCMARK_PROFILE is `{name}`; {allowed}"))
}

fn announce(cells: &Staged, arguments: &Arguments) {
    let measurable = cells.iter().filter(|(_, stage)| stage.is_ok()).count() as u32;
    if cells.is_empty() {
        eprintln!("warning: no cell here matches `{}`; `ipcmark list` shows every id", arguments.filter());
        return;
    }
    let expected = (WARM_UP + MEASUREMENT + ANALYSIS + EACH) * measurable;
    let skipped = cells.len() as u32 - measurable;
    eprintln!(
        "{measurable} cells, about {:.0} s with the default settings; {skipped} cannot run here",
        expected.as_secs_f64()
    );
}

/// The record goes beside criterion's files; without one the run goes on, and says so.
fn open_record(cells: &Staged, profile: Option<Profile>, calibration: &Calibration) -> Option<Writer> {
    let mut header = provenance::header(record::FrontEnd::Bench, calibration);
    header.profile = profile.map_or("headline", Profile::name).into();
    header.selection = Selection {
        profile: header.profile.clone(),
        launches: 1,
        cell_timeout_s: PATIENCE.as_secs_f64(),
        cells: cells.iter().map(|(cell, _)| cell.id()).collect(),
        ..Selection::default()
    };
    let date = header.started_utc.get(..10).unwrap_or("undated").to_owned();
    let folder = criterion_folder();
    let mut paths = (1..).map(|n| folder.join(format!("ipcmark-{date}-{n}.jsonl")));
    let path = paths.find(|path| !path.exists())?;
    match Writer::create(&path, &header) {
        Ok(writer) => Some(writer),
        Err(error) => {
            eprintln!("warning: no record is kept: {error}");
            None
        }
    }
}

/// Where criterion writes: `CRITERION_HOME`, or `criterion` in the target folder that holds this executable.
fn criterion_folder() -> PathBuf {
    if let Some(home) = std::env::var_os("CRITERION_HOME") {
        return home.into();
    }
    let target = std::env::current_exe().ok().and_then(|exe| Some(exe.ancestors().nth(3)?.to_owned()));
    target.unwrap_or_else(|| "target".into()).join("criterion")
}

impl Front {
    fn run_all(&mut self, cells: &Staged) {
        let mut criterion = std::mem::take(&mut self.criterion);
        for group in cells.chunk_by(|(a, _), (b, _)| a.group() == b.group()) {
            // Slow operations: equal batches, since criterion's linear ones start with a handful of operations.
            let mut benches = criterion.benchmark_group(group[0].0.group());
            benches.sampling_mode(SamplingMode::Flat);
            benches.plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic));
            for (cell, stage) in group {
                match stage {
                    Ok(stage) => self.bench(&mut benches, cell, stage),
                    Err(reason) => self.keep(record::Cell::skipped(cell.identity(None), reason)),
                }
            }
            benches.finish();
        }
        criterion.final_summary();
        if let Some(writer) = &self.writer {
            eprintln!("record: {}", writer.path().display());
        }
    }

    fn bench(&mut self, benches: &mut BenchmarkGroup<'_, WallTime>, cell: &Cell, stage: &Stage) {
        let live = RefCell::new(Live::new(self.launcher, cell, stage));
        benches.throughput(Throughput::Bytes(cell.setup.payload_bytes as u64));
        benches.bench_function(BenchmarkId::new(cell.mechanism.name, cell.value()), |bencher| {
            bencher.iter_custom(|iterations| live.borrow_mut().batch(iterations));
        });
        let live = live.into_inner();
        if live.is_untouched() {
            return;
        }
        if let Some(result) = self.result(live, cell, stage) {
            self.keep(result);
        }
    }

    fn result(&mut self, live: Live<'_>, cell: &Cell, stage: &Stage) -> Option<record::Cell> {
        let identity = cell.identity(Some(stage));
        match live.finish() {
            Ok(measurement) => self.writer.is_some().then(|| record::Cell::measured(identity, measurement)),
            Err(failure) => {
                self.failures += 1;
                eprintln!("error: {cell}: {failure}");
                Some(record::Cell::failed(identity, &failure.reason))
            }
        }
    }

    fn keep(&mut self, result: record::Cell) {
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.write_cell(&result)
        {
            eprintln!("warning: the record ends here: {error}");
            self.writer = None;
        }
    }
}
