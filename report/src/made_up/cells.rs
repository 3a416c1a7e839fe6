//! Cells with noise between launches, heavy tails within them, and costs of the right order of magnitude.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use fastrand::Rng;
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::record::{Cell, Identity, Launch, Measurement};
use ipcmark_harness::usage::Usage;
use serde_json::{Map, Value, json};

use super::Run;
use crate::words::{rate_label, size_label, time_label};

/// Family, name, and what a small message, or an uncontended lock, costs in nanoseconds.
const TRANSPORTS: [(&str, &str, f64); 12] = [
    ("pipe", "pipe", 3_000.0),
    ("pipe", "fifo", 3_100.0),
    ("socket", "unix-stream", 4_200.0),
    ("socket", "unix-dgram", 4_500.0),
    ("socket", "unix-seqpacket", 4_300.0),
    ("socket", "tcp", 11_000.0),
    ("socket", "udp", 9_000.0),
    ("queue", "posix-mq", 3_600.0),
    ("queue", "sysv-mq", 3_500.0),
    ("shared-memory", "shm-ring", 300.0),
    ("shared-memory", "shm-mailbox-sem", 2_400.0),
    ("reach-over", "process-vm-readv", 5_000.0),
];
const LOCKS: [(&str, &str, f64); 8] = [
    ("mutex", "std-mutex", 18.0),
    ("mutex", "parking-lot-mutex", 16.0),
    ("mutex", "pthread-mutex", 20.0),
    ("mutex", "futex-mutex", 17.0),
    ("spinlock", "tas-spinlock", 12.0),
    ("spinlock", "ticket-spinlock", 14.0),
    ("spinlock", "mcs-spinlock", 22.0),
    ("spinlock", "clh-spinlock", 21.0),
];
const PLACEMENTS: [(&str, f64); 3] = [("same-cpu", 1.0), ("same-cache", 2.5), ("cross-node", 4.0)];
const PEERS: [&str; 2] = ["process", "thread"];

/// What is measured, and what it would cost without noise.
#[derive(Clone)]
struct Wanted {
    identity: Identity,
    base_ns: f64,
    bytes: Option<f64>,
    parties: usize,
    times_each: bool,
}

pub(super) fn cells(run: &Run) -> Vec<Cell> {
    let mut machine = Rng::with_seed(run.machine as u64);
    let whole = (0.3 * normal(&mut machine)).exp();
    let mut random = Rng::with_seed(run.seed ^ (run.machine as u64).rotate_left(32));
    let all = wanted();
    let mut cells: Vec<Cell> = Vec::new();
    for (place, wanted) in all.iter().cycle().take(run.cells).enumerate() {
        let wanted = &wanted.again(place / all.len());
        let own = Rng::with_seed(hash(&wanted.identity.mechanism) ^ run.machine as u64).f64();
        let times = if wanted.identity.mechanism == "pipe" { run.pipe_times } else { 1.0 };
        let base_ns = wanted.base_ns * whole * (0.8 + 0.4 * own) * times;
        cells.push(cell(run, wanted, base_ns, &mut random));
    }
    cells
}

/// 1,824 cells; the first 304 are all of processes on one CPU, and those of each further place follow. Where more are asked for, they come
/// again with a parameter more: further groups, no larger ones.
fn wanted() -> Vec<Wanted> {
    let mut all = Vec::new();
    for peer in PEERS {
        for (placement, far) in PLACEMENTS {
            for transport in TRANSPORTS {
                transports(&mut all, placement, far, peer, transport);
            }
            for (family, name, base) in LOCKS {
                for parties in [1, 2, 4, 8_usize] {
                    for hold in [0, 10_000_u64] {
                        let setup = json!({"parties": parties, "hold_ns": hold, "outside_ns": 1_000});
                        let value = format!("0B-{parties}parties-hold{}-out1us", time_label(hold));
                        let spinning = if family == "spinlock" { 1.0 + hold as f64 / 4_000.0 } else { 1.0 };
                        let base = (base * far + hold as f64) * parties as f64 * spinning;
                        let mut wanted = Wanted::new("contended", [peer, placement, "own"], (family, name), base);
                        wanted.finish(0, &value, setup);
                        (wanted.parties, wanted.times_each) = (parties, false);
                        all.push(wanted);
                    }
                }
            }
        }
    }
    all
}

