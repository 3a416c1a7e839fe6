//! The suite against plain loops that make the same calls: does the harness add anything, and is the ring any good?
//!
//! Each alternation measures every arm once, in turn, each in a fresh process on the same CPUs and as long as the others: the
//! suite's own way (`ipcmark run`: a worker, a warm-up window, batches), loops written by hand (`plain`), kept deliberately
//! dumb, and for some criterion's way (batches through `iter_custom`) or `perf bench`. What counts is the ratio to the first arm,
//! over all alternations, with its interval: where that includes 1, this many launches do not tell the two apart.

#![deny(clippy::disallowed_macros, clippy::disallowed_methods)]

#[path = "front/arguments.rs"]
mod arguments;
#[path = "floor/comparisons.rs"]
mod comparisons;
#[path = "floor/interval.rs"]
mod interval;
#[path = "front/live.rs"]
mod live;
#[path = "floor/perf_bench.rs"]
mod perf_bench;
mod plain;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode};
use ipcmark::cell::{Cell, Here, TRADE};
use ipcmark::mechanism::Stage;
use ipcmark::plan::{self, Profile};
use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::estimate::median;
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::output::{message, results};
use ipcmark_harness::sys::perf::{Counter, Event};
use ipcmark_harness::worker::Trade;
use serde_json::{Value, json};

use comparisons::{AFTER_A_PERF_EVENT, BY_CRITERION, BY_PERF, COMPARISONS, Comparison, PAIRS};
use plain::{Length, Plan};

/// How workers are started, and how much is done.
#[derive(Copy, Clone)]
struct Way {
    launcher: Launcher,
    /// Rounds in which every arm has its turn.
    alternations: usize,
    length: Length,
}

impl Way {
    fn new(measures: bool) -> Way {
        let launcher = Launcher { clock: Clock::calibrate().clock, patience: Duration::from_secs(10) };
        let length = |warm_up_ms, batch_ms, batches| Length {
            warm_up: Duration::from_millis(warm_up_ms),
            batch: Duration::from_millis(batch_ms),
            batches,
        };
        match measures {
            // Cells that block take 20 to 100 ms until they are steady.
            true => Way { launcher, alternations: 15, length: length(80, 2, 20) },
            // As little as criterion takes: only that each arm runs is to be seen.
            false => Way { launcher, alternations: 1, length: length(1, 1, 10) },
        }
    }
}

/// One way of measuring: nanoseconds an operation.
type Arm<'a> = (String, Box<dyn FnMut() -> anyhow::Result<f64> + 'a>);

/// What each arm gave, once an alternation.
type Results = Vec<(String, Vec<f64>)>;

/// A worker does what the suite's do, and runs plain loops when it is asked to.
const WORKER: Trade = Trade { open: TRADE.open, answer };

fn main() -> anyhow::Result<()> {
    ipcmark_harness::worker::serve_if_asked(WORKER);
    let arguments = arguments::Arguments::of_this_process();
    let way = Way::new(arguments.measures);
    let here = Here::look(&way.launcher)?;
    for (id, measure) in all(way, &here) {
        if !arguments.selects(&id) {
            continue;
        }
        if std::env::args_os().any(|arg| arg == "--list") {
            results(&format!("{id}: benchmark\n"))?;
            continue;
        }
        match measure()? {
            Ok(measured) => results(&text(&id, &measured))?,
            Err(reason) => results(&format!("{id}\n  skipped: {reason}\n"))?,
        }
    }
    Ok(())
}

/// A benchmark: what its arms gave, or why it cannot run here.
type Benchmark<'a> = Box<dyn FnOnce() -> anyhow::Result<Result<Results, String>> + 'a>;

