//! `cargo bench --bench sync`: locks, and what else keeps parties in step, criterion's way. Names no mechanism.
//!
//! Criterion draws locks against parties, locks against hold time, and ways of reading and writing against the share of reads.

#![deny(clippy::disallowed_macros, clippy::disallowed_methods)]

mod front;

use front::Sweep;

const SWEEPS: &[Sweep] = &[
    Sweep {
        workload: "contended",
        name: "by-parties",
        value: |setup| Some(setup.parties as u64),
        place: |setup, other| setup.parties = other.parties,
    },
    Sweep {
        workload: "contended",
        name: "by-hold-ns",
        value: |setup| setup.hold_ns,
        place: |setup, other| setup.hold_ns = other.hold_ns,
    },
    Sweep {
        workload: "read-mix",
        name: "by-reads-per-mille",
        value: |setup| setup.reads_per_mille,
        place: |setup, other| setup.reads_per_mille = other.reads_per_mille,
    },
];

/// What is not swept: the cells of the profile, as they are.
const WORKLOADS: &[&str] = &[
    "uncontended",
    "uncontended-read",
    "uncontended-write",
    "hand-off",
    "tail",
    "oversubscribed",
    "count",
    "permits",
    "barrier",
    "philosophers",
    "priority",
    "read-once",
];

fn main() {
    ipcmark_harness::worker::serve_if_asked(ipcmark::cell::TRADE);
    std::process::exit(front::run(SWEEPS, WORKLOADS));
}
