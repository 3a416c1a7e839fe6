//! The CPUs of the parties: whether they may be used, and who else uses them.

use super::Verdict;
use crate::doctor::{Exam, Finding};
use crate::placement::{format_cpu_list, parse_cpu_list};

/// Above this share of its time a sibling thread counts as busy: at rest the kernel's own work stays below a tenth of it.
const SIBLING_BUSY_SHARE: f64 = 0.05;
/// A CPU that runs one task still gets its tick, 100 to 1,000 a second; beyond that so many a second are others' interrupts.
const INTERRUPTS_A_SECOND: f64 = 2_500.0;

pub(super) fn placement(exam: &Exam) -> Verdict {
    let list = exam.text("cpus_allowed_list")?;
    let allowed = parse_cpu_list(list)?;
    let wanted = &exam.request.cpus;
    let outside: Vec<usize> = wanted.iter().copied().filter(|cpu| !allowed.contains(cpu)).collect();
    if !allowed.is_empty() && outside.is_empty() {
        return Ok(None);
    }
    let seen = match allowed.is_empty() {
        true => exam.seen("no CPU is allowed", "cpus_allowed_list"),
        false => format!(
            "CPUs {} are wanted, and only {list} allowed ({})",
            format_cpu_list(&outside),
            exam.source("cpus_allowed_list")
        ),
    };
    Ok(Some(
        Finding::refuse(seen, "the parties cannot be where the cell says that they are")
            .improve("run without taskset, or in a cpuset that has these CPUs"),
    ))
}

pub(super) fn quota(exam: &Exam) -> Verdict {
    let Some(cpus) = exam.value("cgroup_cpu_quota_cpus")?.as_f64() else { return Ok(None) };
    let seen = exam.seen(format_args!("{cpus} CPUs' worth of time a period"), "cgroup_cpu_quota_cpus");
    let why = "when it is used up all parties stop until the next period: a gap of up to 100 ms, in whatever is measured then";
    let below = cpus < exam.request.at_once as f64;
    let finding = if below {
        Finding::refuse(format!("{seen}; {} parties run at once", exam.request.at_once), why)
    } else {
        Finding::note(seen, why)
    };
    Ok(Some(finding.improve("run with a larger quota, such as docker run --cpus 4, or outside the container")))
}

pub(super) fn smt(exam: &Exam) -> Verdict {
    let active = exam.value("smt_active")? == true;
    Ok(active.then(|| {
        Finding::note(
            exam.seen("on", "smt_active"),
            "two hardware threads share a core: who runs beside a party slows it",
        )
        .write("/sys/devices/system/cpu/smt/control", "off", "on")
    }))
}

pub(super) fn sibling(exam: &Exam) -> Verdict {
    let seconds = exam.seconds()?;
    let hz = exam.number("user_hz")?;
    let foreign = |cpu: &usize| !exam.request.cpus.contains(cpu);
    let mut busy = Vec::new();
    for sibling in exam.siblings.values().flatten().filter(|cpu| foreign(cpu)) {
        let share = exam.grown_of_cpu("cpu_jiffies_by_cpu", *sibling, "busy")? / hz / seconds;
        if share > SIBLING_BUSY_SHARE {
            busy.push(format!("CPU {sibling} {:.0} %", share * 100.0));
        }
    }
    Ok((!busy.is_empty()).then(|| {
        let seen = exam.seen(busy.join(", "), "cpu_jiffies_by_cpu");
        Finding::flag(
            seen,
            "the other thread of a party's core is at work, and takes up to half of what the core can do",
        )
        .improve("end what runs there, or keep the sibling offline while measuring")
    }))
}

pub(super) fn isolation(exam: &Exam) -> Verdict {
    let list = |name| exam.text(name).and_then(parse_cpu_list);
    let isolated = list("isolated_cpus_list")?;
    let tickless = list("nohz_full_cpus_list").unwrap_or_default();
    let wanted = &exam.request.cpus;
    let lacking = |set: &[usize]| wanted.iter().copied().filter(|cpu| !set.contains(cpu)).collect::<Vec<_>>();
    let (shared, ticking) = (lacking(&isolated), lacking(&tickless));
    if shared.is_empty() && ticking.is_empty() {
        return Ok(None);
    }
    let mut seen = Vec::new();
    for (cpus, what, name) in
        [(&shared, "not isolated", "isolated_cpus_list"), (&ticking, "interrupted by the tick", "nohz_full_cpus_list")]
    {
        if !cpus.is_empty() {
            seen.push(exam.seen(format_args!("CPUs {} are {what}", format_cpu_list(cpus)), name));
        }
    }
    let finding = Finding::flag(
        seen.join("; "),
        "other tasks, and the timer tick, run on the parties' CPUs: a few microseconds in the tail each time",
    );
    if exam.number("cpus_online_count").is_ok_and(|online| online <= wanted.len() as f64) {
        // Somebody must do the rest of the work.
        return Ok(Some(finding.improve("measure on a machine with more CPUs than the parties need")));
    }
    let list = format_cpu_list(wanted);
    let parameters = format!("isolcpus=managed_irq,domain,{list} nohz_full={list} rcu_nocbs={list}");
    Ok(Some(
        finding
            .improve(format!("add to the kernel's command line and boot: {parameters}"))
            .restore("remove these parameters and boot"),
    ))
}

pub(super) fn interrupts(exam: &Exam) -> Verdict {
    let seconds = exam.seconds()?;
    let mut many = Vec::new();
    for &cpu in &exam.request.cpus {
        let rate = exam.grown_of_cpu("interrupts_by_cpu", cpu, "count")? / seconds;
        if rate > INTERRUPTS_A_SECOND {
            many.push(format!("CPU {cpu} {rate:.0}"));
        }
    }
    Ok((!many.is_empty()).then(|| {
        let seen = exam.seen(format_args!("interrupts a second: {}", many.join(", ")), "interrupts_by_cpu");
        Finding::flag(seen, "each interrupt takes a party's CPU away for some microseconds")
            .improve("move them: write another CPU to /proc/irq/*/smp_affinity_list, with irqbalance stopped")
    }))
}

pub(super) fn mixed_cores(exam: &Exam) -> Verdict {
    let kinds = exam.value("core_types")?.as_object().cloned().unwrap_or_default();
    let holds = |list: &serde_json::Value| {
        let cpus = list.as_str().and_then(|list| parse_cpu_list(list).ok()).unwrap_or_default();
        exam.request.cpus.iter().any(|cpu| cpus.contains(cpu))
    };
    let used: Vec<String> = kinds
        .iter()
        .filter(|(_, list)| holds(list))
        .map(|(kind, list)| format!("{kind} {list}").replace('"', ""))
        .collect();
    Ok((used.len() > 1).then(|| {
        let seen = exam.seen(format_args!("parties on {}", used.join(" and ")), "core_types");
        Finding::flag(
            seen,
            "the parties' cores are of different kinds: one of them is slower, and figures are of the mixture",
        )
        .improve("taskset to CPUs of one kind")
    }))
}
