//! The header of a record: who measured, with which binary, on what machine, under which conditions.

use std::collections::BTreeMap;
use std::time::SystemTime;

use ipcmark_harness::clock::Calibration;
use ipcmark_harness::doctor::Finding;
use ipcmark_harness::machine::{self, Facts, Root, Scheduling};
use ipcmark_harness::record::{FrontEnd, Header, Resumed, Revision, SCHEMA, Selection, sanitize};
use serde_json::{Value, json};

/// A header of this moment; what was asked for is left to the caller.
pub fn header(front_end: FrontEnd, calibration: &Calibration) -> Header {
    let root = Root::new("/");
    let facts = machine::machine(&root);
    let mut machine = values(&facts);
    machine.insert(
        FINGERPRINT.into(),
        json!({"value": machine::fingerprint(&facts), "source": "digest of the identity keys"}),
    );
    Header {
        schema: SCHEMA.into(),
        suite: env!("CARGO_PKG_VERSION").into(),
        revision: revision(),
        command: std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect(),
        selection: Selection::default(),
        seed: 0,
        profile: String::new(),
        front_end,
        started_utc: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        build: build(),
        clock: object(calibration),
        machine,
        conditions: values(&machine::conditions(&root)),
        tags: BTreeMap::new(),
        findings: Vec::new(),
        probes: BTreeMap::new(),
    }
}

const FINGERPRINT: &str = "fingerprint";

/// Why a record that begins with `then` must not be continued under `now`; none when it may.
pub fn difference(then: &Header, now: &Header) -> Option<String> {
    let machine = |header: &Header| header.machine.get(FINGERPRINT).and_then(|f| f.get("value")).cloned();
    if then.suite != now.suite || then.revision != now.revision {
        let name =
            |h: &Header| format!("{} at {}", h.suite, h.revision.commit.as_deref().unwrap_or("an unknown revision"));
        return Some(format!("it was begun by ipcmark {}, this is {}", name(then), name(now)));
    }
    (machine(then) != machine(now)).then(|| "it was begun on another machine, or under another kernel".into())
}

/// What must be as it was when a run began for its launches to be pooled: how it is scheduled, and how the machine is set up. What
/// is set at boot is here, too: the fingerprint does not hold all of it.
const MUST_STAY: [&str; 20] = [
    "scheduling_policy",
    "realtime_priority",
    "nice",
    "cpus_allowed_list",
    "cgroup_cpu_quota_cpus",
    "seccomp",
    "mitigations",
    "kernel_command_line",
    "kernel_preemption",
    "cpufreq_policies",
    "turbo_enabled",
    "cpuidle_governor",
    "cpuidle_states",
    "guest_halt_poll_ns",
    "smt_active",
    "cpus_online_count",
    "clocksource",
    "transparent_huge_pages",
    "numa_balancing",
    "timer_slack_ns",
];

/// How a run that began as `then` goes on now. Under other conditions than it began under it does not, and the error is the sentence
/// that says so, but with `anyway`: then a finding in `then` grades all that it measures D.
pub fn gone_on(then: &mut Header, now: &Header, anyway: bool) -> Result<Resumed, String> {
    let changed = changes(then, now);
    if !changed.is_empty() && !anyway {
        let changed = sanitize(&changed.join(", "));
        return Err(format!(
            "the run was begun under other conditions: {changed}; resume it under those, or measure all the same with --anyway, which \
             grades every cell with such a launch D"
        ));
    }
    if !changed.is_empty() {
        then.findings.push(Finding::resumed_otherwise(&changed));
    }
    Ok(Resumed {
        utc: now.started_utc.clone(),
        command: now.command.clone(),
        revision: now.revision.clone(),
        scheduling: Scheduling::of_facts(&now.machine),
        conditions: now.conditions.clone(),
        findings: Vec::new(),
        changed,
    })
}

/// What is not as it was when the run began, a clause each. A fact that only one start could read counts: whether it is the same is
/// not known.
fn changes(then: &Header, now: &Header) -> Vec<String> {
    let value = |header: &Header, name: &str| header.machine.get(name)?.get("value").cloned();
    let words = |value: Option<Value>| value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
    let mut changes = Vec::new();
    for name in MUST_STAY {
        let (then, now) = (value(then, name), value(now, name));
        if then != now {
            changes.push(format!("{name} was {} and is {}", words(then), words(now)));
        }
    }
    changes
}

fn revision() -> Revision {
    let commit = env!("IPCMARK_COMMIT");
    if commit.is_empty() {
        let missing = Some("not built from a git checkout".into());
        return Revision { commit: None, dirty: None, missing };
    }
    Revision { commit: Some(commit.into()), dirty: env!("IPCMARK_DIRTY").parse().ok(), missing: None }
}

fn build() -> BTreeMap<String, Value> {
    let facts = [
        ("rustc", json!(env!("IPCMARK_RUSTC"))),
        ("target", json!(env!("IPCMARK_TARGET"))),
        ("opt_level", json!(env!("IPCMARK_OPT_LEVEL"))),
        ("debug_info", json!(env!("IPCMARK_DEBUG"))),
        ("target_features", json!(env!("IPCMARK_FEATURES"))),
        ("debug_assertions", json!(cfg!(debug_assertions))),
        ("libc", json!(libc_version())),
        ("profile", json!(env!("IPCMARK_BUILD_PROFILE"))),
        ("panic", json!(if cfg!(panic = "abort") { "abort" } else { "unwind" })),
        ("allocator", json!("the C library's")),
        ("rivals", json!(cfg!(feature = "rivals"))),
        ("deadlock_detection", json!(cfg!(feature = "deadlock-detection"))),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// `gnu_get_libc_version(3)`, or the kind of C library.
fn libc_version() -> String {
    #[cfg(target_env = "gnu")]
    #[allow(unsafe_code)]
    {
        // SAFETY: the function takes nothing and returns a static C string.
        let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
        format!("glibc {}", version.to_string_lossy())
    }
    #[cfg(not(target_env = "gnu"))]
    {
        format!("not glibc, version unknown ({})", env!("IPCMARK_TARGET"))
    }
}

fn values(facts: &Facts) -> BTreeMap<String, Value> {
    facts.iter().map(|(name, fact)| (name.clone(), json!(fact))).collect()
}

fn object(value: &impl serde::Serialize) -> BTreeMap<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_with(nice: Option<Value>) -> Header {
        let mut header: Header = serde_json::from_value(
            json!({"schema": SCHEMA, "suite": "0", "front_end": FrontEnd::Run, "started_utc": "2026-01-31T00:00:00Z"}),
        )
        .unwrap();
        header.machine.extend(nice.map(|nice| ("nice".to_owned(), nice)));
        header
    }

    #[test]
    fn a_fact_that_only_one_start_could_read_is_a_change() {
        let present = || header_with(Some(json!({"value": 5, "source": "x"})));
        let missing = || header_with(Some(json!({"missing": "not readable"})));
        assert_eq!(changes(&present(), &missing()), ["nice was 5 and is unknown"]);
        assert_eq!(changes(&header_with(None), &present()), ["nice was unknown and is 5"]);
        assert!(changes(&present(), &present()).is_empty() && changes(&missing(), &header_with(None)).is_empty());
    }
}