fn transports(
    all: &mut Vec<Wanted>,
    placement: &str,
    far: f64,
    peer: &str,
    (family, name, base): (&'static str, &'static str, f64),
) {
    for (waiting, times) in [("block", 1.0), ("spin", 0.1)] {
        for size in [64, 4096, 1 << 20_usize] {
            for (workload, part) in [("round-trip", 1.0), ("stream", 0.4)] {
                let base = base * far * times * part + size as f64 * 0.2;
                let mut wanted = Wanted::new(workload, [peer, placement, waiting], (family, name), base);
                wanted.finish(size, &size_label(size), json!({}));
                wanted.bytes = Some(size as f64);
                all.push(wanted);
            }
        }
        for idle in [10_000, 1_000_000_u64] {
            let base = base * far * times * (1.0 + idle as f64 / 2e6);
            let mut wanted = Wanted::new("wake", [peer, placement, waiting], (family, name), base);
            wanted.finish(64, &format!("64B-after-{}", time_label(idle)), json!({"idle_ns": idle}));
            all.push(wanted);
        }
        for rate in [1_000, 100_000_u64] {
            let base = base * far * times * (1.0 + rate as f64 / 1e5);
            let mut wanted = Wanted::new("paced", [peer, placement, waiting], (family, name), base);
            wanted.finish(64, &format!("64B-{}", rate_label(rate)), json!({"rate_per_s": rate}));
            all.push(wanted);
        }
    }
}

impl Wanted {
    fn new(workload: &str, place: [&str; 3], (family, name): (&str, &str), base_ns: f64) -> Wanted {
        let [peer, placement, waiting] = place;
        let setup = json!({"peer": peer, "placement": placement, "waiting": waiting, "parties": 2});
        let identity = Identity {
            id: format!("{workload}/{peer}/{placement}/{waiting}/{name}"),
            mechanism: name.into(),
            family: family.into(),
            workload: workload.into(),
            setup: object(setup),
            ..Identity::default()
        };
        Wanted { identity, base_ns, bytes: None, parties: 0, times_each: true }
    }

    /// The same with a parameter more, the n-th time.
    fn again(&self, times: usize) -> Wanted {
        let mut again = self.clone();
        if times > 0 {
            again.identity.id += &format!("-variant{times}");
            again.identity.setup.insert("quantum_ns".into(), times.into());
        }
        again
    }

    fn finish(&mut self, payload_bytes: usize, value: &str, more: Value) {
        self.identity.id += &format!("/{value}");
        self.identity.setup.insert("payload_bytes".into(), payload_bytes.into());
        self.identity.setup.extend(object(more));
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn cell(run: &Run, wanted: &Wanted, base_ns: f64, random: &mut Rng) -> Cell {
    let launches = (0..run.launches).map(|_| launch(run, wanted, base_ns, random)).collect();
    let histogram = if wanted.times_each { Ok(histogram(base_ns, random)) } else { Err("parties contend".into()) };
    let measurement = Measurement {
        launches,
        histogram,
        bytes_per_operation: wanted.bytes,
        verification: Some("passed".into()),
        conditions: BTreeMap::new(),
        notes: Vec::new(),
    };
    let mut cell = Cell::measured(wanted.identity.clone(), measurement);
    // Each round of a run has each cell once.
    (1..).zip(&mut cell.per_launch).for_each(|(round, launch)| launch.round = round);
    cell
}

/// One launch in twenty is disturbed as a whole, as launches are.
fn launch(run: &Run, wanted: &Wanted, base_ns: f64, random: &mut Rng) -> Launch {
    let disturbed = if random.f64() < 0.05 { 1.0 + 5.0 * run.noise * random.f64() } else { 1.0 };
    let median = base_ns * (run.noise * normal(random)).exp() * disturbed;
    let operations = (2e7 / median).max(10.0) as u64;
    let waits = wanted.identity.setup.get("waiting") == Some(&json!("block"));
    let usage = |share: f64| Usage {
        cpu_ns: (operations as f64 * median * share) as u64,
        voluntary_switches: if waits { operations } else { 0 },
        ..Usage::default()
    };
    let shares = (0..wanted.parties).map(|_| (operations as f64 * (0.8 + 0.4 * random.f64())) as u64).collect();
    Launch {
        batches_ns: (0..10).map(|_| median * (0.01 * normal(random)).exp()).collect(),
        operations,
        near: usage(0.5),
        far: usage(0.45),
        shares,
        facts: BTreeMap::new(),
        ..Launch::default()
    }
}

/// Log-normal around the base, with one in a thousand twenty times as long.
fn histogram(base_ns: f64, random: &mut Rng) -> Histogram {
    let mut histogram = Histogram::new();
    for _ in 0..400 {
        let stall = if random.f64() < 0.001 { 20.0 } else { 1.0 };
        histogram.record_n((base_ns * (0.15 * normal(random)).exp() * stall) as u64, 30);
    }
    histogram
}

/// Standard normal, by Box and Muller.
fn normal(random: &mut Rng) -> f64 {
    (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (TAU * random.f64()).cos()
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(7, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)))
}
