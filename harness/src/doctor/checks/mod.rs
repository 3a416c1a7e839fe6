//! The list of checks, by theme a file each.

mod clock;
mod cpus;
mod frequency;
mod idle;
mod kernel;
mod load;
mod memory;
mod noise;
mod process;

use super::{Exam, Finding};

/// What a check comes to: a finding, nothing, or why it could not be made.
pub(super) type Verdict = Result<Option<Finding>, String>;

/// One check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The name of what it finds.
    pub id: &'static str,
    pub(super) judge: fn(&Exam) -> Verdict,
}

const fn check(id: &'static str, judge: fn(&Exam) -> Verdict) -> Check {
    Check { id, judge }
}

/// Every check, in the order of reports.
pub static CHECKS: &[Check] = &[
    check("debug-build", process::debug_build),
    check("tracing", process::tracing),
    check("emulation", process::emulation),
    check("clock", clock::source),
    check("clock-backwards", clock::backwards),
    check("clock-cost", clock::cost),
    check("placement", cpus::placement),
    check("cpu-quota", cpus::quota),
    check("hypervisor", kernel::hypervisor),
    check("steal", load::steal),
    check("jitter", noise::jitter),
    check("a-a-noise", noise::repeatability),
    check("load", load::load),
    check("pressure", load::pressure),
    check("foreign-work", load::foreign),
    check("smt-sibling", cpus::sibling),
    check("isolation", cpus::isolation),
    check("interrupts", cpus::interrupts),
    check("mixed-cores", cpus::mixed_cores),
    check("governor", frequency::governor),
    check("energy-preference", frequency::energy_preference),
    check("turbo", frequency::turbo),
    check("frequency-drift", frequency::drift),
    check("throttling", frequency::throttling),
    check("battery", frequency::battery),
    check("idle-states", idle::deep),
    check("halt-polling", idle::halt_polling),
    check("huge-pages", memory::huge_pages),
    check("page-merging", memory::merging),
    check("numa-balancing", memory::numa_balancing),
    check("swap", memory::swap),
    check("security-modules", kernel::security_modules),
    check("seccomp", process::seccomp),
    check("realtime-throttling", process::realtime_throttling),
    check("scheduling", process::scheduling),
    check("lock-debugging", kernel::lock_debugging),
    check("bpf-scheduler", kernel::bpf_scheduler),
    check("container", kernel::container),
    check("mitigations", kernel::mitigations),
    check("taint", kernel::taint),
    check("smt", cpus::smt),
    check("locked-memory", process::locked_memory),
    check("counters", kernel::counters),
];
