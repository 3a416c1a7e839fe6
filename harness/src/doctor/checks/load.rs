//! Who else is at work on this machine, or takes its CPUs away.

use super::Verdict;
use crate::doctor::{Exam, Finding};

/// A load that two parties alone do not make, of which one task waits or runs all the time.
const LOAD: f64 = 1.0;
/// Time in which some task waited for a CPU, in percent: pyperf and the literature call a machine below it quiet.
const PRESSURE_PERCENT: f64 = 5.0;
/// CPUs' worth of time that others may use: a desktop at rest, with what runs in its background, stays below.
const FOREIGN_CPUS: f64 = 0.1;
/// What /proc/stat and our own account may differ by, in ticks for each CPU: each is rounded at both ends.
const TICKS: f64 = 2.0;

pub(super) fn load(exam: &Exam) -> Verdict {
    let load = exam.number("load_average_1min")?;
    Ok((load > LOAD).then(|| {
        let seen = exam.seen(format_args!("{load} over the last minute"), "load_average_1min");
        Finding::flag(seen, "others want the CPUs that parties are pinned to, or did until now")
            .improve("end other work, and wait a minute")
    }))
}

pub(super) fn pressure(exam: &Exam) -> Verdict {
    let mut high = Vec::new();
    for (name, what) in
        [("pressure_cpu_percent", "a CPU"), ("pressure_memory_percent", "memory"), ("pressure_io_percent", "storage")]
    {
        // Before the probes: they are two tasks of our own.
        let percent = exam.number(name)?;
        if percent > PRESSURE_PERCENT {
            high.push(format!("tasks waited for {what} {percent} % of the last 10 s ({})", exam.source(name)));
        }
    }
    Ok((!high.is_empty()).then(|| {
        Finding::flag(high.join("; "), "a party that is ready to run must wait for others").improve("end other work")
    }))
}

/// All CPUs' busy time beyond our own.
pub(super) fn foreign(exam: &Exam) -> Verdict {
    let (seconds, hz) = (exam.seconds()?, exam.number("user_hz")?);
    let own = exam.later.as_ref().map_or(0.0, |later| later.own_cpu_ns as f64 / 1e9);
    let cpus = exam.number("cpus_online_count")?;
    let others = exam.grown("cpu_busy_jiffies")? / hz - own - cpus * TICKS / hz;
    Ok((others / seconds > FOREIGN_CPUS).then(|| {
        let seen = exam.seen(format_args!("{:.2} CPUs' worth of time", others / seconds), "cpu_busy_jiffies");
        Finding::flag(seen, "other programs ran meanwhile, on some CPU of this machine").improve("end other work")
    }))
}

pub(super) fn steal(exam: &Exam) -> Verdict {
    let stolen = exam.grown("cpu_steal_jiffies")?;
    let (seconds, hz) = (exam.seconds()?, exam.number("user_hz")?);
    Ok((stolen > 0.0).then(|| {
        let seen = exam.seen(format_args!("{:.0} ms in {seconds:.1} s", stolen / hz * 1e3), "cpu_steal_jiffies");
        Finding::flag(seen, "the hypervisor ran somebody else while a party wanted to run: gaps of milliseconds")
            .improve("measure on a machine of your own, or an instance with dedicated CPUs")
    }))
}
