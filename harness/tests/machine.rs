//! Machine facts, conditions and placements, over fixture machines and the one that runs the test.

use ipcmark_harness::machine::{
    CpuTimes, Facts, Kind, Root, conditions, cpu_times, fingerprint, keys, machine, machine_name,
};
use ipcmark_harness::placement::{Placement, Topology, parse_cpu_list};
use serde_json::{Value, json};
use std::collections::BTreeSet;

mod common;

use common::{FIXTURES, Machine};

impl Machine {
    fn facts(&self) -> Facts {
        let mut facts = machine(&self.root);
        facts.extend(conditions(&self.root));
        facts
    }

    fn topology(&self, allowed: &str) -> Topology {
        Topology::read(&self.root, &parse_cpu_list(allowed).unwrap())
    }
}

fn value(facts: &Facts, name: &str) -> Value {
    let fact = facts.get(name).unwrap_or_else(|| panic!("no key `{name}`"));
    fact.value().unwrap_or_else(|| panic!("`{name}` is missing: {:?}", fact.missing())).clone()
}

fn reason(facts: &Facts, name: &str) -> String {
    facts[name].missing().unwrap_or_else(|| panic!("`{name}` is known: {:?}", facts[name])).to_owned()
}

/// Checks several facts of one machine at once.
fn expect(facts: &Facts, expected: &[(&str, Value)]) {
    for (name, wanted) in expected {
        assert_eq!(value(facts, name), *wanted, "{name}");
    }
}

