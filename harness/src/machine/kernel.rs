//! The kernel: which one, how it preempts, what it mitigates, and its settings that shift times.

use super::Root;
use super::host_name::without_host_name;
use super::key::{Key, Reading, chosen};
use super::layout::meminfo_bytes;
use serde_json::{Value, json};

const RELEASE: &str = "/proc/sys/kernel/osrelease";
const VERSION: &str = "/proc/sys/kernel/version";
const COMMAND_LINE: &str = "/proc/cmdline";
const PREEMPT: &str = "/sys/kernel/debug/sched/preempt";
const VULNERABILITIES: &str = "/sys/devices/system/cpu/vulnerabilities";
const CONFIG: &str = "/boot/config-*, /lib/modules/*/config, /proc/config.gz";

pub(super) const KEYS: &[Key] = &[
    Key::by("kernel_release", RELEASE, "the kernel's release", release).identifying(),
    // Not /proc/version: that one names the user and the host that built the kernel.
    Key::by("kernel_version", VERSION, "build number, SMP and preemption flags, build date", version),
    Key::by("kernel_command_line", COMMAND_LINE, "parameters the kernel was started with", command_line),
    Key::by(
        "kernel_preemption",
        "/sys/kernel/debug/sched/preempt, /proc/sys/kernel/version, /proc/cmdline",
        "none, voluntary, lazy, full or rt; `dynamic` or `none or voluntary` where the choice cannot be read",
        preemption,
    ),
    Key::by("kernel_tick_hz", CONFIG, "timer interrupts a second on a busy CPU: the grain of time slices", tick_hz),
    Key::by("kernel_debug_options", CONFIG, "compiled-in checks that slow every lock or access", debug_options),
    Key::number("kernel_tainted", "/proc/sys/kernel/tainted", "bit mask of what was done to it; 0 is untouched"),
    Key::by("mitigations", VULNERABILITIES, "state of each CPU vulnerability; decides system call cost", mitigations),
    Key::text("isolated_cpus_list", "/sys/devices/system/cpu/isolated", "CPUs kept free of other tasks (isolcpus)"),
    Key::by("nohz_full_cpus_list", "/sys/devices/system/cpu/nohz_full", "CPUs without tick for one task", nohz_full),
    Key::by("rcu_nocbs_cpus_list", COMMAND_LINE, "CPUs whose RCU callbacks run elsewhere", rcu_nocbs),
    Key::text(
        "clocksource",
        "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        "the clock behind clock_gettime; without `tsc` or an Arm counter each reading is a system call",
    ),
    Key::words(
        "clocksources_available",
        "/sys/devices/system/clocksource/clocksource0/available_clocksource",
        "clocks that the kernel trusts here",
    ),
    Key::choice(
        "transparent_huge_pages",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "huge pages for private memory",
    ),
    Key::choice(
        "transparent_huge_pages_shmem",
        "/sys/kernel/mm/transparent_hugepage/shmem_enabled",
        "huge pages for shared memory",
    ),
    Key::number("aslr", "/proc/sys/kernel/randomize_va_space", "address randomisation: 0 off, 1 without heap, 2 full"),
    Key::switch("ksm_running", "/sys/kernel/mm/ksm/run", "whether equal pages are being merged"),
    Key::number("numa_balancing", "/proc/sys/kernel/numa_balancing", "0 off; else pages and tasks move by themselves"),
    Key::by("swap_total_bytes", "/proc/meminfo", "swap space", swap_total),
    Key::number("swappiness", "/proc/sys/vm/swappiness", "how readily memory is swapped out"),
    Key::by("security_modules", "/sys/kernel/security/lsm", "active security modules; they see each IPC call", lsm),
    Key::text("sched_ext_state", "/sys/kernel/sched_ext/state", "whether a BPF program is the scheduler"),
    Key::number(
        "sched_rt_runtime_us",
        "/proc/sys/kernel/sched_rt_runtime_us",
        "real-time share of each period; -1 all",
    ),
    Key::number("sched_rt_period_us", "/proc/sys/kernel/sched_rt_period_us", "the period of that share"),
    Key::switch("sched_autogroup", "/proc/sys/kernel/sched_autogroup_enabled", "CPU shares by session, not by task"),
    Key::number("sched_base_slice_ns", "/sys/kernel/debug/sched/base_slice_ns", "shortest time slice of EEVDF"),
    Key::number("perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid", "above 2, no counters for users"),
];

fn release(root: &Root) -> Reading {
    root.read(RELEASE).map(|text| json!(without_host_name(root, &text)))
}

