//! `cargo bench --bench switch`: what it costs to have another task run, to have one born, and what kernel and memory add,
//! criterion's way. Names no mechanism.
//!
//! Criterion draws hops against the number of tasks in the ring.

mod front;

use front::Sweep;

const SWEEPS: &[Sweep] = &[Sweep {
    workload: "switch",
    name: "by-parties",
    value: |setup| Some(setup.parties as u64),
    place: |setup, other| setup.parties = other.parties,
}];

/// What is not swept: the cells of the profile, as they are.
const WORKLOADS: &[&str] = &["switch", "switch-touch", "switch-touch-shared"];

fn main() {
    ipcmark_harness::worker::serve_if_asked(ipcmark::cell::TRADE);
    std::process::exit(front::run(SWEEPS, WORKLOADS));
}
