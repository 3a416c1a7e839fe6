//! What confines this process: CPUs, cgroup, seccomp, resource limits. Children inherit all of it.

use super::Root;
use super::cpu_times::user_hz;
use super::host_name::without_host_name;
use super::key::{Key, Reading};
use crate::placement::parse_cpu_list;
use serde_json::{Value, json};

const STATUS: &str = "/proc/self/status";
const CGROUP: &str = "/proc/self/cgroup";
const STAT: &str = "/proc/self/stat";
/// Not /proc/self/maps, which emulators of user programs show as the emulated program would see it.
const MAPS: &str = "/proc/thread-self/maps";
const LIMITS: &str = "/proc/self/limits";
const QUOTA: &str = "/sys/fs/cgroup/*/cpu.max, /sys/fs/cgroup/cpu/*/cpu.cfs_quota_us";

pub(super) const KEYS: &[Key] = &[
    Key::by("cpus_allowed_list", STATUS, "the CPUs that this process may use", allowed_list),
    Key::by("cpus_allowed_count", STATUS, "how many CPUs this process may use", allowed_count),
    Key::by("seccomp", STATUS, "system call filter: 0 none, 1 strict, 2 filter; a filter delays every call", seccomp),
    Key::by(
        "tracer_pid",
        STATUS,
        "who traces this process, and stops it at each system call or signal; 0 is nobody",
        tracer,
    ),
    Key::by("emulators", MAPS, "programs that translate this process's instructions; none seen is []", emulators),
    Key::text("security_label", "/proc/self/attr/current", "what security modules allow this process, by its label"),
    Key::by("scheduling_policy", STAT, "other, fifo, rr, batch, idle, deadline or ext", policy),
    Key::by("nice", STAT, "share of a contended CPU: -20 most, 19 least (number)", |root| stat_field(root, NICE)),
    Key::by("realtime_priority", STAT, "1 to 99 under fifo and rr, else 0", |root| stat_field(root, RT_PRIORITY)),
    Key::number("timer_slack_ns", "/proc/self/timerslack_ns", "how late a sleep of this process may end by design"),
    Key::by("memory_nodes_allowed_list", STATUS, "NUMA nodes that this process may have memory from", |root| {
        status(root, "Mems_allowed_list").map(Value::from)
    }),
    Key::by("cgroup_path", CGROUP, "the control group whose CPU limits apply", cgroup_path),
    Key::by("cgroup_cpu_quota_cpus", QUOTA, "CPUs' worth of time a period; all stop when it is used up", quota),
    Key::by("rlimit_nofile", LIMITS, "open file descriptors (number)", |root| limit(root, "Max open files")),
    Key::by("rlimit_msgqueue_bytes", LIMITS, "POSIX message queues of one user", |root| {
        limit(root, "Max msgqueue size")
    }),
    Key::by("rlimit_memlock_bytes", LIMITS, "memory that may be locked", |root| limit(root, "Max locked memory")),
    Key::by("rlimit_nproc", LIMITS, "processes and threads of one user (number)", |root| limit(root, "Max processes")),
    Key::by("rlimit_rtprio", LIMITS, "highest real-time priority without privilege", |root| {
        limit(root, "Max realtime priority")
    }),
    Key::by("user_hz", "sysconf(_SC_CLK_TCK)", "jiffies a second, as /proc/stat counts them", |_| Ok(json!(user_hz()))),
];

/// Fields of /proc/self/stat, counted from 1 (proc_pid_stat(5)).
pub(super) const NICE: usize = 19;
pub(super) const RT_PRIORITY: usize = 40;
pub(super) const POLICY: usize = 41;

/// The name of the program is in parentheses and may hold anything; the third field follows it.
pub(super) fn stat_word(root: &Root, file: &str, field: usize) -> Result<i64, String> {
    let text = root.read(file)?;
    let after_name = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let number = after_name.split_whitespace().nth(field - 3).and_then(|word| word.parse().ok());
    number.ok_or_else(|| format!("{file} has no number as field {field}"))
}

fn stat_field(root: &Root, field: usize) -> Reading {
    stat_word(root, STAT, field).map(Value::from)
}

/// The names are those of sched(7), the numbers those of linux/sched.h.
pub(super) fn policy_name(number: i64) -> String {
    let names = [(0, "other"), (1, "fifo"), (2, "rr"), (3, "batch"), (5, "idle"), (6, "deadline"), (7, "ext")];
    let name = names.iter().find(|(known, _)| *known == number).map(|(_, name)| (*name).to_owned());
    name.unwrap_or_else(|| format!("policy {number}"))
}

fn policy(root: &Root) -> Reading {
    stat_word(root, STAT, POLICY).map(policy_name).map(Value::from)
}

fn tracer(root: &Root) -> Reading {
    let pid = status(root, "TracerPid")?;
    pid.parse::<u64>()
        .map(Value::from)
        .map_err(|_| format!("{STATUS} holds `{pid}` for `TracerPid`, expected a number"))
}

/// They are mapped into the process that they run.
fn emulators(root: &Root) -> Reading {
    const NAMES: [&str; 7] = ["qemu-", "valgrind", "rosetta", "box64", "FEX", "dynamorio", "pin-"];
    let maps = root.read(MAPS)?;
    let files =
        maps.lines().filter_map(|line| line.split_once('/').map(|(_, path)| path.rsplit('/').collect::<Vec<_>>()));
    // The file itself or one of the two folders around it: `/usr/libexec/valgrind/memcheck-amd64-linux`.
    let is_of = |parts: &Vec<&str>, name: &str| parts.iter().take(2).any(|part| part.starts_with(name));
    let files: Vec<Vec<&str>> = files.collect();
    Ok(NAMES
        .iter()
        .filter(|name| files.iter().any(|parts| is_of(parts, name)))
        .map(|name| json!(name.trim_end_matches('-')))
        .collect())
}

