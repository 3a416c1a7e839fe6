//! The doctor's checks: each seen finding what it looks for, and silent where there is nothing; over fixture machines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::LazyLock;

use ipcmark_harness::doctor::{CHECKS, Exam, Finding, Later, Request, Severity, changes, examine};
use ipcmark_harness::machine::{Fact, Facts};
use serde_json::{Value, json};

mod common;

use common::{FIXTURES, Machine};

fn request() -> Request {
    Request {
        cpus: vec![2, 3],
        at_once: 2,
        unoptimised: None,
        architecture: "x86_64".to_owned(),
        clock_cost_ns: 25.0,
        clock_precision_ns: 1.0,
    }
}

fn quiet_probes() -> BTreeMap<String, Value> {
    let numbers = [
        ("jitter_p50_ns", 25.0),
        ("jitter_p99_ns", 30.0),
        ("jitter_p999_ns", 900.0),
        ("jitter_max_ns", 40_000.0),
        ("jitter_spun_s", 5.0),
        ("jitter_backwards_count", 0.0),
        ("aa_noise_share", 0.01),
        ("aa_launches", 10.0),
    ];
    numbers.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

fn set(facts: &mut Facts, name: &str, value: Value) {
    let source = facts[name].source().to_owned();
    facts.insert(name.to_owned(), Fact::Known { value, source });
}

fn exam_of(fixture: &str) -> Exam {
    let mut exam = Exam::read(&Machine::fixture(fixture).root, request());
    exam.probes = quiet_probes();
    exam
}

/// A server on which nothing is amiss: the two-socket fixture, tuned. Between its two readings ten seconds have passed.
fn tuned() -> Exam {
    static TUNED: LazyLock<Exam> = LazyLock::new(tune);
    TUNED.clone()
}

fn tune() -> Exam {
    let mut exam = exam_of("two-socket-server");
    for (name, value) in [
        ("cpufreq_policies", json!([{"cpus": "0-15", "governor": "performance", "energy_preference": "performance"}])),
        ("nohz_full_cpus_list", json!("2-3")),
        ("cpuidle_states", json!([{"cpus": "0-15", "states": [{"name": "C6", "latency_us": 170, "disabled": true}]}])),
        ("throttle_count", json!({"core": 0, "package": 0})),
        ("interrupts_by_cpu", json!([{"cpu": 2, "count": 1000}, {"cpu": 3, "count": 1000}])),
        ("security_modules", json!(["lockdown", "capability", "yama"])),
        ("smt_active", json!(false)),
        ("mains_power", json!(true)),
        ("core_types", json!({"capacity_1024": "0-15"})),
        ("ksm_running", json!(false)),
        ("user_hz", json!(100)),
    ] {
        set(&mut exam.facts, name, value);
    }
    let mut later = exam.facts.clone();
    let uptime = exam.facts["uptime_seconds"].number().unwrap();
    set(&mut later, "uptime_seconds", json!(uptime + 10.0));
    exam.later = Some(Later { facts: later, own_cpu_ns: 0 });
    exam
}

fn found(exam: &Exam, id: &str) -> Option<Finding> {
    examine(exam).into_iter().find(|finding| finding.id == id)
}

/// A check's name, how grave what it finds is, and what brings it about.
type Ailment = (&'static str, Severity, fn(&mut Exam));

/// What makes each check speak on the tuned server, and how grave that is.
fn ailments() -> Vec<Ailment> {
    use Severity::{Flag, Note, Refuse};
    vec![
        ("debug-build", Refuse, |exam| exam.request.unoptimised = Some("opt-level 0".to_owned())),
        ("tracing", Refuse, |exam| set(&mut exam.facts, "tracer_pid", json!(7))),
        ("emulation", Refuse, |exam| set(&mut exam.facts, "emulators", json!(["qemu"]))),
        ("clock", Refuse, |exam| set(&mut exam.facts, "clocksource", json!("hpet"))),
        ("clock-backwards", Refuse, |exam| _ = exam.probes.insert("jitter_backwards_count".to_owned(), json!(2))),
        ("clock-cost", Flag, |exam| exam.request.clock_cost_ns = 800.0),
        ("placement", Refuse, |exam| set(&mut exam.facts, "cpus_allowed_list", json!("0-2"))),
        ("cpu-quota", Refuse, |exam| set(&mut exam.facts, "cgroup_cpu_quota_cpus", json!(1.5))),
        ("hypervisor", Flag, |exam| set(&mut exam.facts, "hypervisor", json!("kvm"))),
        ("steal", Flag, |exam| grow(exam, "cpu_steal_jiffies", 3)),
        ("jitter", Flag, |exam| _ = exam.probes.insert("jitter_max_ns".to_owned(), json!(2e6))),
        ("a-a-noise", Flag, |exam| _ = exam.probes.insert("aa_noise_share".to_owned(), json!(0.07))),
        ("load", Flag, |exam| set(&mut exam.facts, "load_average_1min", json!(1.5))),
        ("pressure", Flag, |exam| set(&mut exam.facts, "pressure_memory_percent", json!(6.0))),
        ("foreign-work", Flag, |exam| grow(exam, "cpu_busy_jiffies", 200)),
        ("smt-sibling", Flag, |exam| jiffies_of(exam, 10, 100)),
        ("isolation", Flag, |exam| set(&mut exam.facts, "isolated_cpus_list", json!("2"))),
        ("interrupts", Flag, |exam| {
            let counts = json!([{"cpu": 2, "count": 1000}, {"cpu": 3, "count": 41_000}]);
            set(&mut exam.later.as_mut().unwrap().facts, "interrupts_by_cpu", counts);
        }),
        ("mixed-cores", Flag, |exam| set(&mut exam.facts, "core_types", json!({"cpu_core": "0-2", "cpu_atom": "3-7"}))),
        ("governor", Flag, |exam| {
            let policies =
                json!([{"cpus": "0-1", "governor": "performance"}, {"cpus": "2-3", "governor": "powersave"}]);
            set(&mut exam.facts, "cpufreq_policies", policies);
        }),
        ("energy-preference", Flag, |exam| {
            let policies = json!([{"cpus": "0-15", "governor": "performance", "energy_preference": "power"}]);
            set(&mut exam.facts, "cpufreq_policies", policies);
        }),
        ("turbo", Flag, |exam| set(&mut exam.facts, "turbo_enabled", json!(true))),
        ("frequency-drift", Flag, |exam| {
            let khz = json!([{"cpu": 2, "khz": 3_198_000}, {"cpu": 3, "khz": 2_000_000}]);
            set(&mut exam.later.as_mut().unwrap().facts, "cpu_current_khz", khz);
        }),
        ("throttling", Flag, |exam| {
            set(&mut exam.later.as_mut().unwrap().facts, "throttle_count", json!({"core": 4, "package": 0}));
        }),
        ("battery", Flag, |exam| set(&mut exam.facts, "mains_power", json!(false))),
        ("idle-states", Flag, |exam| {
            let states = json!([{"cpus": "0-15", "states": [{"name": "C1", "latency_us": 2, "disabled": false},
                                                            {"name": "C6", "latency_us": 170, "disabled": false}]}]);
            set(&mut exam.facts, "cpuidle_states", states);
        }),
        ("halt-polling", Note, |exam| set(&mut exam.facts, "guest_halt_poll_ns", json!(200_000))),
        ("huge-pages", Flag, |exam| set(&mut exam.facts, "transparent_huge_pages", json!("always"))),
        ("page-merging", Flag, |exam| set(&mut exam.facts, "ksm_running", json!(true))),
        ("numa-balancing", Flag, |exam| set(&mut exam.facts, "numa_balancing", json!(1))),
        ("swap", Flag, |exam| set(&mut exam.later.as_mut().unwrap().facts, "swap_used_bytes", json!(4096))),
        ("security-modules", Flag, |exam| set(&mut exam.facts, "security_modules", json!(["yama", "apparmor"]))),
        ("seccomp", Flag, |exam| set(&mut exam.facts, "seccomp", json!(2))),
        ("realtime-throttling", Flag, |exam| set(&mut exam.facts, "scheduling_policy", json!("fifo"))),
        ("scheduling", Note, |exam| set(&mut exam.facts, "nice", json!(5))),
        ("lock-debugging", Flag, |exam| set(&mut exam.facts, "kernel_debug_options", json!(["KASAN"]))),
        ("bpf-scheduler", Flag, |exam| set(&mut exam.facts, "sched_ext_state", json!("enabled"))),
        ("container", Note, |exam| set(&mut exam.facts, "container_hints", json!(["/.dockerenv"]))),
        ("mitigations", Note, |exam| set(&mut exam.facts, "kernel_command_line", json!("quiet mitigations=off"))),
        ("taint", Note, |exam| set(&mut exam.facts, "kernel_tainted", json!(4096))),
        ("smt", Note, |exam| set(&mut exam.facts, "smt_active", json!(true))),
        ("locked-memory", Note, |exam| {
            set(&mut exam.facts, "rlimit_memlock_bytes", json!({"soft": 65536, "hard": 65536}));
        }),
        ("counters", Note, |exam| set(&mut exam.facts, "perf_event_paranoid", json!(4))),
    ]
}

fn grow(exam: &mut Exam, name: &str, by: u64) {
    let before = exam.facts[name].value().unwrap().as_u64().unwrap();
    set(&mut exam.later.as_mut().unwrap().facts, name, json!(before + by));
}

fn jiffies_of(exam: &mut Exam, cpu: usize, busy: u64) {
    let mut list = exam.facts["cpu_jiffies_by_cpu"].value().unwrap().clone();
    list[cpu]["busy"] = json!(list[cpu]["busy"].as_u64().unwrap() + busy);
    set(&mut exam.later.as_mut().unwrap().facts, "cpu_jiffies_by_cpu", list);
}

#[test]
fn a_tuned_server_has_no_finding_but_what_the_probes_have_seen() {
    let findings = examine(&tuned());
    let ids: Vec<(&str, Severity)> = findings.iter().map(|finding| (finding.id.as_str(), finding.severity)).collect();
    assert_eq!(ids, [("jitter", Severity::Note), ("a-a-noise", Severity::Note)], "{findings:#?}");
}

#[test]
fn every_check_is_seen_finding_what_it_looks_for() {
    let tried: BTreeSet<&str> = ailments().iter().map(|(id, ..)| *id).collect();
    assert_eq!(tried, CHECKS.iter().map(|check| check.id).collect::<BTreeSet<_>>());
    for (id, severity, ailment) in ailments() {
        let mut exam = tuned();
        ailment(&mut exam);
        let finding = found(&exam, id).unwrap_or_else(|| panic!("{id} found nothing"));
        assert_eq!(finding.severity, severity, "{finding:?}");
        assert!(!finding.seen.is_empty() && !finding.why.is_empty(), "{finding:?}");
        assert!(finding.restore.is_none() || finding.improve.is_some(), "{finding:?}");
    }
}

#[test]
fn findings_name_the_path_and_restore_the_present_value() {
    let mut exam = tuned();
    ailments()
        .into_iter()
        .filter(|(id, ..)| ["governor", "numa-balancing", "turbo"].contains(id))
        .for_each(|(_, _, f)| f(&mut exam));
    let numa = found(&exam, "numa-balancing").unwrap();
    assert_eq!(numa.seen, "mode 1 (/proc/sys/kernel/numa_balancing)");
    assert_eq!(numa.improve.as_deref(), Some("echo 0 | sudo tee /proc/sys/kernel/numa_balancing"));
    assert_eq!(numa.restore.as_deref(), Some("echo 1 | sudo tee /proc/sys/kernel/numa_balancing"));
    let governor = found(&exam, "governor").unwrap();
    assert!(governor.seen.starts_with("`powersave` on CPUs 2-3 ("), "{governor:?}");
    let turbo = found(&exam, "turbo").unwrap();
    assert_eq!(turbo.improve.as_deref(), Some("echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"));
    let of_intel = flags_of("two-socket-server", |exam| set(&mut exam.facts, "turbo_enabled", json!(true)));
    let turbo = of_intel.into_iter().find(|finding| finding.id == "turbo").unwrap();
    assert_eq!(turbo.restore.as_deref(), Some("echo 0 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"));
    let file = |cpu: usize| format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor");
    assert_eq!(governor.restore, Some(format!("echo powersave | sudo tee {} {}", file(2), file(3))));
}

#[test]
fn findings_come_with_the_gravest_first() {
    for fixture in FIXTURES {
        let findings = examine(&exam_of(fixture));
        assert!(findings.is_sorted_by_key(|finding| finding.severity), "{fixture}: {findings:#?}");
    }
}

#[test]
fn what_cannot_be_read_is_said_to_be_unchecked_and_why() {
    let mut exam = tuned();
    let source = "/sys/devices/system/cpu/cpufreq/policy*".to_owned();
    exam.facts.insert("cpufreq_policies".to_owned(), Fact::Missing { missing: "no such directory".to_owned(), source });
    let unchecked = found(&exam, "not-checked").unwrap();
    assert_eq!(unchecked.severity, Severity::Note);
    assert!(unchecked.seen.contains("governor, energy-preference: no such directory"), "{unchecked:?}");
}

/// The refusals and flags of a fixture machine as it is.
fn flags_of(fixture: &str, change: impl Fn(&mut Exam)) -> Vec<Finding> {
    let mut exam = exam_of(fixture);
    change(&mut exam);
    let grave = |finding: &Finding| finding.severity != Severity::Note;
    examine(&exam).into_iter().filter(grave).collect()
}

fn flags(fixture: &str, change: impl Fn(&mut Exam)) -> Vec<String> {
    flags_of(fixture, change).into_iter().map(|finding| finding.id).collect()
}

#[test]
fn the_server_as_it_is_has_its_governor_and_idle_states_flagged() {
    let flags = flags("two-socket-server", |_| ());
    assert!(
        ["isolation", "idle-states", "security-modules"].iter().all(|id| flags.contains(&(*id).to_owned())),
        "{flags:?}"
    );
    assert!(!flags.contains(&"hypervisor".to_owned()), "{flags:?}");
}

#[test]
fn the_laptop_is_told_of_its_battery_its_kinds_of_core_and_its_turbo() {
    let flags = flags("hybrid-laptop", |exam| exam.request.cpus = vec![2, 4]);
    assert!(
        ["battery", "mixed-cores", "turbo", "swap", "load"].iter().all(|id| flags.contains(&(*id).to_owned())),
        "{flags:?}"
    );
}

#[test]
fn the_board_is_not_taken_for_an_emulator_unless_a_program_for_another_processor_runs_on_it() {
    let native = flags("arm-board", |exam| exam.request.architecture = "aarch64".to_owned());
    assert!(!native.contains(&"emulation".to_owned()), "{native:?}");
    assert!(flags("arm-board", |_| ()).contains(&"emulation".to_owned()));
}

#[test]
fn the_guest_is_flagged_as_one() {
    assert!(flags("kvm-2cpu", |exam| exam.request.cpus = vec![0, 1]).contains(&"hypervisor".to_owned()));
}

#[test]
fn the_container_is_refused_for_its_quota_and_flagged_for_its_filter() {
    let flags = flags("container-with-quota", |exam| exam.request.cpus = vec![3]);
    assert!(["cpu-quota", "seccomp"].iter().all(|id| flags.contains(&(*id).to_owned())), "{flags:?}");
    let one_at_a_time = |exam: &mut Exam| (exam.request.cpus, exam.request.at_once) = (vec![3], 1);
    assert!(!self::flags("container-with-quota", one_at_a_time).contains(&"cpu-quota".to_owned()));
}

#[test]
fn an_emulator_is_seen_by_what_is_mapped_and_a_tracer_by_its_number() {
    let fixture =
        fs::read_to_string(format!("{}/tests/fixtures/machines/arm-board.txt", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let maps = "/proc/thread-self/maps:0-1 r-xp 0 fe:00 1 /usr/libexec/valgrind/memcheck-arm64-linux\n";
    let traced = fixture.replace("TracerPid:\t0", "TracerPid:\t4712");
    let machine = Machine::unpack(&format!("{traced}{maps}"));
    let request = Request { architecture: "aarch64".to_owned(), cpus: vec![1], ..request() };
    let exam = Exam::read(&machine.root, request);
    assert!(found(&exam, "emulation").unwrap().seen.contains("valgrind"));
    assert!(found(&exam, "tracing").unwrap().seen.contains("process 4712"));
}

#[test]
fn an_empty_machine_is_examined_without_panic() {
    let exam = Exam::read(&Machine::unpack("").root, request());
    assert!(examine(&exam).iter().any(|finding| finding.id == "not-checked"));
}

#[test]
fn changes_name_what_came_what_went_and_what_got_graver() {
    let finding = |id: &str, severity: Severity, seen: &str| Finding {
        id: id.to_owned(),
        severity,
        seen: seen.to_owned(),
        why: String::new(),
        improve: None,
        restore: None,
    };
    let before = [finding("load", Severity::Flag, "2.0"), finding("jitter", Severity::Note, "40 µs")];
    let after = [
        finding("throttling", Severity::Flag, "3 times"),
        finding("jitter", Severity::Flag, "2 ms"),
        finding("smt", Severity::Note, "on"),
    ];
    assert_eq!(
        changes(&before, &after),
        ["throttling: 3 times; not so before", "jitter: 2 ms; before: 40 µs", "load: no longer; before: 2.0"]
    );
}
