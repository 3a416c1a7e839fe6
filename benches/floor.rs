//! The suite against plain loops that make the same calls: does the harness add anything, and is the ring any good?
//!
//! Each alternation measures every arm once, in fresh processes on the same CPUs: the suite's own way (`ipcmark run`: a
//! worker, a warm-up window, batches), criterion's way (batches through `iter_custom`), and loops written by hand below,
//! kept deliberately dumb. What counts is the ratio of medians over ten alternations.

#[path = "front/arguments.rs"]
mod arguments;
#[path = "front/live.rs"]
mod live;
mod plain;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode};
use ipcmark::cell::{Cell, Here};
use ipcmark::mechanism::Stage;
use ipcmark::plan::{self, Profile};
use ipcmark_harness::clock::Clock;
use ipcmark_harness::estimate::median;
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::sampling::{self, Each, Earlier};
use plain::Effort;

/// How workers are started, and how much is done.
#[derive(Copy, Clone)]
struct Way {
    launcher: Launcher,
    /// Rounds in which every arm has its turn.
    alternations: usize,
    effort: Effort,
}

impl Way {
    fn new(measures: bool) -> Way {
        let launcher = Launcher { clock: Clock::calibrate().clock, patience: Duration::from_secs(10) };
        let effort = |warm_up_ms, batch_ms, batches| Effort {
            warm_up: Duration::from_millis(warm_up_ms),
            batch: Duration::from_millis(batch_ms),
            batches,
        };
        match measures {
            true => Way { launcher, alternations: 10, effort: effort(20, 4, 40) },
            // As little as criterion takes: only that each arm runs is to be seen.
            false => Way { launcher, alternations: 1, effort: effort(1, 1, 10) },
        }
    }
}

/// One way of measuring: nanoseconds an operation.
type Arm<'a> = (String, Box<dyn FnMut() -> anyhow::Result<f64> + 'a>);

/// What each arm gave, once an alternation.
type Results = Vec<(String, Vec<f64>)>;

/// What a cell of the suite is set against; the first arm is what ratios refer to.
struct Comparison {
    id: &'static str,
    plain: &'static [(&'static str, plain::Loop)],
}

const COMPARISONS: &[Comparison] = &[
    Comparison {
        id: "round-trip/process/same-cpu/block/pipe/64B",
        plain: &[("plain loop", plain::pipes::round_trip_blocking)],
    },
    Comparison {
        id: "round-trip/process/same-cache/block/pipe/64B",
        plain: &[("plain loop", plain::pipes::round_trip_blocking)],
    },
    Comparison {
        id: "round-trip/process/same-cache/spin/pipe/64B",
        plain: &[("plain loop", plain::pipes::round_trip_polling)],
    },
    Comparison {
        id: "round-trip/process/same-cpu/block/sysv-mq/64B",
        plain: &[
            ("plain loop", plain::queues::sysv_round_trip_blocking),
            ("with copies", plain::queues::sysv_round_trip_with_copies),
        ],
    },
    Comparison {
        id: "round-trip/process/same-cpu/block/fifo/64B",
        plain: &[("plain loop", plain::pipes::fifo_round_trip)],
    },
    Comparison {
        id: "stream/process/same-cache/block/pipe-vmsplice-1mib/64KiB",
        plain: &[("plain loop", plain::pipes::vmsplice_stream)],
    },
    Comparison {
        id: "round-trip/process/same-cpu/block/unix-seqpacket/64B",
        plain: &[("plain loop", plain::sockets::unix_seqpacket_round_trip)],
    },
    Comparison {
        id: "round-trip/process/same-cpu/block/udp/64B",
        plain: &[("plain loop", plain::sockets::udp_round_trip)],
    },
    Comparison {
        id: "round-trip/process/same-cache/spin/shm-ring/64B",
        plain: &[("plain loop", plain::ring_round_trip), ("two flags", plain::flags_round_trip)],
    },
    Comparison {
        id: "round-trip/process/same-cpu/block/eventfd/0B",
        plain: &[("plain loop", plain::notifications::eventfd_round_trip_blocking)],
    },
    Comparison {
        id: "switch/process/same-cpu/block/pipe-ring/0B-2parties",
        plain: &[("plain loop", plain::switches::pipe_ring)],
    },
    Comparison { id: "stream/process/same-cache/spin/shm-ring/64B", plain: &[("bare ring", plain::bare_ring_stream)] },
    Comparison { id: "stream/process/same-cache/spin/shm-ring/4KiB", plain: LONG_MESSAGES },
    Comparison { id: "stream/process/same-cache/spin/shm-ring/64KiB", plain: LONG_MESSAGES },
    Comparison { id: "stream/process/same-cache/spin/shm-ring/1MiB", plain: LONG_MESSAGES },
    Comparison {
        id: "round-trip/process/same-cpu/block/posix-shm-sem/64B",
        plain: &[("plain loop", plain::shared_memory::semaphore_round_trip)],
    },
    Comparison {
        id: "uncontended/thread/same-cpu/own/std-mutex/0B-2parties",
        plain: &[("plain loop", plain::locks::std_mutex)],
    },
    // Our own mutex is one to compare with where it takes no more than 1.1 times as long as std's.
    Comparison {
        id: "uncontended/thread/same-cpu/own/futex-mutex-private/0B-2parties",
        plain: &[("std's", plain::locks::std_mutex)],
    },
    Comparison {
        id: "uncontended/thread/same-cpu/own/parking-lot-mutex/0B-2parties",
        plain: &[("plain loop", plain::locks::parking_lot_mutex)],
    },
    Comparison {
        id: "uncontended/thread/same-cpu/own/pthread-mutex/0B-2parties",
        plain: &[("plain loop", plain::locks::pthread_mutex)],
    },
    Comparison {
        id: "uncontended/thread/same-cpu/own/fetch-add-counter/0B-2parties",
        plain: &[("plain loop", plain::locks::fetch_add)],
    },
    Comparison {
        id: "resume/thread/same-cpu/own/corosensei/0B",
        plain: &[("plain loop", plain::coroutines::corosensei)],
    },
];