fn status(root: &Root, name: &str) -> Result<String, String> {
    status_line(root, STATUS, name)
}

pub(super) fn status_line(root: &Root, file: &str, name: &str) -> Result<String, String> {
    let text = root.read(file)?;
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    found.map(|value| value.trim().to_owned()).ok_or_else(|| format!("{file} has no line `{name}`"))
}

fn allowed_list(root: &Root) -> Reading {
    status(root, "Cpus_allowed_list").map(Value::from)
}

fn allowed_count(root: &Root) -> Reading {
    Ok(json!(parse_cpu_list(&status(root, "Cpus_allowed_list")?)?.len()))
}

fn seccomp(root: &Root) -> Reading {
    let mode = status(root, "Seccomp")?;
    mode.parse::<u64>()
        .map(Value::from)
        .map_err(|_| format!("{STATUS} holds `{mode}` for `Seccomp`, expected a number"))
}

/// The control group that limits our CPU time: of version 1 where the `cpu` controller is there, else of version 2.
struct Cgroup {
    version_1: bool,
    path: String,
}

/// Lines are `id:controllers:path`, version 2 with an empty list of controllers (cgroups(7)).
fn cgroup(root: &Root) -> Result<Cgroup, String> {
    let text = root.read(CGROUP)?;
    let parts = |line: &'_ str| {
        let mut parts = line.splitn(3, ':').skip(1).map(str::to_owned);
        Some((parts.next()?, parts.next()?))
    };
    let groups: Vec<(String, String)> = text.lines().filter_map(parts).collect();
    let version_1 = groups.iter().find(|(controllers, _)| controllers.split(',').any(|name| name == "cpu"));
    let group = version_1.or_else(|| groups.iter().find(|(controllers, _)| controllers.is_empty()));
    let found = group.map(|(_, path)| Cgroup { version_1: version_1.is_some(), path: path.clone() });
    found.ok_or_else(|| format!("{CGROUP} names no group for CPU time"))
}

fn cgroup_path(root: &Root) -> Reading {
    cgroup(root).map(|group| json!(without_host_name(root, &group.path)))
}

/// The least quota on the way from our group to the root. A container may see its path as on the host but only its own
/// part of the tree, mounted as if it were the root; so levels that are not there are passed over.
fn quota(root: &Root) -> Reading {
    let group = cgroup(root)?;
    let mount = if group.version_1 { "/sys/fs/cgroup/cpu" } else { "/sys/fs/cgroup" };
    if !root.exists(mount) {
        return Err(format!("{mount} is not there"));
    }
    let mut path = group.path.trim_end_matches('/');
    let mut least: Option<f64> = None;
    loop {
        let here = quota_of(root, &format!("{mount}{path}"), group.version_1);
        least = [least, here].into_iter().flatten().reduce(f64::min);
        let Some((parent, _)) = path.rsplit_once('/') else { break };
        path = parent;
    }
    Ok(least.map_or_else(|| json!("unlimited"), |cpus| json!(cpus)))
}

/// Quota over period of one group, in CPUs; `None` for a group without limit or without the files.
fn quota_of(root: &Root, directory: &str, version_1: bool) -> Option<f64> {
    let text = if version_1 {
        let file = |name: &str| root.read(&format!("{directory}/cpu.cfs_{name}_us")).ok();
        format!("{} {}", file("quota")?, file("period")?)
    } else {
        root.read(&format!("{directory}/cpu.max")).ok()?
    };
    let (quota, period) = text.split_once(' ')?;
    // `max` (version 2) is no number and -1 (version 1) is negative: both mean no limit.
    let (quota, period) = (quota.parse::<f64>().ok()?, period.trim().parse::<f64>().ok()?);
    (quota >= 0.0 && period > 0.0).then(|| quota / period)
}

/// A line of `/proc/self/limits`: name, soft limit, hard limit, unit, in columns.
fn limit(root: &Root, name: &str) -> Reading {
    let text = root.read(LIMITS)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let mut words = line.unwrap_or_default().split_whitespace().map(|word| match word {
        "unlimited" => Some(json!(word)),
        number => number.parse::<u64>().ok().map(Value::from),
    });
    match (words.next().flatten(), words.next().flatten()) {
        (Some(soft), Some(hard)) => Ok(json!({"soft": soft, "hard": hard})),
        _ => Err(format!("{LIMITS} has no limits `{name}`")),
    }
}

/// How often this process's own group was stopped because its quota was used up.
pub(super) fn throttled(root: &Root) -> Reading {
    let group = cgroup(root)?;
    let mount = if group.version_1 { "/sys/fs/cgroup/cpu" } else { "/sys/fs/cgroup" };
    let own = format!("{mount}{}/cpu.stat", group.path.trim_end_matches('/'));
    // A container sees its own part of the tree as if it were the root.
    let text = root.read(&own).or_else(|_| root.read(&format!("{mount}/cpu.stat")))?;
    let count = text.lines().find_map(|line| line.strip_prefix("nr_throttled ")?.trim().parse::<u64>().ok());
    count.map(Value::from).ok_or_else(|| format!("{mount} counts no stops: no quota is set on the way to our group"))
}
