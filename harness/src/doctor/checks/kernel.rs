//! The kernel, what is below it, and what it does at each call.

use super::Verdict;
use crate::doctor::{Exam, Finding};
use serde_json::Value;

/// Modules with a hook in the calls of sockets, pipes, files or System V objects; `capability`, `lockdown`, `landlock`, `yama`,
/// `integrity`, `ima`, `evm`, `safesetid` and `loadpin` have none on those paths for processes that did not ask for it.
const WITH_IPC_HOOKS: [&str; 5] = ["apparmor", "selinux", "smack", "tomoyo", "bpf"];

pub(super) fn hypervisor(exam: &Exam) -> Verdict {
    let name = exam.text("hypervisor")?;
    Ok((name != "none").then(|| {
        let seen = exam.seen(format_args!("`{name}`"), "hypervisor");
        Finding::flag(seen, "CPUs are threads of another kernel and stop without notice; waking one is an exit to the host; the topology may be invented")
            .improve("measure on bare metal; here, quote ratios")
    }))
}

pub(super) fn container(exam: &Exam) -> Verdict {
    let hints = exam.value("container_hints")?;
    Ok(hints.as_array().is_some_and(|hints| !hints.is_empty()).then(|| {
        Finding::note(
            exam.seen(hints, "container_hints"),
            "limits, filters and file systems are the container's, not the machine's",
        )
    }))
}

pub(super) fn security_modules(exam: &Exam) -> Verdict {
    let modules = exam.value("security_modules")?.as_array().cloned().unwrap_or_default();
    let active: Vec<&str> =
        modules.iter().filter_map(Value::as_str).filter(|name| WITH_IPC_HOOKS.contains(name)).collect();
    let label = exam.text("security_label").map(|label| format!(", label `{label}`")).unwrap_or_default();
    Ok((!active.is_empty()).then(|| {
        let seen = exam.seen(format_args!("{}{label}", active.join(", ")), "security_modules");
        Finding::flag(
            seen,
            "they are asked at each call on a socket, pipe or System V object; shared memory that is mapped is not",
        )
    }))
}

pub(super) fn lock_debugging(exam: &Exam) -> Verdict {
    let options = exam.value("kernel_debug_options")?;
    Ok(options.as_array().is_some_and(|options| !options.is_empty()).then(|| {
        let seen = exam.seen(options, "kernel_debug_options");
        Finding::flag(seen, "the kernel checks each lock or access: system calls take several times as long")
            .improve("boot a kernel without them")
    }))
}

pub(super) fn bpf_scheduler(exam: &Exam) -> Verdict {
    // Kernels without sched_ext have no such file.
    let Ok(state) = exam.text("sched_ext_state") else { return Ok(None) };
    Ok((state != "disabled").then(|| {
        let seen = exam.seen(format_args!("`{state}`"), "sched_ext_state");
        Finding::flag(seen, "a BPF program decides who runs where and when, instead of the kernel's scheduler")
    }))
}

pub(super) fn mitigations(exam: &Exam) -> Verdict {
    let line = exam.text("kernel_command_line")?;
    let off = line.split_whitespace().find(|word| word.starts_with("mitigations=") || *word == "nopti");
    Ok(off.map(|word| {
        let seen = exam.seen(format_args!("`{word}`"), "kernel_command_line");
        Finding::note(seen, "what entering the kernel costs is decided by it; most machines have the default")
    }))
}

pub(super) fn taint(exam: &Exam) -> Verdict {
    let mask = exam.number("kernel_tainted")?;
    Ok((mask > 0.0).then(|| {
        let seen = exam.seen(format_args!("{mask}"), "kernel_tainted");
        Finding::note(seen, "foreign modules, live patches or a warning: others with this release may run other code")
    }))
}

pub(super) fn counters(exam: &Exam) -> Verdict {
    let level = exam.number("perf_event_paranoid")?;
    let path = exam.source("perf_event_paranoid");
    Ok((level > 2.0).then(|| {
        Finding::note(
            exam.seen(format_args!("{level}"), "perf_event_paranoid"),
            "no hardware counters for this user: figures cannot be explained by them",
        )
        .write(path, "2", level)
    }))
}
