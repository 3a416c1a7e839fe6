//! The clock: whether the kernel trusts one that can be read without a system call.

use super::Verdict;
use crate::doctor::{Exam, Finding};

/// Clocks of the kernel that each reading asks over a bus, or by a system call; the first of them are what Linux falls back to
/// when it has found the time-stamp counter unstable (Documentation/timers/timekeeping.rst).
const SLOW: [&str; 6] = ["hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit", "xen"];

/// A reading dearer than this, in nanoseconds, is a system call: through the vDSO it takes 20 to 50.
const DEAR_NS: f64 = 150.0;
/// A step coarser than this, in nanoseconds, hides what an operation between two processes takes.
const COARSE_NS: f64 = 1_000.0;

pub(super) fn source(exam: &Exam) -> Verdict {
    let clock = exam.text("clocksource")?;
    let available = exam.value("clocksources_available").map(ToString::to_string).unwrap_or_default();
    let slow = SLOW.contains(&clock);
    let had_tsc = exam.value("cpu_features").is_ok_and(|features| features["invariant_tsc"] == true);
    let seen = || exam.seen(format_args!("`{clock}`, of {available}"), "clocksource");
    let path = exam.source("clocksource");
    Ok(match (slow, available.contains("\"tsc\"")) {
        (true, true) => Some(
            Finding::refuse(
                seen(),
                "each reading of the clock is a system call of about a microsecond, though a better clock is there",
            )
            .write(path, "tsc", clock),
        ),
        (true, false) => Some(
            Finding::refuse(
                seen(),
                if had_tsc {
                    "the kernel has found the time-stamp counter unstable: times between two CPUs mean nothing"
                } else {
                    "each reading of the clock is a system call of about a microsecond"
                },
            )
            .improve("boot with tsc=reliable only if the firmware is known to keep the counters in step"),
        ),
        (false, _) => None,
    })
}

pub(super) fn backwards(exam: &Exam) -> Verdict {
    let times = exam.probe("jitter_backwards_count")?;
    Ok((times > 0.0).then(|| {
        let seen = format!("the clock went back {times} times on one CPU (jitter probe)");
        Finding::refuse(seen, "no difference of two of its readings is a time")
    }))
}

pub(super) fn cost(exam: &Exam) -> Verdict {
    let (cost, step) = (exam.request.clock_cost_ns, exam.request.clock_precision_ns);
    if step > COARSE_NS {
        let seen = format!("the clock advances by {step:.0} ns at a time (calibration)");
        return Ok(Some(Finding::refuse(seen, "an operation takes less than the clock can tell")));
    }
    Ok((cost > DEAR_NS).then(|| {
        let seen = format!("a reading takes {cost:.0} ns (calibration)");
        Finding::flag(seen, "single operations below 20 readings are not timed: fewer cells have tails")
    }))
}
