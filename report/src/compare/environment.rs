//! What differs between the machines, builds and conditions behind records, the most influential first; and whether two records
//! are of the same environment.
//!
//! The order is that of what is known to move the cost of inter-process communication most: whether the binary was optimised,
//! whether a hypervisor stands between, the processor, how it guards against speculation, the kernel, how CPUs sleep and
//! scale, then what limits what. It is a reading order, not a measurement: it attributes nothing.

use std::collections::{BTreeMap, BTreeSet};

use ipcmark_harness::record::Header;
use serde::Serialize;
use serde_json::Value;

use crate::load::{Origin, Source};
use crate::words::value_text;

/// Something that is not the same in all records.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// What: the key of the record.
    pub fact: String,
    /// Why it matters; empty where nobody has said.
    pub why: String,
    /// Whether records that differ in it are of different environments.
    pub decides: bool,
    /// Its value in each record, in their order; `unknown` where it is missing.
    pub values: Vec<String>,
}

/// Where a fact stands in a header.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Build,
    Machine,
}

/// Facts in the order of their influence, with the reason; those marked so decide whether two environments are the same.
const INFLUENCE: &[(Part, &str, bool, &str)] = &[
    (Part::Build, "debug_assertions", true, "a debug build measures itself"),
    (Part::Build, "opt_level", true, "a debug build measures itself"),
    (Part::Machine, "hypervisor", true, "waking another CPU may leave the guest, and the host may take the CPU away"),
    (Part::Machine, "system_product", true, "another kind of machine or cloud instance"),
    (Part::Machine, "cpu_model_name", true, "another processor: system calls, cache transfers and clock rates differ"),
    (Part::Machine, "cpu_vendor", true, "another processor"),
    (Part::Machine, "cpu_family", true, "another processor"),
    (Part::Machine, "cpu_model", true, "another processor"),
    (Part::Machine, "cpu_stepping", true, "another processor"),
    (Part::Machine, "core_types", true, "which kind of core a party runs on decides its speed"),
    (Part::Machine, "mitigations", true, "each is paid at every entry to the kernel or switch of address space"),
    (Part::Machine, "cpu_microcode", true, "carries mitigations, and their cost"),
    (Part::Machine, "kernel_release", true, "another kernel: other paths for every system call and wake-up"),
    (Part::Machine, "kernel_version", true, "another build of the kernel"),
    (Part::Machine, "kernel_debug_options", true, "lock debugging and tracing multiply the cost of locks and wake-ups"),
    (Part::Machine, "kernel_preemption", true, "decides when a woken party gets the CPU"),
    (Part::Machine, "kernel_tick_hz", true, "parties that poll on one CPU wait for the tick"),
    (Part::Machine, "kernel_command_line", true, "sets mitigations, isolation, idle states and timers"),
    (Part::Machine, "cpufreq_policies", true, "governor and limits: a CPU that slept is slow when it is woken"),
    (Part::Machine, "turbo_enabled", true, "the clock rate depends on load and heat"),
    (Part::Machine, "cpuidle_driver", true, "leaving an idle state is most of a wake-up"),
    (Part::Machine, "cpuidle_governor", true, "chooses how deep a waiting CPU sleeps"),
    (Part::Machine, "cpuidle_states", true, "how long it takes to leave them"),
    (Part::Machine, "guest_halt_poll_ns", true, "a guest that polls before it halts is woken sooner"),
    (Part::Machine, "smt_active", true, "siblings share a core's units and caches"),
    (Part::Machine, "cpus_online_count", true, "what other work can go elsewhere"),
    (Part::Machine, "packages_count", true, "transfers between packages take several times as long"),
    (Part::Machine, "cores_count", true, "what can share a cache"),
    (Part::Machine, "numa_nodes_count", true, "memory of another node is further away"),
    (Part::Machine, "caches", true, "what fits, and who shares it"),
    (Part::Machine, "clocksource", true, "how long it takes to read the time"),
    (Part::Machine, "cgroup_cpu_quota_cpus", true, "above it the parties are stopped"),
    (Part::Machine, "cpus_allowed_list", true, "where parties can be placed"),
    (
        Part::Machine,
        "scheduling_policy",
        true,
        "real-time tasks preempt all others, and batch tasks never preempt on wake-up",
    ),
    (Part::Machine, "realtime_priority", true, "which real-time task preempts another"),
    (Part::Machine, "nice", true, "weight on a contended CPU, and in whether a wake-up preempts"),
    (Part::Machine, "seccomp", true, "a filter runs at every system call"),
    (Part::Machine, "container_hints", true, "containers add filters, quotas and network devices"),
    (Part::Machine, "isolated_cpus_list", true, "other work stays away from them"),
    (Part::Machine, "nohz_full_cpus_list", true, "no tick while one task runs"),
    (Part::Machine, "transparent_huge_pages", true, "misses of the TLB in large buffers"),
    (Part::Machine, "numa_balancing", true, "pages are unmapped to see who uses them"),
    (Part::Machine, "sched_base_slice_ns", true, "how long a party runs before another gets the CPU"),
    (Part::Machine, "sched_autogroup", true, "how CPU time is shared between sessions"),
    (Part::Machine, "security_modules", true, "hooks at every system call that names an object"),
    (Part::Build, "target", true, "another instruction set or C library"),
    (Part::Build, "target_features", true, "other instructions"),
    (Part::Build, "libc", false, "mutexes, semaphores and copying are its code"),
    (Part::Build, "rustc", false, "another compiler, and another standard library"),
    (Part::Machine, "pipe_max_size_bytes", false, "how much a pipe may hold"),
    (Part::Machine, "loopback_mtu_bytes", false, "how many packets a message is"),
    (Part::Machine, "tcp_congestion_control", false, "when TCP sends"),
    (Part::Machine, "aslr", false, "layout of memory changes between launches"),
    (Part::Machine, "memory_total_bytes", false, "what fits without swapping"),
];

