//! What criterion and the suite agree on: live workers behind `iter_custom`, ids, and a record of the same run.
//!
//! Criterion asks for batches; a worker that was started at the first of them times each and stays alive until the
//! benchmark is over, so nothing is set up inside the closure. Criterion keeps one number a batch and none of the
//! conditions; the record beside its files keeps the rest, from the same batches.

mod arguments;
mod live;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use criterion::measurement::WallTime;
use criterion::{AxisScale, BenchmarkGroup, BenchmarkId, Criterion, PlotConfiguration, SamplingMode, Throughput};
use ipcmark::cell::{Cell, Here};
use ipcmark::mechanism::{Setup, Stage};
use ipcmark::mechanisms;
use ipcmark::plan::{self, Profile};
use ipcmark::provenance;
use ipcmark_harness::clock::{Calibration, Clock};
use ipcmark_harness::grade::Grader;
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::output::message;
use ipcmark_harness::record::{self, Selection, Writer};

use arguments::Arguments;
use live::{EACH, Live, WARM_UP};

/// Criterion's settings beside the warm-up, chosen so that the quick profile's cells, fewer than 200, take about three
/// minutes: the sum of these and the times in `live` is one second a cell.
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
    grader: Grader,
    failures: usize,
}

/// The headline cells of a workload along one axis: criterion draws lines over a value that is a number.
pub(crate) struct Sweep {
    /// Whose cells.
    pub(crate) workload: &'static str,
    /// What the group's name says of it.
    pub(crate) name: &'static str,
    /// The value of the axis.
    pub(crate) value: fn(&Setup) -> Option<u64>,
    /// Gives a setup the other's place on the axis.
    pub(crate) place: fn(&mut Setup, &Setup),
}

/// Runs the sweeps, then the cells of these workloads, and returns the exit code.
pub(crate) fn run(sweeps: &[Sweep], workloads: &[&str]) -> i32 {
    let arguments = Arguments::of_this_process();
    match prepare(sweeps, workloads, &arguments) {
        Ok((mut front, rows)) => {
            front.run_all(&rows);
            i32::from(front.failures > 0)
        }
        Err(error) => {
            message(format_args!("error: {error:#}"));
            1
        }
    }
}

/// One benchmark, under the names that criterion has for it.
struct Row {
    cell: Cell,
    stage: Result<Stage, String>,
    group: String,
    value: String,
}

impl Row {
    /// As criterion makes it of its parts.
    fn id(&self) -> String {
        format!("{}/{}/{}", self.group, self.cell.mechanism.name, self.value)
    }
}

fn prepare(sweeps: &[Sweep], workloads: &[&str], arguments: &Arguments) -> anyhow::Result<(Front, Vec<Row>)> {
    let calibration = Clock::calibrate();
    let launcher = Launcher { clock: calibration.clock, patience: PATIENCE };
    let here = Here::look(&launcher)?;
    let profile = profile()?;
    let mut rows: Vec<Row> = sweeps.iter().flat_map(|sweep| along(sweep, &here)).collect();
    rows.retain(|row| arguments.selects(&row.id()));
    let row = |cell: Cell| Row { cell, stage: here.stage(&cell), group: cell.group(), value: cell.value() };
    rows.extend(wanted(workloads, arguments, profile, &here).into_iter().map(row));
    if arguments.measures {
        announce(&rows, arguments, profile);
    }
    let header = header(&rows, profile, &calibration);
    let writer = if arguments.measures && !rows.is_empty() { open_record(&header) } else { None };
    let grader = Grader::new(&header, &[]);
    Ok((Front { criterion: criterion(), launcher, writer, grader, failures: 0 }, rows))
}

/// The cells of a sweep: those that differ from a headline cell of the same mechanism along its axis alone.
fn along(sweep: &Sweep, here: &Here) -> Vec<Row> {
    let of_sweep = |profile| {
        let mut cells = plan::cells(profile, here.topology());
        cells.retain(|cell| cell.workload.name == sweep.workload);
        cells
    };
    let headlines = of_sweep(Profile::Quick);
    let is_along = |cell: &Cell, headline: &Cell| {
        let mut moved = headline.setup;
        (sweep.place)(&mut moved, &cell.setup);
        moved == cell.setup && headline.mechanism.name == cell.mechanism.name
    };
    let row = |cell: Cell| {
        let value =
            (sweep.value)(&cell.setup).filter(|_| headlines.iter().any(|headline| is_along(&cell, headline)))?;
        let group = cell.group().replacen(sweep.workload, &format!("{}-{}", sweep.workload, sweep.name), 1);
        Some(Row { cell, stage: here.stage(&cell), group, value: value.to_string() })
    };
    of_sweep(Profile::Standard).into_iter().filter_map(row).collect()
}