/// Cells that are set against each other, each measured in both of the suite's ways; the first is what ratios refer to.
const PAIRS: &[[&str; 2]] = &[
    // Our own switch is a floor where it takes no more than 1.2 times as long as the crate's. Both are the same loop on the same
    // kind of stack.
    ["resume/thread/same-cpu/own/corosensei/0B", "resume/thread/same-cpu/own/own-switch/0B"],
];

/// The ring keeps its promise where it takes no more than 1.25 times as long as memcpy(3): 0.8 of that bandwidth.
const LONG_MESSAGES: &[(&str, plain::Loop)] = &[
    ("memcpy", plain::shared_memory::copies_of_what_the_other_wrote),
    #[cfg(feature = "rivals")]
    ("rtrb", plain::channels::rtrb_stream),
];

fn main() -> anyhow::Result<()> {
    ipcmark_harness::worker::serve_if_asked(ipcmark::cell::TRADE);
    let arguments = arguments::Arguments::of_this_process();
    let way = Way::new(arguments.measures);
    let here = Here::look(&way.launcher)?;
    let lists = std::env::args().any(|arg| arg == "--list");
    if arguments.selects(LAUNCH) {
        match lists {
            true => println!("{LAUNCH}: benchmark"),
            false => print(LAUNCH, &[("one worker".into(), launches(&way, &here)?)]),
        }
    }
    for comparison in COMPARISONS {
        let id = format!("floor/{}", comparison.id);
        if !arguments.selects(&id) {
            continue;
        }
        match stage(comparison.id, &here)? {
            _ if lists => println!("{id}: benchmark"),
            Ok((cell, stage)) => print(&id, &compare(comparison, &cell, &stage, way)?),
            Err(reason) => println!("{id}\n  skipped: {reason}"),
        }
    }
    for pair in PAIRS {
        let id = format!("floor/{}", pair[1]);
        if !arguments.selects(&id) {
            continue;
        }
        match (stage(pair[0], &here)?, stage(pair[1], &here)?) {
            _ if lists => println!("{id}: benchmark"),
            (Ok(first), Ok(second)) => print(&id, &alternate(both_ways(&[first, second], way), way)?),
            (Err(reason), _) | (_, Err(reason)) => println!("{id}\n  skipped: {reason}"),
        }
    }
    Ok(())
}

const LAUNCH: &str = "floor/launch/start-to-first-batch-ready";