/// What differs between records, but is no property of the environment, in order, after the above.
const OF_THE_RUN: [(&str, &str); 5] = [
    ("suite", "what a cell measures may have changed: see the changelog"),
    ("revision", "another build of the suite: often what is being compared"),
    ("front_end", "launches or one process: intervals span different things"),
    ("profile", "other cells, other numbers of launches"),
    ("launches", "the more, the narrower the interval"),
];

/// What changed between the starts of a run: some of its launches are of another environment than its header's.
const RESUMED: (&str, &str) =
    ("resumed under", "some launches were measured under other conditions than the record's header tells");

/// A condition is told of when it differs by this much: load of the last minute and time that tasks waited differ always.
const CONDITIONS: [(&str, f64, &str); 3] = [
    ("load_average_1min", 0.5, "other work was running when the run began"),
    ("pressure_cpu_percent", 5.0, "tasks waited for a CPU when the run began"),
    ("mains_power", 1.0, "batteries slow processors down"),
];

/// All that differs, the most influential first.
pub fn differences(sources: &[&Source]) -> Vec<Difference> {
    let headers: Vec<&Header> = sources.iter().map(|source| &source.record.header).collect();
    let mut all = Vec::new();
    let mut add = |fact: &str, why: &str, decides: bool, values: Vec<String>| {
        if values.windows(2).any(|pair| pair[0] != pair[1]) {
            all.push(Difference { fact: fact.into(), why: why.into(), decides, values });
        }
    };
    for (part, key, decides, why) in INFLUENCE {
        add(key, why, *decides, headers.iter().map(|header| said(part_of(header, *part).get(*key))).collect());
    }
    for name in names(&headers, |header| &header.machine) {
        let listed = INFLUENCE.iter().any(|(part, key, ..)| *part == Part::Machine && *key == name);
        if !listed && name != "fingerprint" {
            add(&name, "", false, headers.iter().map(|header| said(header.machine.get(&name))).collect());
        }
    }
    add(RESUMED.0, RESUMED.1, true, sources.iter().map(|source| resumed(source)).collect());
    for (key, why) in OF_THE_RUN {
        add(key, why, false, sources.iter().map(|source| of_the_run(source, key)).collect());
    }
    for (key, least, why) in CONDITIONS {
        let numbers: Vec<f64> = headers.iter().filter_map(|header| number(header.conditions.get(key)?)).collect();
        let spread = numbers.iter().fold(f64::MIN, |a, b| a.max(*b)) - numbers.iter().fold(f64::MAX, |a, b| a.min(*b));
        if spread >= least {
            add(key, why, false, headers.iter().map(|header| said(header.conditions.get(key))).collect());
        }
    }
    for id in findings(&headers) {
        let seen = |header: &&Header| header.findings.iter().any(|finding| finding.id == id);
        let values = headers.iter().map(|header| if seen(header) { "found" } else { "–" }.to_owned()).collect();
        add(&format!("doctor: {id}"), "the doctor's finding before the run", false, values);
    }
    for key in names(&headers, |header| &header.tags) {
        let of = |header: &&Header| header.tags.get(&key).cloned().unwrap_or_else(|| "–".into());
        add(&format!("tag: {key}"), "attached by who measured", false, headers.iter().map(of).collect());
    }
    all
}

