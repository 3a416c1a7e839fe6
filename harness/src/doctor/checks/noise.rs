//! What the probes have seen of the machine's own noise.

use super::Verdict;
use crate::doctor::{Exam, Finding};

/// A gap beyond this, in nanoseconds, is no interrupt: something else had the CPU, or the machine below stopped it.
const GAP_NS: f64 = 1e6;
/// Two series of one loop that may differ by more cannot tell mechanisms apart that differ by 5 %.
const NOISE_SHARE: f64 = 0.05;

pub(super) fn jitter(exam: &Exam) -> Verdict {
    let [p50, p99, p999, max] =
        ["jitter_p50_ns", "jitter_p99_ns", "jitter_p999_ns", "jitter_max_ns"].map(|name| exam.probe(name));
    let (p50, p99, p999, max, spun) = (p50?, p99?, p999?, max?, exam.probe("jitter_spun_s")?);
    let seen = format!(
        "in {spun:.2} s of spinning, gaps between two readings of the clock: p50 {p50:.0}, p99 {p99:.0}, p99.9 {p999:.0}, longest {max:.0} ns (jitter probe)"
    );
    let why = "a tail below what a CPU that does nothing else sees is the platform's, not a mechanism's";
    Ok(Some(if max >= GAP_NS {
        Finding::flag(seen, why).improve("see the other findings: isolation, interrupts, load, hypervisor")
    } else {
        Finding::note(seen, why)
    }))
}

pub(super) fn repeatability(exam: &Exam) -> Verdict {
    let share = exam.probe("aa_noise_share")?;
    let launches = exam.probe("aa_launches").unwrap_or(0.0);
    let seen = format!("± {:.1} % between two series of one loop, {launches} launches each (A/A probe)", share * 100.0);
    let why = "a difference below that is none: it is what this machine makes of the same code";
    Ok(Some(if share > NOISE_SHARE {
        Finding::flag(seen, why).improve("end other work; more launches")
    } else {
        Finding::note(seen, why)
    }))
}
