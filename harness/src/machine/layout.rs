//! The layout of the machine: CPUs, cores, packages, NUMA nodes, caches and their sharing, memory.

use super::Root;
use super::key::{Key, Reading};
use crate::placement::{Topology, format_cpu_list, parse_cpu_list};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const CPUS: &str = "/sys/devices/system/cpu";
const ONLINE: &str = "/sys/devices/system/cpu/online";
const TOPOLOGY: &str = "/sys/devices/system/cpu/cpu*/topology";
const CACHES: &str = "/sys/devices/system/cpu/cpu*/cache/index*";
const NODES: &str = "/sys/devices/system/node";
const CORE_TYPES: &str = "/sys/devices/cpu_core/cpus, /sys/devices/system/cpu/cpu*/cpu_capacity";

pub(super) const KEYS: &[Key] = &[
    Key::text("cpus_online_list", ONLINE, "the CPUs that are online"),
    Key::by("cpus_online_count", ONLINE, "how many CPUs (hardware threads) are online", online_count).identifying(),
    Key::by("packages_count", TOPOLOGY, "processor packages (sockets) with online CPUs", packages_count).identifying(),
    Key::by("cores_count", TOPOLOGY, "cores with online CPUs", cores_count).identifying(),
    Key::switch("smt_active", "/sys/devices/system/cpu/smt/active", "whether cores run several threads").identifying(),
    Key::by("core_types", CORE_TYPES, "CPUs by kind of core, where they differ or say how fast they are", core_types),
    Key::by("numa_nodes_count", NODES, "NUMA nodes, those without CPUs included", nodes_count).identifying(),
    Key::by("numa_nodes", NODES, "the CPUs of each NUMA node", nodes),
    Key::by(
        "numa_distances",
        "/sys/devices/system/node/node*/distance",
        "relative cost of memory, from each node (row) to each; 10 is local",
        distances,
    ),
    Key::by("caches", CACHES, "caches by level, with size, how many CPUs share one, and how many there are", caches)
        .identifying(),
    Key::by("memory_total_bytes", "/proc/meminfo", "memory that the kernel manages", memory_total),
];

/// The online CPUs; where sysfs is hidden, those that `/proc/stat` counts.
pub(super) fn online(root: &Root) -> Result<Vec<usize>, String> {
    match root.read(ONLINE) {
        Ok(list) => parse_cpu_list(&list),
        Err(hidden) => {
            let stat = root.read("/proc/stat").map_err(|e| format!("{hidden}; {e}"))?;
            let names = stat.lines().filter_map(|line| line.split_whitespace().next());
            Ok(names.filter_map(|name| name.strip_prefix("cpu")?.parse().ok()).collect())
        }
    }
}

/// Groups CPUs that `read` finds equal: `[{"cpus": "0-3", …}, …]` in the order of their first CPU.
///
/// CPUs for which `read` gives nothing are left out; none at all is the error `absent`.
pub(super) fn by_equality(cpus: &[usize], absent: &str, read: impl Fn(usize) -> Option<Map<String, Value>>) -> Reading {
    let mut groups: Vec<(Map<String, Value>, Vec<usize>)> = Vec::new();
    for &cpu in cpus {
        let Some(setting) = read(cpu) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == setting) {
            Some((_, members)) => members.push(cpu),
            None => groups.push((setting, vec![cpu])),
        }
    }
    if groups.is_empty() {
        return Err(absent.to_owned());
    }
    let with_cpus = |(mut setting, members): (Map<String, Value>, Vec<usize>)| {
        setting.insert("cpus".to_owned(), json!(format_cpu_list(&members)));
        setting
    };
    Ok(groups.into_iter().map(with_cpus).collect())
}