fn all(way: Way, here: &Here) -> Vec<(String, Benchmark<'_>)> {
    let mut all: Vec<(String, Benchmark<'_>)> = Vec::new();
    all.push((LAUNCH.into(), Box::new(move || launches(way, here))));
    for comparison in COMPARISONS {
        all.push((format!("floor/{}", comparison.id), Box::new(move || compare(comparison, way, here))));
    }
    for pair in PAIRS {
        all.push((format!("floor/{}", pair[1]), Box::new(move || against_each_other(pair, way, here))));
    }
    for &id in AFTER_A_PERF_EVENT {
        all.push((format!("floor/after-a-perf-event/{id}"), Box::new(move || after_a_perf_event(id, way, here))));
    }
    all
}

const LAUNCH: &str = "floor/launch/start-to-first-batch-ready";

/// What starting a worker, its peer and its session costs, in nanoseconds, each.
fn launches(way: Way, here: &Here) -> anyhow::Result<Result<Results, String>> {
    let (cell, stage) = stage("round-trip/process/same-cpu/block/pipe/64B", here)?.map_err(anyhow::Error::msg)?;
    let launch = || {
        let start = std::time::Instant::now();
        let worker = way.launcher.open(&cell.spec(&stage), 0)?;
        let elapsed = start.elapsed();
        worker.quit()?;
        Ok(elapsed.as_nanos() as f64)
    };
    alternate(vec![("one worker".into(), Box::new(launch))], way).map(Ok)
}

/// The cell of that id, and where it runs or why it does not.
fn stage(id: &str, here: &Here) -> anyhow::Result<Result<(Cell, Stage), String>> {
    let cell = plan::select(Profile::Full, &[id.to_owned()], here.topology())?[0];
    Ok(here.stage(&cell).map(|stage| (cell, stage)))
}

fn compare(comparison: &'static Comparison, way: Way, here: &Here) -> anyhow::Result<Result<Results, String>> {
    let (cell, stage) = match stage(comparison.id, here)? {
        Ok(staged) => staged,
        Err(reason) => return Ok(Err(reason)),
    };
    let (cell, stage) = (&cell, &stage);
    let mut arms: Vec<Arm<'_>> = Vec::new();
    for &(name, _) in comparison.plain {
        arms.push((name.into(), Box::new(move || by_hand(comparison.id, name, stage, way))));
    }
    arms.push(("ipcmark run".into(), Box::new(move || by_launch(cell, stage, way))));
    if BY_CRITERION.contains(&comparison.id) {
        arms.push(("cargo bench".into(), Box::new(move || by_criterion(cell, stage, way))));
    }
    for &(_, options) in BY_PERF.iter().filter(|(id, _)| *id == comparison.id) {
        match perf_bench::is_there() {
            Ok(()) => arms.push(("perf bench".into(), Box::new(move || perf_bench::hop_ns(options, stage)))),
            Err(reason) => message(format_args!("floor/{}: perf bench is left out: {reason}", comparison.id)),
        }
    }
    alternate(arms, way).map(Ok)
}

fn against_each_other(pair: &[&str; 2], way: Way, here: &Here) -> anyhow::Result<Result<Results, String>> {
    let staged = pair.iter().map(|id| stage(id, here)).collect::<anyhow::Result<Result<Vec<_>, _>>>()?;
    let staged = match staged {
        Ok(staged) => staged,
        Err(reason) => return Ok(Err(reason)),
    };
    let arms = staged.iter().map(|(cell, stage)| {
        (cell.mechanism.name.to_owned(), Box::new(move || by_launch(cell, stage, way)) as Box<dyn FnMut() -> _>)
    });
    alternate(arms.collect(), way).map(Ok)
}

/// The kernel takes its hooks out of the scheduler a second after the last perf event was closed.
const HOOKS_STAY: Duration = Duration::from_millis(1500);

/// The same launch long after a perf event was closed, and right after.
fn after_a_perf_event(id: &str, way: Way, here: &Here) -> anyhow::Result<Result<Results, String>> {
    let (cell, stage) = match stage(id, here)? {
        Ok(staged) => staged,
        Err(reason) => return Ok(Err(reason)),
    };
    if let Err(error) = Counter::of_this_thread(Event::ContextSwitches) {
        return Ok(Err(error.to_string()));
    }
    let launch = || by_launch(&cell, &stage, way);
    let long_after = || {
        ipcmark_harness::sys::sleep(HOOKS_STAY);
        launch()
    };
    let right_after = || {
        drop(Counter::of_this_thread(Event::ContextSwitches)?);
        launch()
    };
    let arms: Vec<Arm<'_>> =
        vec![("long after".into(), Box::new(long_after)), ("right after".into(), Box::new(right_after))];
    alternate(arms, way).map(Ok)
}

fn alternate(mut arms: Vec<Arm<'_>>, way: Way) -> anyhow::Result<Results> {
    let mut results: Results = arms.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
    for round in 0..way.alternations {
        // Each arm takes each place in the order: what comes after an idle moment meets another machine.
        for turn in 0..arms.len() {
            let arm = (turn + round) % arms.len();
            results[arm].1.push(arms[arm].1()?);
        }
    }
    Ok(results)
}

fn middle(batches: &[f64]) -> anyhow::Result<f64> {
    median(batches).ok_or_else(|| anyhow::anyhow!("no batches"))
}

/// A plain loop in a worker's process, which knows it by the comparison and the name of the arm.
fn by_hand(id: &str, arm: &str, stage: &Stage, way: Way) -> anyhow::Result<f64> {
    let plan = Plan { stage: stage.clone(), clock: way.launcher.clock, length: way.length };
    let answer = way.launcher.ask(&json!({"comparison": id, "arm": arm, "plan": plan}))?;
    middle(&serde_json::from_value::<Vec<f64>>(answer)?)
}

/// In the worker.
fn answer(question: &Value) -> Result<Value, Failure> {
    let named = |arm: &Value| {
        let comparison = COMPARISONS.iter().find(|comparison| question["comparison"] == comparison.id)?;
        comparison.plain.iter().find(|(name, _)| arm == name)
    };
    let Some((_, plain)) = question.get("arm").and_then(named) else {
        return (TRADE.answer)(question);
    };
    let run = || anyhow::Ok(json!(plain(&serde_json::from_value(question["plan"].clone())?)?));
    run().map_err(|error| Failure::new(FailureKind::Mechanism, error.to_string()))
}

/// As `ipcmark run`: a warm-up window, which tells how many operations fill a batch, then batches.
fn by_launch(cell: &Cell, stage: &Stage, way: Way) -> anyhow::Result<f64> {
    let mut worker = way.launcher.open(&cell.spec(stage), 0)?;
    let op_ns = worker.window(way.length.warm_up)?.wall_ns_per_op().max(0.01);
    let count = ((way.length.batch.as_nanos() as f64 / op_ns) as u64).max(1);
    let expected = Duration::from_nanos((op_ns * count as f64) as u64);
    let batch = |_| Ok(worker.batch(count, expected)?.ns_per_op());
    let batches = (0..way.length.batches).map(batch).collect::<anyhow::Result<Vec<_>>>()?;
    worker.quit()?;
    middle(&batches)
}

/// A whole criterion benchmark; its median is that of what `iter_custom` returned.
fn by_criterion(cell: &Cell, stage: &Stage, way: Way) -> anyhow::Result<f64> {
    let mut live = live::Live::new(way.launcher, cell, stage);
    // The warm-up is short, and tells criterion how many operations fill a batch.
    live.start()?;
    let live = std::cell::RefCell::new(live);
    let folder = std::env::temp_dir().join(format!("ipcmark-floor-{}", std::process::id()));
    let mut criterion = Criterion::default()
        .without_plots()
        .warm_up_time(way.length.warm_up)
        .measurement_time(way.length.batch * way.length.batches)
        .sample_size(way.length.batches as usize)
        .nresamples(1001)
        .output_directory(&folder);
    let mut group = criterion.benchmark_group("floor");
    group.sampling_mode(SamplingMode::Flat);
    group.bench_function(BenchmarkId::new(cell.mechanism.name, cell.value()), |bencher| {
        bencher.iter_custom(|iterations| live.borrow_mut().batch(iterations));
    });
    group.finish();
    drop(criterion);
    std::fs::remove_dir_all(&folder)?;
    let measurement = live.into_inner().finish()?;
    middle(&measurement.launches[0].batches_ns)
}

fn text(id: &str, results: &[(String, Vec<f64>)]) -> String {
    let mut text = format!("{id}\n");
    for (place, (name, values)) in results.iter().enumerate() {
        let (low, high) = values.iter().fold((f64::MAX, 0.0), |(l, h): (f64, f64), &v| (l.min(v), h.max(v)));
        let middle = median(values).unwrap_or(f64::NAN);
        let ratio = interval::ratio(values, &results[0].1).filter(|_| place > 0);
        let ratio = ratio.map_or(String::new(), |ratio| ratio.to_string());
        text += &format!("  {name:12} {middle:10.1} ns  ({low:.1} – {high:.1})  {:8.2} M/s  {ratio}\n", 1e3 / middle);
    }
    text
}
