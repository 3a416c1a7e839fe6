//! Machines that do not exist.

use ipcmark_harness::record::{Header, Record, SCHEMA};
use serde_json::{Map, Value, json};

const PROCESSORS: [(&str, &str, u64); 5] = [
    ("GenuineIntel", "Made-up Server Processor 8360", 64),
    ("AuthenticAMD", "Made-up Server Processor 7763", 128),
    ("GenuineIntel", "Made-up Laptop Processor 1365", 16),
    ("ARM", "Made-up Board Cortex-A76", 4),
    ("AuthenticAMD", "Made-up Desktop Processor 7950", 32),
];
const KERNELS: [&str; 4] = ["6.1.0-18-amd64", "6.8.0-45-generic", "6.12.9", "5.15.0-100-generic"];
const GOVERNORS: [&str; 3] = ["performance", "schedutil", "powersave"];
const HYPERVISORS: [&str; 4] = ["none", "none", "kvm", "none"];

/// The record of a machine, without cells.
pub(super) fn record(machine: usize, seed: u64) -> Record {
    let header = json!({
        "schema": SCHEMA,
        "suite": env!("CARGO_PKG_VERSION"),
        "revision": {"commit": format!("{:040x}", 0x0a1b_2c3d_u64), "dirty": false},
        "command": ["ipcmark", "run", "--profile", "standard"],
        "selection": {"profile": "standard", "cell_timeout_s": 10.0, "seed": seed},
        "seed": seed,
        "profile": "standard",
        "front_end": "ipcmark run",
        "started_utc": format!("2026-01-{:02}T12:{:02}:00Z", machine % 28 + 1, seed % 60),
        "build": {"rustc": "rustc 1.95.0", "target": "x86_64-unknown-linux-gnu", "opt_level": "3",
            "debug_assertions": false, "libc": "glibc 2.36"},
        "clock": {"clock": {"source": "tsc", "cost_ns": 20.8, "ns_per_tick": 0.38}},
        "machine": facts(machine),
        "conditions": {"load_average_1min": {"value": 0.05 * (machine % 7) as f64, "source": "/proc/loadavg"}},
    });
    let header: Header = serde_json::from_value(header).expect("this is a header");
    let mut bytes = serde_json::to_vec(&header).expect("a header is JSON");
    bytes.push(b'\n');
    Record::from_reader("made-up".as_ref(), bytes.as_slice()).expect("a header alone is a record").0
}

fn facts(machine: usize) -> Map<String, Value> {
    let (vendor, model, cpus) = PROCESSORS[machine % PROCESSORS.len()];
    let known = [
        ("fingerprint", json!(format!("{:016x}", machine + 0x1000))),
        ("cpu_vendor", json!(vendor)),
        ("cpu_model_name", json!(model)),
        ("cpu_microcode", json!(format!("0x{:x}", machine / 5 + 1))),
        ("cpus_online_count", json!(cpus)),
        ("cores_count", json!(cpus / 2)),
        ("smt_active", json!(machine % 3 != 1)),
        ("numa_nodes_count", json!(if cpus > 32 { 2 } else { 1 })),
        ("hypervisor", json!(HYPERVISORS[machine % HYPERVISORS.len()])),
        ("kernel_release", json!(KERNELS[machine % KERNELS.len()])),
        ("kernel_preemption", json!(if machine.is_multiple_of(2) { "voluntary" } else { "full" })),
        ("mitigations", json!({"retbleed": "Not affected", "spectre_v2": format!("Mitigation: kind {}", machine % 3)})),
        ("clocksource", json!("tsc")),
        ("cpufreq_policies", json!([{"cpus": "all", "driver": "made-up", "governor": GOVERNORS[machine % 3]}])),
        ("turbo_enabled", json!(!machine.is_multiple_of(4))),
        ("transparent_huge_pages", json!(if machine.is_multiple_of(2) { "madvise" } else { "always" })),
    ];
    let mut facts: Map<String, Value> =
        known.into_iter().map(|(name, value)| (name.into(), json!({"value": value, "source": "made up"}))).collect();
    facts.insert("kernel_tick_hz".into(), json!({"missing": "the configuration is not readable", "source": "made up"}));
    facts
}
