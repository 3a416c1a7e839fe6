//! Frequency and heat: what the processor does with the same instructions from one moment to the next.

use super::Verdict;
use crate::doctor::finding::tee;
use crate::doctor::{Exam, Finding};
use crate::placement::parse_cpu_list;
use serde_json::Value;

/// A change of frequency beyond this share between two readings moves what is bound by it by as much; half of what the literature
/// counts as an effect worth reporting (5 %), and above what counters of the same frequency differ by.
const DRIFT_SHARE: f64 = 0.02;

/// Policies in whose `setting` is not `best`: the CPUs with their setting.
fn policies_without<'a>(exam: &'a Exam, setting: &str, best: &str) -> Result<Vec<(&'a str, &'a str)>, String> {
    let groups = exam.value("cpufreq_policies")?.as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |group: &'a Value| Some((group["cpus"].as_str()?, group[setting].as_str()?));
    Ok(groups.iter().filter_map(of).filter(|(_, found)| *found != best).collect())
}

/// The file of each CPU of the list, for the shell.
fn files(cpus: &str, file: &str) -> String {
    let cpus = parse_cpu_list(cpus).unwrap_or_default();
    let paths: Vec<String> =
        cpus.iter().map(|cpu| format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/{file}")).collect();
    paths.join(" ")
}

fn setting(exam: &Exam, name: &str, file: &str, why: &str) -> Verdict {
    let wrong = policies_without(exam, name, "performance")?;
    if wrong.is_empty() {
        return Ok(None);
    }
    let seen: Vec<String> = wrong.iter().map(|(cpus, found)| format!("`{found}` on CPUs {cpus}")).collect();
    let restore: Vec<String> = wrong.iter().map(|(cpus, found)| tee(found, &files(cpus, file))).collect();
    let better = tee("performance", &format!("/sys/devices/system/cpu/cpu*/cpufreq/{file}"));
    let finding = Finding::flag(exam.seen(seen.join(", "), "cpufreq_policies"), why);
    Ok(Some(finding.improve(better).restore(restore.join("; "))))
}

pub(super) fn governor(exam: &Exam) -> Verdict {
    let why = "the frequency follows the load: parties that sleep between messages run slower than those that poll";
    setting(exam, "governor", "scaling_governor", why)
}

pub(super) fn energy_preference(exam: &Exam) -> Verdict {
    let why = "the processor saves energy on CPUs that wait, and is slow to rise when they are woken";
    setting(exam, "energy_preference", "energy_performance_preference", why)
}

pub(super) fn turbo(exam: &Exam) -> Verdict {
    let on = exam.value("turbo_enabled")? == true;
    let (path, off, on_again) = if driven_by_intel(exam) {
        ("/sys/devices/system/cpu/intel_pstate/no_turbo", "1", "0")
    } else {
        ("/sys/devices/system/cpu/cpufreq/boost", "0", "1")
    };
    Ok(on.then(|| {
        Finding::flag(exam.seen("on", "turbo_enabled"), "the frequency depends on heat and on how many cores are awake")
            .write(path, off, on_again)
    }))
}

/// By intel_pstate, in either of its modes (`intel_cpufreq` is the passive one): it has a switch of its own.
fn driven_by_intel(exam: &Exam) -> bool {
    let groups = exam.value("cpufreq_policies").ok().and_then(Value::as_array);
    let driver = |group: &Value| group["driver"].as_str().is_some_and(|driver| driver.starts_with("intel"));
    groups.is_some_and(|groups| groups.iter().any(driver))
}

pub(super) fn drift(exam: &Exam) -> Verdict {
    let list = exam.value("cpu_current_khz")?;
    let mut moved = Vec::new();
    for &cpu in &exam.request.cpus {
        let change = exam.grown_of_cpu("cpu_current_khz", cpu, "khz")?;
        let before = list.as_array().and_then(|all| all.iter().find(|of| of["cpu"] == cpu)?["khz"].as_f64());
        let before = before.filter(|&khz| khz > 0.0).ok_or("a frequency of 0 was read")?;
        if (change / before).abs() > DRIFT_SHARE {
            moved.push(format!("CPU {cpu} from {:.0} to {:.0} MHz", before / 1e3, (before + change) / 1e3));
        }
    }
    Ok((!moved.is_empty()).then(|| {
        let seen = exam.seen(moved.join(", "), "cpu_current_khz");
        Finding::flag(seen, "what is bound by the processor changed its pace between two readings")
            .improve("hold the frequency: governor `performance`, and turbo off")
    }))
}

/// Since boot it is a note; while the doctor or a run looked on it is more.
pub(super) fn throttling(exam: &Exam) -> Verdict {
    let sum = |value: &Value| value["core"].as_f64().unwrap_or(0.0) + value["package"].as_f64().unwrap_or(0.0);
    let first = sum(exam.value("throttle_count")?);
    let later = exam.later.as_ref().and_then(|later| later.facts.get("throttle_count")?.value().map(sum));
    let why = "heat, or a limit of power, slowed the cores";
    Ok(match later {
        Some(later) if later > first => {
            let seen = exam.seen(format_args!("{} times meanwhile", later - first), "throttle_count");
            Some(Finding::flag(seen, why).improve("let it cool down, and measure less at once"))
        }
        _ => (first > 0.0)
            .then(|| Finding::note(exam.seen(format_args!("{first} times since boot"), "throttle_count"), why)),
    })
}

pub(super) fn battery(exam: &Exam) -> Verdict {
    let Ok(mains) = exam.value("mains_power") else { return Ok(None) };
    Ok((mains == false).then(|| {
        Finding::flag(exam.seen("off mains power", "mains_power"), "firmware limits power, and with it frequency")
            .improve("plug it in")
    }))
}
