//! The conditions: load, pressure, steal, frequency, temperature and the like, as they are at the moment of reading.
//!
//! Counters count since boot; their difference over a run is what matters.

use super::Root;
use super::cpu_times::jiffies;
use super::key::{Key, Reading};
use super::layout::{meminfo_bytes, online};
use serde_json::{Map, Value, json};

const LOAD: &str = "/proc/loadavg";
const STAT: &str = "/proc/stat";
const MEMINFO: &str = "/proc/meminfo";
const FREQUENCY: &str = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_cur_freq";
const TEMPERATURE: &str = "/sys/class/thermal/thermal_zone*/temp, /sys/class/hwmon/hwmon*/temp1_input";
const THROTTLE: &str = "/sys/devices/system/cpu/cpu*/thermal_throttle/*_throttle_count";
const SUPPLIES: &str = "/sys/class/power_supply/*/online";

pub(super) const KEYS: &[Key] = &[
    Key::by("load_average_1min", LOAD, "tasks that ran or waited, over a minute (number)", |root| load(root, 0))
        .varying(),
    Key::by("load_average_5min", LOAD, "the same over five minutes (number)", |root| load(root, 1)).varying(),
    Key::by("load_average_15min", LOAD, "the same over fifteen minutes (number)", |root| load(root, 2)).varying(),
    Key::by("pressure_cpu_percent", "/proc/pressure/cpu", "time some task waited for a CPU, last 10 s", |root| {
        pressure(root, "/proc/pressure/cpu")
    })
    .varying(),
    Key::by("pressure_memory_percent", "/proc/pressure/memory", "the same for memory", |root| {
        pressure(root, "/proc/pressure/memory")
    })
    .varying(),
    Key::by("pressure_io_percent", "/proc/pressure/io", "the same for storage", |root| {
        pressure(root, "/proc/pressure/io")
    })
    .varying(),
    Key::by("cpu_busy_jiffies", STAT, "time all CPUs were busy", |root| Ok(json!(all_cpus(root)?.busy))).varying(),
    Key::by("cpu_steal_jiffies", STAT, "time the hypervisor took away", |root| Ok(json!(all_cpus(root)?.steal)))
        .varying(),
    Key::by("cpu_idle_jiffies", STAT, "time all CPUs were idle", |root| Ok(json!(all_cpus(root)?.idle))).varying(),
    Key::by("cpu_jiffies_by_cpu", STAT, "the same for each CPU", jiffies_by_cpu).varying(),
    Key::by("cpu_current_khz", FREQUENCY, "frequency of each CPU", frequencies).varying(),
    Key::by("temperature_millidegrees", TEMPERATURE, "temperatures, in thousandths of a degree Celsius", temperatures)
        .varying(),
    Key::by("throttle_count", THROTTLE, "times heat slowed cores or packages, summed over CPUs", throttling).varying(),
    Key::by("mains_power", SUPPLIES, "whether the machine runs on mains power", mains).varying(),
    Key::by("interrupts_count", STAT, "interrupts served", |root| counter(root, "intr")).varying(),
    Key::by("context_switches_count", STAT, "context switches of all tasks", |root| counter(root, "ctxt")).varying(),
    Key::by("running_tasks_count", STAT, "tasks running or ready to, this one included", |root| {
        counter(root, "procs_running")
    })
    .varying(),
    Key::by("cgroup_throttled_count", "/sys/fs/cgroup/*/cpu.stat", "periods in which the quota stopped us", |root| {
        super::process::throttled(root)
    })
    .varying(),
    Key::by("uptime_seconds", "/proc/uptime", "time since boot", uptime).varying(),
    Key::by("memory_available_bytes", MEMINFO, "memory to be had without swapping", memory_available).varying(),
    Key::by("swap_used_bytes", MEMINFO, "memory that was swapped out", swap_used).varying(),
];

/// The number at `position` among the words of the file at `path`.
fn number_at(root: &Root, path: &str, position: usize) -> Reading {
    let text = root.read(path)?;
    let number = text.split_whitespace().nth(position).and_then(|word| word.parse::<f64>().ok());
    number.map(Value::from).ok_or_else(|| format!("{path} holds `{text}`, expected a number as word {}", position + 1))
}

fn load(root: &Root, position: usize) -> Reading {
    number_at(root, LOAD, position)
}

fn uptime(root: &Root) -> Reading {
    number_at(root, "/proc/uptime", 0)
}