/// Why two records are not of the same environment, in order of influence; empty: they are, as far as is known.
///
/// Records that do not say on which processor, kernel and build they were taken are of no known environment.
pub fn distance(a: &Source, b: &Source) -> Vec<String> {
    if a.origin == Origin::Criterion && crate::criterion::of_one_tree(&a.path, &b.path) {
        return Vec::new();
    }
    for source in [a, b] {
        if source.origin == Origin::Criterion {
            return vec!["criterion's files do not tell the machine".into()];
        }
        for key in ["cpu_model_name", "kernel_release"] {
            if crate::words::fact(&source.record.header.machine, key).is_none() {
                return vec![format!("a record does not tell its {key}")];
            }
        }
    }
    differences(&[a, b]).into_iter().filter(|difference| difference.decides).map(|found| found.fact).collect()
}

/// What differs between two records of one environment and may move numbers nevertheless; the revision is left out, as it is often
/// what is being compared.
pub(super) fn beside(sources: &[&Source], one: usize, other: usize) -> Vec<String> {
    let known =
        |fact: &str| INFLUENCE.iter().any(|(_, key, ..)| *key == fact) || ["suite", "front_end"].contains(&fact);
    let found = differences(&[sources[one], sources[other]]).into_iter();
    found.filter(|found| !found.decides && known(&found.fact)).map(|found| against(&found, &[0], &[1])).collect()
}

/// What differs between the records of two levels of a treatment besides the treatment: where both have the same values, however
/// they are spread, it is no reason for a difference between them.
pub(super) fn confounders(sources: &[&Source], one: &[usize], other: &[usize], treatment: &str) -> Vec<String> {
    let records: Vec<&Source> = one.iter().chain(other).map(|record| sources[*record]).collect();
    let (ones, others): (Vec<usize>, Vec<usize>) = (0..records.len()).partition(|place| *place < one.len());
    let values = |found: &Difference, places: &[usize]| -> BTreeSet<String> {
        places.iter().map(|place| found.values[*place].clone()).collect()
    };
    let of_interest = |found: &Difference| {
        let fact = found.fact.strip_prefix("tag: ").unwrap_or(&found.fact);
        fact != treatment && !found.why.is_empty() && !["profile", "launches"].contains(&fact)
    };
    let found = differences(&records).into_iter().filter(of_interest);
    found
        .filter(|found| values(found, &ones) != values(found, &others))
        .map(|found| against(&found, &ones, &others))
        .collect()
}

/// `rustc (1.94 against 1.95)`, or the fact alone where its values are long.
fn against(found: &Difference, ones: &[usize], others: &[usize]) -> String {
    const LONGEST: usize = 40;
    let values = |places: &[usize]| {
        let mut values: Vec<&str> = places.iter().map(|place| found.values[*place].as_str()).collect();
        values.sort_unstable();
        values.dedup();
        values.join(", ")
    };
    let (one, other) = (values(ones), values(others));
    if one.len().max(other.len()) > LONGEST {
        return found.fact.clone();
    }
    format!("{} ({other} against {one})", found.fact)
}