/// The cells of the profile that the filter means, and that of which it is the whole id; in a test also one of every
/// mechanism that the profile lacks. In report order.
fn wanted(workloads: &[&str], arguments: &Arguments, profile: Profile, here: &Here) -> Vec<Cell> {
    let of_workloads = |profile| {
        let mut cells = plan::cells(profile, here.topology());
        cells.retain(|cell| workloads.contains(&cell.workload.name));
        cells
    };
    let (mut all, in_profile) = (of_workloads(Profile::Full), of_workloads(profile));
    let mut ids: BTreeSet<String> = in_profile.iter().map(Cell::id).collect();
    if arguments.tests {
        for mechanism in mechanisms::all() {
            let is_of = |cell: &&Cell| cell.mechanism.name == mechanism.name;
            if !in_profile.iter().any(|cell| is_of(&cell)) {
                let first = all.iter().filter(is_of).find(|cell| here.stage(cell).is_ok());
                ids.extend(first.or_else(|| all.iter().find(is_of)).map(Cell::id));
            }
        }
    }
    all.retain(|cell| {
        let id = cell.id();
        (ids.contains(&id) || arguments.filter() == id) && arguments.selects(&id)
    });
    all
}

fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(WARM_UP)
        .measurement_time(MEASUREMENT)
        .sample_size(SAMPLES)
        .nresamples(RESAMPLES)
        .configure_from_args()
}

/// `IPCMARK_PROFILE`, or `quick`.
fn profile() -> anyhow::Result<Profile> {
    let Some(name) = std::env::var_os("IPCMARK_PROFILE") else { return Ok(Profile::Quick) };
    let name = name.to_string_lossy();
    let allowed = "quick, standard and full are allowed";
    Profile::from_str(&name, true).map_err(|_| anyhow::anyhow!("IPCMARK_PROFILE is `{name}`; {allowed}"))
}

fn announce(rows: &[Row], arguments: &Arguments, profile: Profile) {
    let measurable = rows.iter().filter(|row| row.stage.is_ok()).count() as u32;
    if rows.is_empty() {
        message(format_args!(
            "warning: `{}` matches no cell of the {} profile; set IPCMARK_PROFILE to a larger one, or give a whole id: \
             `ipcmark list` shows them",
            arguments.filter(),
            profile.name()
        ));
        return;
    }
    let expected = (WARM_UP + MEASUREMENT + ANALYSIS + EACH) * measurable;
    let skipped = rows.len() as u32 - measurable;
    message(format_args!(
        "{measurable} cells, about {:.0} s with the default settings; {skipped} cannot run here",
        expected.as_secs_f64()
    ));
}

fn header(rows: &[Row], profile: Profile, calibration: &Calibration) -> record::Header {
    let mut header = provenance::header(record::FrontEnd::Bench, calibration);
    header.profile = profile.name().into();
    header.selection = Selection {
        profile: header.profile.clone(),
        launches: 1,
        cell_timeout_s: PATIENCE.as_secs_f64(),
        cells: rows.iter().map(|row| row.cell.id()).collect(),
        ..Selection::default()
    };
    header
}

/// The record goes beside criterion's files; without one the run goes on, and says so.
fn open_record(header: &record::Header) -> Option<Writer> {
    let date = header.started_utc.get(..10).unwrap_or("undated").to_owned();
    let folder = criterion_folder();
    let mut paths = (1..).map(|n| folder.join(format!("ipcmark-{date}-{n}.jsonl")));
    let path = paths.find(|path| !path.exists())?;
    match Writer::create(&path, header) {
        Ok(writer) => Some(writer),
        Err(error) => {
            message(format_args!("warning: no record is kept: {error}"));
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
    fn run_all(&mut self, rows: &[Row]) {
        let mut criterion = std::mem::take(&mut self.criterion);
        for group in rows.chunk_by(|a, b| a.group == b.group) {
            // Slow operations: equal batches, since criterion's linear ones start with a handful of operations.
            let mut benches = criterion.benchmark_group(&group[0].group);
            benches.sampling_mode(SamplingMode::Flat);
            benches.plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic));
            for row in group {
                match &row.stage {
                    Ok(stage) => self.bench(&mut benches, row, stage),
                    Err(reason) => self.keep(record::Cell::skipped(row.cell.identity(None), reason)),
                }
            }
            benches.finish();
        }
        criterion.final_summary();
        if let Some(writer) = &self.writer {
            message(format_args!("record: {}", writer.path().display()));
        }
    }

    fn bench(&mut self, benches: &mut BenchmarkGroup<'_, WallTime>, row: &Row, stage: &Stage) {
        let cell = &row.cell;
        let live = RefCell::new(Live::new(self.launcher, cell, stage));
        if cell.workload.carries_payload {
            benches.throughput(Throughput::Bytes(cell.setup.payload_bytes as u64));
        }
        benches.bench_function(BenchmarkId::new(cell.mechanism.name, &row.value), |bencher| {
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
                message(format_args!("error: {cell}: {failure}"));
                Some(record::Cell::without_result(identity, &failure))
            }
        }
    }

    fn keep(&mut self, mut result: record::Cell) {
        self.grader.apply(&mut result);
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.write_cell(&result)
        {
            message(format_args!("warning: the record ends here: {error}"));
            self.writer = None;
        }
    }
}
