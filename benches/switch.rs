//! `cargo bench --bench switch`: what it costs to have another task run, to have one born, and what kernel and memory add,
//! criterion's way. Names no mechanism.
//!
//! Criterion draws hops against the number of tasks in the ring, work against the time slice and the number of workers, and loads
//! and births against the memory that they are spread over, and that the parent has.

#![deny(clippy::disallowed_macros, clippy::disallowed_methods)]

mod front;

use front::Sweep;

const SWEEPS: &[Sweep] = &[
    Sweep {
        workload: "switch",
        name: "by-parties",
        value: |setup| Some(setup.parties as u64),
        place: |setup, other| setup.parties = other.parties,
    },
    Sweep {
        workload: "workers",
        name: "by-parties",
        value: |setup| Some(setup.parties as u64),
        place: |setup, other| setup.parties = other.parties,
    },
    Sweep {
        workload: "time-slice",
        name: "by-quantum",
        value: |setup| setup.quantum_ns,
        place: |setup, other| setup.quantum_ns = other.quantum_ns,
    },
    Sweep {
        workload: "chase",
        name: "by-memory",
        value: |setup| setup.memory_bytes.map(|bytes| bytes as u64),
        place: |setup, other| setup.memory_bytes = other.memory_bytes,
    },
    Sweep {
        workload: "spawn",
        name: "by-memory",
        value: |setup| setup.memory_bytes.map(|bytes| bytes as u64),
        place: |setup, other| setup.memory_bytes = other.memory_bytes,
    },
];

/// What is not swept: the cells of the profile, as they are.
const WORKLOADS: &[&str] = &[
    "switch",
    "resume",
    "spawn",
    "dispatch",
    "switch-touch",
    "switch-touch-shared",
    "call",
    "call-under-seccomp",
    "call-under-seccomp-arguments",
    "timer-wake",
    "timer-wake-beside-hog",
    "time-slice",
    "workers",
    "chase",
    "first-touch",
];

fn main() {
    ipcmark_harness::worker::serve_if_asked(ipcmark::cell::TRADE);
    std::process::exit(front::run(SWEEPS, WORKLOADS));
}