fn resumed(source: &Source) -> String {
    let changed: Vec<&str> =
        source.record.resumed.iter().flat_map(|start| &start.changed).map(String::as_str).collect();
    if changed.is_empty() { "–".into() } else { changed.join("; ") }
}

fn part_of(header: &Header, part: Part) -> &BTreeMap<String, Value> {
    match part {
        Part::Build => &header.build,
        Part::Machine => &header.machine,
    }
}

/// The value in words, whether it stands for itself or with its source. A reason why it is missing may name a path that
/// differs between runs, so what is missing is `unknown` and nothing more.
pub(super) fn said(fact: Option<&Value>) -> String {
    let value = |fact: &Value| match fact.as_object() {
        Some(map) if map.contains_key("missing") => None,
        Some(map) => Some(map.get("value").map_or_else(|| fact.to_string(), value_text)),
        None => Some(value_text(fact)),
    };
    fact.and_then(value).unwrap_or_else(|| "unknown".into())
}

fn number(fact: &Value) -> Option<f64> {
    let value = fact.get("value")?;
    value.as_f64().or_else(|| value.as_bool().map(|set| f64::from(u8::from(set))))
}

pub(super) fn of_the_run(source: &Source, key: &str) -> String {
    let header = &source.record.header;
    match key {
        "suite" => header.suite.clone(),
        "revision" => crate::words::revision(&header.revision),
        "front_end" => match source.origin {
            Origin::Criterion => "criterion".into(),
            Origin::Record => {
                serde_json::to_value(header.front_end).map_or_else(|_| "unknown".into(), |v| value_text(&v))
            }
        },
        "profile" => header.profile.clone(),
        "launches" => header.selection.launches.to_string(),
        _ => "unknown".into(),
    }
}

fn names<T>(headers: &[&Header], of: fn(&Header) -> &BTreeMap<String, T>) -> Vec<String> {
    let mut names: Vec<String> = headers.iter().flat_map(|header| of(header).keys().cloned()).collect();
    names.sort();
    names.dedup();
    names
}

fn findings(headers: &[&Header]) -> Vec<String> {
    let mut ids: Vec<String> =
        headers.iter().flat_map(|h| h.findings.iter().map(|finding| finding.id.clone())).collect();
    ids.sort();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::source;
    use crate::made_up::Run;
    use serde_json::json;

    #[test]
    fn two_runs_on_one_machine_are_of_one_environment() {
        let (a, b) = (source(Run::default()), source(Run { seed: 1, ..Run::default() }));
        assert_eq!(distance(&a, &b), Vec::<String>::new());
        assert!(differences(&[&a, &b]).is_empty(), "{:?}", differences(&[&a, &b]));
    }

    #[test]
    fn only_what_differs_is_listed_and_the_most_influential_first() {
        let (a, b) = (source(Run::default()), source(Run { machine: 2, ..Run::default() }));
        let found = differences(&[&a, &b]);
        let place = |fact: &str| found.iter().position(|found| found.fact == fact);
        assert!(place("hypervisor") < place("cpu_model_name"), "{found:?}");
        assert!(place("cpu_model_name") < place("kernel_release"));
        assert!(
            place("cpufreq_policies").is_some() && place("clocksource").is_none() && place("kernel_tick_hz").is_none()
        );
        assert_eq!(distance(&a, &b)[0], "hypervisor");
    }

    #[test]
    fn a_change_of_governor_is_another_environment_and_another_compiler_is_none() {
        let a = source(Run::default());
        let mut governor = a.clone();
        governor.record.header.machine.insert("cpufreq_policies".into(), json!({"value": "slow", "source": "x"}));
        assert_eq!(distance(&a, &governor), ["cpufreq_policies"]);
        let mut compiler = a.clone();
        compiler.record.header.build.insert("rustc".into(), json!("rustc 2.0.0"));
        assert!(distance(&a, &compiler).is_empty());
        assert_eq!(differences(&[&a, &compiler])[0].fact, "rustc");
    }

    #[test]
    fn who_does_not_tell_the_machine_is_of_no_known_environment() {
        let mut a = source(Run::default());
        a.record.header.machine.clear();
        assert_eq!(distance(&a, &a.clone()), ["a record does not tell its cpu_model_name"]);
    }
}