#[test]
fn every_key_is_unique_documented_and_read() {
    let names: BTreeSet<&str> = keys().iter().map(|key| key.name).collect();
    assert_eq!(names.len(), keys().len());
    for name in FIXTURES {
        assert_eq!(Machine::fixture(name).facts().keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
    }
    for key in keys() {
        let plain = key.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        assert!(plain && !key.meaning.is_empty() && !key.source.is_empty(), "{key:?}");
        assert!(!(key.identity && key.kind == Kind::Conditions), "{} changes by itself", key.name);
    }
}

#[test]
fn no_fact_holds_the_host_name() {
    for name in FIXTURES {
        let fixture = Machine::fixture(name);
        let host = fixture.root.read("/proc/sys/kernel/hostname").unwrap();
        let written = serde_json::to_string(&fixture.facts()).unwrap();
        assert!(!written.contains(host.split('.').next().unwrap()), "{name}: {written}");
    }
}

#[test]
fn a_missing_fact_names_the_path_and_the_error() {
    let facts = Machine::fixture("container-with-quota").facts();
    let expected = "cannot read /sys/class/net/lo/mtu: No such file or directory (os error 2)";
    assert_eq!(reason(&facts, "loopback_mtu_bytes"), expected);
    let empty = Machine::unpack("");
    let known: Vec<String> = empty.facts().into_iter().filter(|(_, f)| f.value().is_some()).map(|(n, _)| n).collect();
    // The one is a system call, the other a list of signs, of which there are none.
    assert_eq!(known, ["container_hints", "user_hz"]);
}

#[test]
fn the_server_shows_its_hardware() {
    let facts = Machine::fixture("two-socket-server").facts();
    let cache = |level: u64, size_bytes: u64, sharing: u64, count: u64| {
        json!({"level": level, "kind": "unified", "size_bytes": size_bytes,
               "cpus_sharing_count": sharing, "caches_count": count})
    };
    expect(
        &facts,
        &[
            ("cpu_vendor", json!("GenuineIntel")),
            ("cpu_model", json!(106)),
            ("cpu_microcode", json!("0xd0003d1")),
            ("cpus_online_count", json!(16)),
            ("packages_count", json!(2)),
            ("cores_count", json!(8)),
            ("smt_active", json!(true)),
            ("numa_nodes", json!({"node0": "0-3,8-11", "node1": "4-7,12-15"})),
            ("numa_distances", json!([[10, 20], [20, 10]])),
            ("caches", json!([cache(2, 1310720, 2, 8), cache(3, 50331648, 8, 2)])),
            ("hypervisor", json!("none")),
            ("system_product", json!("Dell Inc. PowerEdge R650")),
            ("memory_total_bytes", json!(527955000_u64 * 1024)),
            ("throttle_count", json!({"core": 0, "package": 32})),
            (
                "temperature_millidegrees",
                json!({"thermal_zone0 x86_pkg_temp": 41000, "thermal_zone1 x86_pkg_temp": 39000}),
            ),
        ],
    );
    assert_eq!(value(&facts, "cpu_features")["invariant_tsc"], json!(true));
    assert_eq!(value(&facts, "cpu_features")["amx"], json!(false));
    assert_eq!(machine_name(&facts), "intel-xeon-gold-6338-16cpu");
}

#[test]
fn the_server_shows_its_kernel_and_power_settings() {
    let facts = Machine::fixture("two-socket-server").facts();
    expect(
        &facts,
        &[
            ("kernel_preemption", json!("voluntary")),
            ("kernel_tick_hz", json!(1000)),
            ("kernel_debug_options", json!([])),
            ("isolated_cpus_list", json!("2-3")),
            ("nohz_full_cpus_list", json!("")),
            ("rcu_nocbs_cpus_list", json!("2-3")),
            ("transparent_huge_pages", json!("madvise")),
            ("security_modules", json!(["lockdown", "capability", "landlock", "yama", "apparmor"])),
            ("cgroup_cpu_quota_cpus", json!("unlimited")),
            ("turbo_enabled", json!(false)),
        ],
    );
    let policies = value(&facts, "cpufreq_policies");
    assert_eq!((policies[0]["cpus"].clone(), policies[1].clone()), (json!("0-15"), Value::Null));
    assert_eq!(policies[0]["base_khz"], json!(2000000));
    let idle = value(&facts, "cpuidle_states");
    assert_eq!(idle[0]["states"][2], json!({"name": "C6", "latency_us": 170, "residency_us": 600, "disabled": false}));
    assert_eq!((idle[1]["cpus"].clone(), idle[1]["states"][2]["disabled"].clone()), (json!("1"), json!(true)));
}

#[test]
fn ipc_limits_are_numbers() {
    let facts = Machine::fixture("two-socket-server").facts();
    expect(
        &facts,
        &[
            ("pipe_max_size_bytes", json!(1048576)),
            ("posix_mq_depth_max_messages", json!(10)),
            ("sysv_semaphores", json!({"semmsl": 32000, "semmns": 1024000000, "semopm": 500, "semmni": 32000})),
            ("sysv_shm_segment_max_bytes", json!(18446744073692774399_u64)),
            ("tcp_receive_bytes", json!([4096, 131072, 6291456])),
            ("unix_datagram_queue_max_datagrams", json!(512)),
            ("rlimit_nofile", json!({"soft": 1024, "hard": 524288})),
            ("rlimit_msgqueue_bytes", json!({"soft": 819200, "hard": 819200})),
        ],
    );
}

#[test]
fn the_laptop_shows_its_kinds_of_core_and_its_battery() {
    let facts = Machine::fixture("hybrid-laptop").facts();
    expect(
        &facts,
        &[
            ("core_types", json!({"cpu_core": "0-3", "cpu_atom": "4-7"})),
            ("cores_count", json!(6)),
            ("kernel_preemption", json!("full")),
            ("turbo_enabled", json!(true)),
            ("mains_power", json!(false)),
            ("swap_used_bytes", json!(388604 * 1024)),
            ("load_average_1min", json!(1.52)),
            ("pressure_cpu_percent", json!(1.25)),
        ],
    );
    let policies = value(&facts, "cpufreq_policies");
    assert_eq!((policies[0]["cpus"].clone(), policies[1]["cpus"].clone()), (json!("0-3"), json!("4-7")));
    assert_eq!(machine_name(&facts), "12th-gen-intel-core-i5-1235u-8cpu");
}

#[test]
fn the_board_says_what_it_lacks() {
    let facts = Machine::fixture("arm-board").facts();
    expect(
        &facts,
        &[
            ("cpu_model_name", json!("Arm Cortex-A72")),
            ("cpu_model", json!(0xd08)),
            ("system_product", json!("Raspberry Pi 4 Model B Rev 1.4")),
            ("core_types", json!({"capacity_1024": "0-3"})),
            ("kernel_preemption", json!("full")),
            ("clocksource", json!("arch_sys_counter")),
            (
                "kernel_command_line",
                json!("console=tty1 root=PARTUUID=0-02 rootwait ip=10.0.0.9:::255.255.255.0:[host]:eth0:off"),
            ),
        ],
    );
    assert_eq!(value(&facts, "cpu_features")["lse_atomics"], json!(false));
    assert_eq!(reason(&facts, "cpu_microcode"), "/proc/cpuinfo has no line `microcode`");
    assert!(reason(&facts, "hypervisor").contains("only x86"));
    assert!(reason(&facts, "turbo_enabled").contains("cpufreq/boost"));
    assert_eq!(machine_name(&facts), "arm-cortex-a72-4cpu");
}

#[test]
fn the_guest_names_its_hypervisor_without_dmi() {
    let facts = Machine::fixture("kvm-2cpu").facts();
    expect(
        &facts,
        &[
            ("hypervisor", json!("kvm")),
            ("cgroup_cpu_quota_cpus", json!("unlimited")),
            ("cpu_steal_jiffies", json!(62)),
            ("guest_halt_poll_ns", json!(0)),
            ("kernel_preemption", json!("dynamic")),
        ],
    );
    assert!(reason(&facts, "kernel_tick_hz").contains("/proc/config.gz"));
    assert!(reason(&facts, "cpufreq_policies").contains("cpufreq"));
    assert_eq!(machine_name(&facts), "intel-xeon-processor-2cpu-kvm");
}

#[test]
fn the_container_shows_its_quota_and_filter() {
    let facts = Machine::fixture("container-with-quota").facts();
    expect(
        &facts,
        &[
            ("cgroup_cpu_quota_cpus", json!(1.5)),
            ("seccomp", json!(2)),
            ("cpus_allowed_count", json!(1)),
            ("cpus_online_count", json!(8)),
            ("hypervisor", json!("unknown")),
            ("container_hints", json!(["/.dockerenv", "cgroup kubepods", "cgroup containerd"])),
            ("kernel_release", json!("6.1.0-25-cloud-[host]")),
        ],
    );
}

#[test]
fn a_cgroup_path_outside_its_namespace_is_not_followed() {
    let outside = Machine::unpack("/proc/self/cgroup:0::/../../other\n/sys/fs/cgroup/cpu.max:50000 100000");
    assert_eq!(value(&outside.facts(), "cgroup_cpu_quota_cpus"), json!(0.5));
}

#[test]
fn fingerprints_tell_machines_apart() {
    let prints: BTreeSet<String> = FIXTURES.iter().map(|name| fingerprint(&Machine::fixture(name).facts())).collect();
    assert_eq!(prints.len(), FIXTURES.len());
}

#[test]
fn facts_survive_a_record() {
    let facts = Machine::fixture("two-socket-server").facts();
    let back: Facts = serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
    assert_eq!((fingerprint(&back), back), (fingerprint(&facts), facts));
}

#[test]
fn cpu_times_are_summed_over_the_given_cpus() {
    let guest = Machine::fixture("kvm-2cpu");
    let [zero, one, both, all] = [&[0][..], &[1], &[0, 1], &[]].map(|cpus| cpu_times(&guest.root, cpus).unwrap());
    assert_eq!(zero + one, both);
    assert_eq!(both, all);
    // 31 jiffies of 10 ms.
    assert_eq!(zero.steal_ns, 310_000_000);
    assert_eq!(both.since(&both), CpuTimes::default());
    assert!(cpu_times(&guest.root, &[2]).unwrap_err().contains("`cpu2`"));
}

#[test]
fn the_server_has_every_placement_but_cross_cache() {
    let topology = Machine::fixture("two-socket-server").topology("0-15");
    assert_eq!(topology.cpus(Placement::SameCpu), Ok(vec![1, 1]));
    assert_eq!(topology.cpus(Placement::SmtSibling), Ok(vec![1, 9]));
    assert_eq!(topology.cpus(Placement::SameCache), Ok(vec![1, 2]));
    assert_eq!(topology.cpus(Placement::CrossNode), Ok(vec![1, 4]));
    assert_eq!(topology.cpus(Placement::Unpinned), Ok(vec![]));
    let error = topology.cpus(Placement::CrossCache).unwrap_err();
    assert_eq!(error, "no NUMA node has allowed CPUs with different last-level caches");
}

#[test]
fn placements_keep_to_the_allowed_cpus() {
    let server = Machine::fixture("two-socket-server");
    let one_node = server.topology("4-6");
    assert_eq!(one_node.cpus(Placement::SameCache), Ok(vec![4, 5]));
    assert_eq!(one_node.cpus(Placement::SmtSibling).unwrap_err(), "no two allowed CPUs share a core");
    assert_eq!(one_node.cpus(Placement::CrossNode).unwrap_err(), "all allowed CPUs are on one NUMA node");
    let one_cpu = server.topology("0");
    assert_eq!(one_cpu.cpus(Placement::SameCpu), Ok(vec![0, 0]));
    assert_eq!(one_cpu.cpus(Placement::SameCache).unwrap_err(), "only one CPU is allowed (0); same-cache needs two");
}

#[test]
fn the_core_of_cpu_0_is_avoided_where_others_serve() {
    let laptop = Machine::fixture("hybrid-laptop");
    assert_eq!(laptop.topology("0-7").cpus(Placement::SameCache), Ok(vec![2, 4]));
    assert_eq!(laptop.topology("0-7").cpus(Placement::SmtSibling), Ok(vec![2, 3]));
    assert_eq!(laptop.topology("0-1").cpus(Placement::SmtSibling), Ok(vec![0, 1]));
}

#[test]
fn a_kernel_without_numa_has_one_node() {
    let board = Machine::fixture("arm-board").topology("0-3");
    assert_eq!(board.cpus(Placement::CrossNode).unwrap_err(), "this machine has one NUMA node");
    assert_eq!(board.cpus(Placement::SameCache), Ok(vec![1, 2]));
}

#[test]
fn the_guest_has_one_cache_and_no_siblings() {
    let guest = Machine::fixture("kvm-2cpu").topology("0-1");
    assert_eq!(guest.cpus(Placement::SameCpu), Ok(vec![1, 1]));
    assert_eq!(guest.cpus(Placement::SameCache), Ok(vec![0, 1]));
    assert!(guest.cpus(Placement::SmtSibling).is_err());
}

#[test]
fn chiplets_of_one_node_are_cross_cache() {
    let mut listing = "/sys/devices/system/node/node0/cpulist:0-3\n".to_owned();
    for cpu in 0..4 {
        let cache = if cpu < 2 { "0-1" } else { "2-3" };
        let path = format!("/sys/devices/system/cpu/cpu{cpu}");
        listing += &format!("{path}/topology/thread_siblings_list:{cpu}\n");
        listing += &format!("{path}/cache/index3/level:3\n{path}/cache/index3/shared_cpu_list:{cache}\n");
    }
    let topology = Machine::unpack(&listing).topology("0-3");
    assert_eq!(topology.cpus(Placement::SameCache), Ok(vec![2, 3]));
    assert_eq!(topology.cpus(Placement::CrossCache), Ok(vec![1, 2]));
}

#[test]
fn without_sysfs_only_same_cpu_and_unpinned_are_left() {
    let topology = Machine::fixture("container-with-quota").topology("3,5");
    assert_eq!(topology.cpus(Placement::SameCpu), Ok(vec![3, 3]));
    assert_eq!(topology.cpus(Placement::Unpinned), Ok(vec![]));
    for placement in [Placement::SmtSibling, Placement::SameCache, Placement::CrossCache, Placement::CrossNode] {
        let error = topology.cpus(placement).unwrap_err();
        assert!(error.starts_with("the topology is unknown: cannot "), "{placement}: {error}");
    }
}

#[test]
fn this_machine_is_read_without_failing() {
    let root = Root::new("/");
    let (first, second) = (machine(&root), conditions(&root));
    assert!(first["cpus_online_count"].number().unwrap() >= 1.0);
    assert!(second["uptime_seconds"].number().unwrap() > 0.0);
    assert_eq!(fingerprint(&first), fingerprint(&machine(&root)));
    let earlier = cpu_times(&root, &[]).unwrap();
    assert!(earlier.busy_ns > 0 && cpu_times(&root, &[]).unwrap().busy_ns >= earlier.busy_ns);
}

#[test]
fn this_machine_has_a_placement_or_a_reason() {
    let topology = Topology::of_this_machine();
    assert!(!topology.allowed().is_empty());
    for placement in Placement::ALL {
        match topology.cpus(placement) {
            Ok(cpus) if placement == Placement::Unpinned => assert!(cpus.is_empty()),
            Ok(cpus) => assert!(cpus.len() == 2 && cpus.iter().all(|cpu| topology.allowed().contains(cpu))),
            Err(reason) => assert!(!reason.is_empty()),
        }
    }
}
