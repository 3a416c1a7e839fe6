//! Power management: frequency, boost and idle states. When a peer sleeps, waking its CPU is most of the time.
//!
//! Sources: Documentation/admin-guide/pm/{cpufreq,intel_pstate,cpuidle}.rst of the kernel.

use super::Root;
use super::key::{Key, Reading};
use super::layout::{by_equality, online};
use crate::placement::parse_cpu_list;
use serde_json::{Map, Value, json};

const CPUS: &str = "/sys/devices/system/cpu";
const POLICIES: &str = "/sys/devices/system/cpu/cpufreq/policy*";
const BOOST: &str = "/sys/devices/system/cpu/{intel_pstate/no_turbo,cpufreq/boost}";
const IDLE_STATES: &str = "/sys/devices/system/cpu/cpu*/cpuidle/state*";
const HALT_POLL: &str = "/sys/module/haltpoll/parameters/guest_halt_poll_ns";

pub(super) const KEYS: &[Key] = &[
    Key::by("cpufreq_policies", POLICIES, "driver, governor, limits and preference, by CPUs that agree", policies),
    Key::by("turbo_enabled", BOOST, "whether the frequency may exceed the nominal one, heat permitting", turbo),
    Key::text("cpuidle_driver", "/sys/devices/system/cpu/cpuidle/current_driver", "who puts idle CPUs to sleep"),
    Key::text("cpuidle_governor", "/sys/devices/system/cpu/cpuidle/current_governor", "who chooses how deep"),
    Key::by("cpuidle_states", IDLE_STATES, "idle states, time to wake from each, and whether it is off", idle_states),
    Key::number("guest_halt_poll_ns", HALT_POLL, "how long an idle guest polls before it leaves its CPU"),
];

/// The settings of a policy and the names they have in a record.
const SETTINGS: &[(&str, &str)] = &[
    ("driver", "scaling_driver"),
    ("governor", "scaling_governor"),
    ("min_khz", "scaling_min_freq"),
    ("max_khz", "scaling_max_freq"),
    ("hardware_max_khz", "cpuinfo_max_freq"),
    ("base_khz", "base_frequency"),
    ("energy_preference", "energy_performance_preference"),
];

fn policies(root: &Root) -> Reading {
    let directory = format!("{CPUS}/cpufreq");
    let mut cpus_and_policies = Vec::new();
    for name in root.list(&directory)?.into_iter().filter(|name| name.starts_with("policy")) {
        let path = format!("{directory}/{name}");
        let cpus = parse_cpu_list(&root.read(&format!("{path}/affected_cpus"))?.replace(' ', ","))?;
        let settings = settings(root, &path);
        cpus_and_policies.extend(cpus.into_iter().map(|cpu| (cpu, settings.clone())));
    }
    let cpus: Vec<usize> = cpus_and_policies.iter().map(|(cpu, _)| *cpu).collect();
    by_equality(&cpus, &format!("{directory} has no policies: nothing here scales frequency"), |cpu| {
        cpus_and_policies.iter().find(|(other, _)| *other == cpu).map(|(_, settings)| settings.clone())
    })
}

fn settings(root: &Root, policy: &str) -> Map<String, Value> {
    let setting = |(name, file): &(&str, &str)| {
        let text = root.read(&format!("{policy}/{file}")).ok()?;
        let value = text.parse::<u64>().map_or_else(|_| json!(text), Value::from);
        Some(((*name).to_owned(), value))
    };
    SETTINGS.iter().filter_map(setting).collect()
}

fn turbo(root: &Root) -> Reading {
    let off = root.read_number(&format!("{CPUS}/intel_pstate/no_turbo")).map(|off| off == 0);
    let on = |intel: String| {
        let boost = root.read_number(&format!("{CPUS}/cpufreq/boost")).map_err(|other| format!("{intel}; {other}"));
        boost.map(|on| on == 1)
    };
    off.or_else(on).map(Value::from)
}

fn idle_states(root: &Root) -> Reading {
    let absent = format!("no CPU has {CPUS}/cpu*/cpuidle");
    by_equality(&online(root)?, &absent, |cpu| {
        let directory = format!("{CPUS}/cpu{cpu}/cpuidle");
        let states = root.list(&directory).ok()?;
        let states: Vec<Value> =
            states.iter().filter_map(|name| idle_state(root, &format!("{directory}/{name}"))).collect();
        (!states.is_empty()).then(|| Map::from_iter([("states".to_owned(), Value::Array(states))]))
    })
}

fn idle_state(root: &Root, path: &str) -> Option<Value> {
    let number = |file: &str| root.read_number(&format!("{path}/{file}")).ok();
    let name = root.read(&format!("{path}/name")).ok()?;
    Some(json!({"name": name, "latency_us": number("latency"), "residency_us": number("residency"),
                "disabled": number("disable").map(|off| off != 0)}))
}