/// What starting a worker, its peer and its session costs, in nanoseconds, each.
fn launches(way: &Way, here: &Here) -> anyhow::Result<Vec<f64>> {
    let (cell, stage) = stage("round-trip/process/same-cpu/block/pipe/64B", here)?.map_err(anyhow::Error::msg)?;
    let launch = |_| {
        let start = std::time::Instant::now();
        let worker = way.launcher.open(&cell.spec(&stage), 0)?;
        let elapsed = start.elapsed();
        worker.quit()?;
        Ok(elapsed.as_nanos() as f64)
    };
    (0..way.alternations).map(launch).collect()
}

/// The cell of that id, and where it runs or why it does not.
fn stage(id: &str, here: &Here) -> anyhow::Result<Result<(Cell, Stage), String>> {
    let cell = plan::select(Profile::Full, &[id.to_owned()], here.topology())?[0];
    Ok(here.stage(&cell).map(|stage| (cell, stage)))
}

/// Every arm's results, one an alternation.
fn compare(comparison: &Comparison, cell: &Cell, stage: &Stage, way: Way) -> anyhow::Result<Results> {
    let mut arms: Vec<Arm<'_>> = Vec::new();
    for &(name, plain) in comparison.plain {
        arms.push((name.into(), Box::new(move || plain::measure(plain, stage, way.launcher.clock, &way.effort))));
    }
    arms.push(("ipcmark run".into(), Box::new(|| by_launch(cell, stage, way))));
    arms.push(("cargo bench".into(), Box::new(|| by_criterion(cell, stage, way))));
    alternate(arms, way)
}

fn both_ways(staged: &[(Cell, Stage)], way: Way) -> Vec<Arm<'_>> {
    let mut arms: Vec<Arm<'_>> = Vec::new();
    for (cell, stage) in staged {
        let name = cell.mechanism.name;
        arms.push((format!("{name}, run"), Box::new(move || by_launch(cell, stage, way))));
        arms.push((format!("{name}, bench"), Box::new(move || by_criterion(cell, stage, way))));
    }
    arms
}

fn alternate(mut arms: Vec<Arm<'_>>, way: Way) -> anyhow::Result<Results> {
    let mut results: Results = arms.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
    for round in 0..way.alternations {
        // Each arm takes each place in the order: whoever comes after an idle moment meets another machine.
        for turn in 0..arms.len() {
            let arm = (turn + round) % arms.len();
            results[arm].1.push(arms[arm].1()?);
        }
    }
    Ok(results)
}

fn by_launch(cell: &Cell, stage: &Stage, way: Way) -> anyhow::Result<f64> {
    let mut worker = way.launcher.open(&cell.spec(stage), 0)?;
    let steady = way.effort.batch * way.effort.batches;
    let effort = sampling::Effort {
        batch: way.effort.batch,
        first_launch: steady,
        steady,
        cap: steady + way.effort.warm_up,
        each: Duration::ZERO,
    };
    // As the plain loops: what comes after the warm-up counts.
    let earlier = Earlier { settled_after: Some(way.effort.warm_up), each: Each::AsBefore { timed: false } };
    let result = sampling::measure(&mut worker, &effort, &way.launcher.clock, &earlier)?;
    worker.quit()?;
    median(&result.launch.batches_ns).ok_or_else(|| anyhow::anyhow!("no batches"))
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
        .warm_up_time(way.effort.warm_up)
        .measurement_time(way.effort.batch * way.effort.batches)
        .sample_size(way.effort.batches as usize)
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
    median(&measurement.launches[0].batches_ns).ok_or_else(|| anyhow::anyhow!("no batches"))
}

fn print(id: &str, results: &[(String, Vec<f64>)]) {
    println!("{id}");
    let reference = median(&results[0].1).unwrap_or(f64::NAN);
    for (name, values) in results {
        let (low, high) = values.iter().fold((f64::MAX, 0.0), |(l, h): (f64, f64), &v| (l.min(v), h.max(v)));
        let middle = median(values).unwrap_or(f64::NAN);
        let rate = 1e3 / middle;
        println!("  {name:17} {middle:10.1} ns  ({low:.1} – {high:.1})  {rate:8.2} M/s  ×{:.3}", middle / reference);
    }
}
