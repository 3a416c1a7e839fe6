//! Idle states: where a party sleeps, waking its CPU is most of what a message costs.

use super::Verdict;
use crate::doctor::{Exam, Finding};
use serde_json::Value;

/// A state that takes longer to leave, in microseconds, than waking a sleeping task on a CPU that is awake.
const DEEP_US: u64 = 10;

pub(super) fn deep(exam: &Exam) -> Verdict {
    let groups = exam.value("cpuidle_states")?.as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    let mut numbers = Vec::new();
    for group in &groups {
        let states = group["states"].as_array().cloned().unwrap_or_default();
        for (number, state) in states.iter().enumerate().filter(|(_, state)| is_deep(state)) {
            let text = format!("{} ({} µs)", state["name"].as_str().unwrap_or("?"), state["latency_us"]);
            if !found.contains(&text) {
                found.push(text);
                numbers.push(number);
            }
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    let files: Vec<String> =
        numbers.iter().map(|n| format!("/sys/devices/system/cpu/cpu*/cpuidle/state{n}/disable")).collect();
    Ok((!found.is_empty()).then(|| {
        let seen = exam.seen(found.join(", "), "cpuidle_states");
        Finding::flag(seen, "a CPU whose party sleeps falls into it, and the next message waits until it is awake")
            .write(&files.join(" "), "1", 0)
    }))
}

fn is_deep(state: &Value) -> bool {
    state["disabled"] == false && state["latency_us"].as_u64().is_some_and(|us| us > DEEP_US)
}

pub(super) fn halt_polling(exam: &Exam) -> Verdict {
    // Only guests with the haltpoll driver have it.
    let Ok(ns) = exam.number("guest_halt_poll_ns") else { return Ok(None) };
    Ok((ns > 0.0).then(|| {
        let seen = exam.seen(format_args!("{ns} ns"), "guest_halt_poll_ns");
        Finding::note(seen, "an idle CPU polls that long before it sleeps: short waits look cheaper, and cost CPU time")
    }))
}