/// The first line is `some avg10=0.12 …` (Documentation/accounting/psi.rst).
fn pressure(root: &Root, path: &str) -> Reading {
    let text = root.read(path)?;
    let some = text.lines().find_map(|line| line.strip_prefix("some "));
    let average = some.and_then(|line| line.split_whitespace().find_map(|word| word.strip_prefix("avg10=")));
    let percent = average.and_then(|number| number.parse::<f64>().ok());
    percent.map(Value::from).ok_or_else(|| format!("{path} has no `some avg10=`"))
}

fn all_cpus(root: &Root) -> Result<super::cpu_times::Jiffies, String> {
    jiffies(&root.read(STAT)?, "cpu")
}

fn jiffies_by_cpu(root: &Root) -> Reading {
    let stat = root.read(STAT)?;
    let of = |cpu: usize| {
        let times = jiffies(&stat, &format!("cpu{cpu}"))?;
        Ok(json!({"cpu": cpu, "busy": times.busy, "steal": times.steal, "idle": times.idle}))
    };
    online(root)?.into_iter().map(of).collect()
}

fn counter(root: &Root, name: &str) -> Reading {
    let stat = root.read(STAT)?;
    let mut lines = stat.lines().map(str::split_whitespace);
    let mut line = lines.find_map(|mut words| (words.next() == Some(name)).then_some(words));
    let count = line.as_mut().and_then(|words| words.next()?.parse::<u64>().ok());
    count.map(Value::from).ok_or_else(|| format!("{STAT} has no count `{name}`"))
}

fn frequencies(root: &Root) -> Reading {
    let of = |cpu: usize| {
        let khz = root.read_number(&format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq"))?;
        Ok(json!({"cpu": cpu, "khz": khz}))
    };
    online(root)?.into_iter().map(of).collect()
}

/// Thermal zones and, as AMD's processors have no zone, the first sensor of each processor chip of hwmon.
fn temperatures(root: &Root) -> Reading {
    const CHIPS: [&str; 4] = ["coretemp", "k10temp", "zenpower", "cpu_thermal"];
    let mut found = Map::new();
    for (directory, label, value) in
        [("/sys/class/thermal", "type", "temp"), ("/sys/class/hwmon", "name", "temp1_input")]
    {
        for entry in root.list(directory).unwrap_or_default() {
            let read = |file: &str| root.read(&format!("{directory}/{entry}/{file}"));
            let (Ok(label), Ok(Ok(degrees))) = (read(label), read(value).map(|text| text.parse::<i64>())) else {
                continue;
            };
            if entry.starts_with("thermal_zone") || CHIPS.contains(&label.as_str()) {
                found.insert(format!("{entry} {label}"), json!(degrees));
            }
        }
    }
    match found.is_empty() {
        true => Err("neither /sys/class/thermal nor /sys/class/hwmon has a readable temperature".to_owned()),
        false => Ok(Value::Object(found)),
    }
}

fn throttling(root: &Root) -> Reading {
    let sum = |scope: &str| {
        let path = |cpu| format!("/sys/devices/system/cpu/cpu{cpu}/thermal_throttle/{scope}_throttle_count");
        online(root)?.into_iter().map(|cpu| root.read_number(&path(cpu))).sum::<Result<u64, String>>()
    };
    Ok(json!({"core": sum("core")?, "package": sum("package")?}))
}

fn mains(root: &Root) -> Reading {
    const SUPPLY: &str = "/sys/class/power_supply";
    let is_mains = |name: &String| root.read(&format!("{SUPPLY}/{name}/type")).is_ok_and(|kind| kind == "Mains");
    let supplies: Vec<String> = root.list(SUPPLY)?.into_iter().filter(is_mains).collect();
    if supplies.is_empty() {
        return Err(format!("{SUPPLY} lists no mains supply"));
    }
    let online = |name: &String| root.read_number(&format!("{SUPPLY}/{name}/online")).is_ok_and(|on| on == 1);
    Ok(json!(supplies.iter().any(online)))
}

fn memory_available(root: &Root) -> Reading {
    meminfo_bytes(root, "MemAvailable").map(Value::from)
}

fn swap_used(root: &Root) -> Reading {
    let used = meminfo_bytes(root, "SwapTotal")?.saturating_sub(meminfo_bytes(root, "SwapFree")?);
    Ok(json!(used))
}
