//! This process: how it was built, who watches it, and what the kernel makes of its calls.

use super::Verdict;
use crate::doctor::{Exam, Finding};

/// Least memory that a process must be allowed to lock so that no buffer of the suite is left out, in bytes.
const LOCKED_ENOUGH: f64 = 8.0 * 1024.0 * 1024.0;

pub(super) fn debug_build(exam: &Exam) -> Verdict {
    Ok(exam.request.unoptimised.as_ref().map(|how| {
        Finding::refuse(how, "the suite's own loops would take several times as long as what they measure")
            .improve("cargo run --release -- run")
    }))
}

pub(super) fn tracing(exam: &Exam) -> Verdict {
    let tracer = exam.number("tracer_pid")?;
    Ok((tracer > 0.0).then(|| {
        let seen = exam.seen(format_args!("process {tracer} traces this one"), "tracer_pid");
        Finding::refuse(seen, "every system call and signal stops for the tracer: some microseconds each")
            .improve("run ipcmark without strace, gdb or rr around it")
    }))
}

pub(super) fn emulation(exam: &Exam) -> Verdict {
    let why = "instructions are translated: atomics, fences and system calls cost something else than on the processor";
    let improve = "run a build for this machine's own processor, without an emulator or valgrind around it";
    let found = |seen: String| Ok(Some(Finding::refuse(seen, why).improve(improve)));
    let arm = exam.text("cpu_vendor").is_ok_and(|vendor| !["GenuineIntel", "AuthenticAMD"].contains(&vendor))
        && exam.value("cpu_features").is_ok_and(|features| features.get("lse_atomics").is_some());
    if exam.request.architecture == "x86_64" && arm {
        return found(exam.seen("a program for x86-64 on an Arm processor", "cpu_features"));
    }
    if exam.text("cpu_model_name").is_ok_and(|name| name.contains("TCG")) {
        return found(exam.seen(exam.text("cpu_model_name")?, "cpu_model_name"));
    }
    let emulators = exam.value("emulators")?;
    match emulators.as_array().is_some_and(|names| !names.is_empty()) {
        true => found(exam.seen(emulators, "emulators")),
        false => Ok(None),
    }
}

pub(super) fn seccomp(exam: &Exam) -> Verdict {
    let mode = exam.number("seccomp")?;
    Ok((mode > 0.0).then(|| {
        let seen = exam.seen(format_args!("mode {mode}"), "seccomp");
        Finding::flag(
            seen,
            "a filter runs before each system call: mechanisms that call the kernel pay, shared memory does not",
        )
        .improve("run outside the container, or with --security-opt seccomp=unconfined")
    }))
}

pub(super) fn realtime_throttling(exam: &Exam) -> Verdict {
    let policy = exam.text("scheduling_policy")?;
    let (runtime, period) = (exam.number("sched_rt_runtime_us")?, exam.number("sched_rt_period_us")?);
    let throttled = ["fifo", "rr"].contains(&policy) && runtime >= 0.0 && runtime < period;
    Ok(throttled.then(|| {
        let path = exam.source("sched_rt_runtime_us");
        let seen = format!("{policy}, and {runtime} of {period} µs allowed ({path})");
        Finding::flag(
            seen,
            "a real-time party that polls is stopped for the rest of each period: a gap of milliseconds in the tail",
        )
        .write(path, "-1", runtime)
    }))
}

pub(super) fn scheduling(exam: &Exam) -> Verdict {
    let (policy, nice) = (exam.text("scheduling_policy")?, exam.number("nice")?);
    let usual = policy == "other" && nice == 0.0;
    Ok((!usual).then(|| {
        let seen = exam.seen(format_args!("{policy}, nice {nice}"), "scheduling_policy");
        Finding::note(seen, "who runs first, and for how long, is decided otherwise than for most programs")
    }))
}

pub(super) fn locked_memory(exam: &Exam) -> Verdict {
    let limit = &exam.value("rlimit_memlock_bytes")?["soft"];
    Ok(limit.as_f64().filter(|&bytes| bytes < LOCKED_ENOUGH).map(|bytes| {
        let seen = exam.seen(format_args!("{bytes} bytes"), "rlimit_memlock_bytes");
        Finding::note(seen, "buffers beyond that are not locked, and may fault while they are measured")
            .improve(format!("ulimit -l {}", LOCKED_ENOUGH / 1024.0))
            .restore(format!("ulimit -l {}", bytes / 1024.0))
    }))
}