fn version(root: &Root) -> Reading {
    root.read(VERSION).map(|text| json!(without_host_name(root, &text)))
}

fn command_line(root: &Root) -> Reading {
    root.read(COMMAND_LINE).map(|text| json!(without_host_name(root, &text)))
}

/// The value of the last `name=value` on the kernel's command line: the last one wins there.
fn parameter(root: &Root, name: &str) -> Result<Option<String>, String> {
    let line = root.read(COMMAND_LINE)?;
    let value = line.split_whitespace().filter_map(|word| word.strip_prefix(name)?.strip_prefix('=')).next_back();
    Ok(value.map(str::to_owned))
}

/// The build configuration, from where distributions put it, or from the kernel itself.
fn config(root: &Root) -> Result<String, String> {
    let release = root.read(RELEASE)?;
    let places = [format!("/boot/config-{release}"), format!("/lib/modules/{release}/config")];
    if let Some(text) = places.iter().find_map(|path| root.read(path).ok()) {
        return Ok(text);
    }
    root.read_gzip("/proc/config.gz").map_err(|own| {
        // The release in these paths may hold the host name.
        without_host_name(root, &format!("neither {} nor {} is readable, and {own}", places[0], places[1]))
    })
}

fn tick_hz(root: &Root) -> Reading {
    let config = config(root)?;
    let hz = config.lines().find_map(|line| line.strip_prefix("CONFIG_HZ=")?.parse::<u64>().ok());
    hz.map(Value::from).ok_or_else(|| "the kernel's configuration has no CONFIG_HZ".to_owned())
}

fn debug_options(root: &Root) -> Reading {
    const OPTIONS: [&str; 6] = ["DEBUG_MUTEXES", "DEBUG_SPINLOCK", "KASAN", "KCSAN", "LOCKDEP", "PROVE_LOCKING"];
    let config = config(root)?;
    let on = |option: &&str| config.lines().any(|line| line == format!("CONFIG_{option}=y"));
    Ok(OPTIONS.iter().filter(|option| on(option)).map(|option| json!(option)).collect())
}

/// The version string shows the model compiled in; a `PREEMPT_DYNAMIC` kernel chooses at boot, and debugfs shows what.
fn preemption(root: &Root) -> Reading {
    let version = root.read(VERSION)?;
    let flag = |name: &str| version.split_whitespace().any(|word| word == name);
    if flag("PREEMPT_RT") {
        return Ok(json!("rt"));
    }
    if let Ok(text) = root.read(PREEMPT)
        && let Some(model) = chosen(&text, '(', ')')
    {
        return Ok(json!(model));
    }
    let built = |unknown: &str| config(root).ok().and_then(|c| compiled_preemption(&c)).unwrap_or(unknown).to_owned();
    let model = if flag("PREEMPT_DYNAMIC") {
        parameter(root, "preempt").unwrap_or(None).unwrap_or_else(|| built("dynamic"))
    } else if flag("PREEMPT") {
        "full".to_owned()
    } else {
        built("none or voluntary")
    };
    Ok(json!(model))
}

fn compiled_preemption(config: &str) -> Option<&'static str> {
    let models = [
        ("CONFIG_PREEMPT_NONE=y", "none"),
        ("CONFIG_PREEMPT_VOLUNTARY=y", "voluntary"),
        ("CONFIG_PREEMPT_LAZY=y", "lazy"),
        ("CONFIG_PREEMPT=y", "full"),
    ];
    models.iter().find(|(option, _)| config.lines().any(|line| line == *option)).map(|(_, model)| *model)
}

fn mitigations(root: &Root) -> Reading {
    let state = |name: String| root.read(&format!("{VULNERABILITIES}/{name}")).map(|text| (name, json!(text)));
    root.list(VULNERABILITIES)?.into_iter().map(state).collect()
}

/// Some kernels write `(null)` for an empty list.
fn nohz_full(root: &Root) -> Reading {
    root.read("/sys/devices/system/cpu/nohz_full").map(|list| json!(list.replace("(null)", "")))
}

fn rcu_nocbs(root: &Root) -> Reading {
    Ok(json!(parameter(root, "rcu_nocbs")?.unwrap_or_default()))
}

fn swap_total(root: &Root) -> Reading {
    meminfo_bytes(root, "SwapTotal").map(Value::from)
}

fn lsm(root: &Root) -> Reading {
    let list = root.read("/sys/kernel/security/lsm")?;
    Ok(list.split(',').filter(|name| !name.is_empty()).map(|name| json!(name)).collect())
}