/// A line of `/proc/meminfo` in bytes. Its `kB` are units of 1024 bytes (proc_meminfo(5)).
pub(crate) fn meminfo_bytes(root: &Root, name: &str) -> Result<u64, String> {
    let text = root.read("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|value| value.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| format!("/proc/meminfo has no size `{name}`"))
}

fn memory_total(root: &Root) -> Reading {
    meminfo_bytes(root, "MemTotal").map(Value::from)
}

fn online_count(root: &Root) -> Reading {
    online(root).map(|cpus| json!(cpus.len()))
}

fn packages_count(root: &Root) -> Reading {
    let topology = Topology::read(root, &online(root)?);
    let packages: BTreeSet<i64> =
        topology.allowed().into_iter().map(|cpu| topology.package(cpu)).collect::<Result<_, _>>()?;
    Ok(json!(packages.len()))
}

fn cores_count(root: &Root) -> Reading {
    let topology = Topology::read(root, &online(root)?);
    let cpus = topology.allowed();
    let cores: BTreeSet<&[usize]> = cpus.iter().map(|&cpu| topology.core(cpu)).collect::<Result<_, _>>()?;
    Ok(json!(cores.len()))
}

/// Intel's hybrid processors have one performance-counter device for each kind of core, Arm's cores state a capacity.
fn core_types(root: &Root) -> Reading {
    let mut kinds = Map::new();
    for kind in ["cpu_core", "cpu_atom", "cpu_lowpower"] {
        if let Ok(list) = root.read(&format!("/sys/devices/{kind}/cpus")) {
            kinds.insert(kind.to_owned(), json!(list));
        }
    }
    if kinds.is_empty() {
        let mut capacities = BTreeMap::<u64, Vec<usize>>::new();
        for cpu in online(root)? {
            let capacity = root.read_number(&format!("{CPUS}/cpu{cpu}/cpu_capacity"))?;
            capacities.entry(capacity).or_default().push(cpu);
        }
        let named =
            |(capacity, cpus): (u64, Vec<usize>)| (format!("capacity_{capacity}"), json!(format_cpu_list(&cpus)));
        kinds.extend(capacities.into_iter().map(named));
    }
    Ok(Value::Object(kinds))
}

fn node_names(root: &Root) -> Result<Vec<String>, String> {
    let is_node = |name: &String| name.strip_prefix("node").is_some_and(|number| number.parse::<usize>().is_ok());
    Ok(root.list(NODES)?.into_iter().filter(is_node).collect())
}

fn nodes_count(root: &Root) -> Reading {
    node_names(root).map(|names| json!(names.len()))
}

fn nodes(root: &Root) -> Reading {
    let cpus_of = |name: String| root.read(&format!("{NODES}/{name}/cpulist")).map(|list| (name, json!(list)));
    node_names(root)?.into_iter().map(cpus_of).collect()
}

fn distances(root: &Root) -> Reading {
    let row = |name: String| {
        let text = root.read(&format!("{NODES}/{name}/distance"))?;
        let numbers: Option<Vec<u64>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
        numbers.map(|row| json!(row)).ok_or_else(|| format!("{NODES}/{name}/distance holds `{text}`, expected numbers"))
    };
    node_names(root)?.into_iter().map(row).collect()
}

/// Level, type, size and the CPUs that share it: one cache, seen alike from each of these CPUs.
type Cache = (u64, String, u64, Vec<usize>);

fn caches(root: &Root) -> Reading {
    let mut distinct = BTreeSet::new();
    for cpu in online(root)? {
        let directory = format!("{CPUS}/cpu{cpu}/cache");
        for index in root.list(&directory)?.iter().filter(|name| name.starts_with("index")) {
            distinct.insert(cache(root, &format!("{directory}/{index}"))?);
        }
    }
    let mut counts = BTreeMap::new();
    for (level, kind, size_bytes, sharing) in distinct {
        *counts.entry((level, kind, size_bytes, sharing.len())).or_insert(0_usize) += 1;
    }
    let described = counts.into_iter().map(|((level, kind, size_bytes, cpus_sharing_count), caches_count)| {
        json!({"level": level, "kind": kind, "size_bytes": size_bytes,
               "cpus_sharing_count": cpus_sharing_count, "caches_count": caches_count})
    });
    Ok(described.collect())
}

fn cache(root: &Root, path: &str) -> Result<Cache, String> {
    let size = root.read(&format!("{path}/size"))?;
    let size_bytes =
        size_bytes(&size).ok_or_else(|| format!("{path}/size holds `{size}`, expected a size as `32K`"))?;
    let sharing = parse_cpu_list(&root.read(&format!("{path}/shared_cpu_list"))?)?;
    let kind = root.read(&format!("{path}/type"))?.to_ascii_lowercase();
    Ok((root.read_number(&format!("{path}/level"))?, kind, size_bytes, sharing))
}

fn size_bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_sizes_are_bytes() {
        assert_eq!([size_bytes("48K"), size_bytes("32M"), size_bytes("512")], [Some(49152), Some(33554432), Some(512)]);
        assert_eq!([size_bytes("big"), size_bytes("4G")], [None, None]);
    }
}
