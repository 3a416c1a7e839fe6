//! The topology of the allowed CPUs: who shares a core, a last-level cache, a NUMA node.
//!
//! Read once from `/sys/devices/system/cpu` and `/sys/devices/system/node`
//! (Documentation/admin-guide/cputopology.rst and Documentation/ABI/stable/sysfs-devices-node of the kernel). What
//! sysfs does not say stays unknown with its reason, as in a container that hides it; nothing is guessed from
//! CPU numbers.

use super::{Placement, parse_cpu_list};
use crate::machine::Root;
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};

/// What lies between the CPUs that this process may use.
#[derive(Clone, Debug)]
pub struct Topology {
    cpus: BTreeMap<usize, Cpu>,
    nodes_count: Result<usize, String>,
}

/// Where one CPU lies; each part is unknown with a reason.
#[derive(Clone, Debug)]
struct Cpu {
    core: Result<Vec<usize>, String>,
    package: Result<i64, String>,
    cache: Result<Vec<usize>, String>,
    node: Result<usize, String>,
}

impl Topology {
    /// The topology of the CPUs in `allowed`, read below `root`. Never fails: what cannot be read is unknown.
    pub fn read(root: &Root, allowed: &[usize]) -> Self {
        let nodes = nodes(root);
        let place = |cpu: usize| Cpu {
            core: core_of(root, cpu),
            package: package_of(root, cpu),
            cache: last_level_cache_of(root, cpu),
            node: node_of(&nodes, cpu),
        };
        let cpus = allowed.iter().map(|&cpu| (cpu, place(cpu))).collect();
        Self { cpus, nodes_count: nodes.map(|nodes| nodes.len()) }
    }

    /// The topology of the CPUs that the calling thread may use now: ask before pinning it, not after.
    pub fn of_this_machine() -> Self {
        let root = Root::new("/");
        let allowed = allowed_by_kernel().or_else(|| allowed_by_status(&root)).unwrap_or_default();
        Self::read(&root, &allowed)
    }

    /// The allowed CPUs, ascending.
    pub fn allowed(&self) -> Vec<usize> {
        self.cpus.keys().copied().collect()
    }

    /// The CPUs of the core of `cpu`, itself included, allowed or not.
    pub fn core(&self, cpu: usize) -> Result<&[usize], String> {
        self.cpu(cpu)?.core.as_deref().map_err(Clone::clone)
    }

    /// The number of the package (socket) of `cpu`.
    pub fn package(&self, cpu: usize) -> Result<i64, String> {
        self.cpu(cpu)?.package.clone()
    }

    /// The CPUs that share the last-level cache of `cpu`, itself included, allowed or not.
    pub fn last_level_cache(&self, cpu: usize) -> Result<&[usize], String> {
        self.cpu(cpu)?.cache.as_deref().map_err(Clone::clone)
    }

    /// The number of the NUMA node of `cpu`.
    pub fn node(&self, cpu: usize) -> Result<usize, String> {
        self.cpu(cpu)?.node.clone()
    }

    /// The CPUs of two parties, `[near, far]`: one CPU twice for `same-cpu`, none for `unpinned`.
    ///
    /// Always the same pair on the same machine. CPU 0 and its core are avoided where others serve, as CPU 0 takes most
    /// interrupts.
    ///
    /// # Errors
    /// One sentence on why this machine, or what this process may use of it, has no such pair.
    pub fn cpus(&self, placement: Placement) -> Result<Vec<usize>, String> {
        let allowed = self.allowed();
        match (placement, allowed.as_slice()) {
            (Placement::Unpinned, _) => Ok(Vec::new()),
            (_, []) => Err("no allowed CPU is known".to_owned()),
            (Placement::SameCpu, _) => {
                let quiet = allowed.iter().min_by_key(|&&cpu| (self.interruption(cpu), cpu));
                Ok(quiet.map(|&cpu| vec![cpu, cpu]).unwrap_or_default())
            }
            (_, [only]) => Err(format!("only one CPU is allowed ({only}); {placement} needs two")),
            _ => self.quietest_pair(placement).ok_or_else(|| self.why_no_pair(placement)),
        }
    }

    /// The CPUs of a near end and of `peers` peers: the first pair as [`Topology::cpus`] says, further peers on further CPUs
    /// at that distance from the near end, then round again. Both empty for `unpinned`.
    ///
    /// # Errors
    /// As [`Topology::cpus`].
    pub fn parties(&self, placement: Placement, peers: usize) -> Result<(Vec<usize>, Vec<usize>), String> {
        let [near, far] = self.cpus(placement)?[..] else { return Ok((Vec::new(), Vec::new())) };
        let mut distant = vec![far];
        if near != far {
            let as_far = |cpu: usize| cpu != far && self.lies_between(placement, near, cpu).unwrap_or(false);
            distant.extend(self.allowed().into_iter().filter(|&cpu| cpu != near && as_far(cpu)));
        }
        Ok((vec![near], distant.into_iter().cycle().take(peers).collect()))
    }

    /// CPUs for `parties` parties that all do the same, each on one of its own as long as there are any; then in turn. Empty:
    /// not pinned.
    pub fn crowd(&self, placement: Placement, parties: usize) -> Result<Vec<usize>, String> {
        let (near, mut all) = self.parties(placement, self.cpus.len().max(1))?;
        all.truncate(self.cpus.len());
        let mut distinct = near;
        for cpu in all {
            if !distinct.contains(&cpu) {
                distinct.push(cpu);
            }
        }
        let take = if distinct.is_empty() { 0 } else { parties };
        Ok(distinct.into_iter().cycle().take(take).collect())
    }

    fn cpu(&self, cpu: usize) -> Result<&Cpu, String> {
        self.cpus.get(&cpu).ok_or_else(|| format!("CPU {cpu} is not allowed"))
    }

    fn quietest_pair(&self, placement: Placement) -> Option<Vec<usize>> {
        let pairs = self.cpus.keys().flat_map(|&near| self.cpus.range(near + 1..).map(move |(&far, _)| (near, far)));
        pairs
            .filter(|&(near, far)| self.lies_between(placement, near, far).unwrap_or(false))
            .min_by_key(|&(near, far)| (self.interruption(near) + self.interruption(far), near, far))
            .map(|(near, far)| vec![near, far])
    }

    /// How much the interrupts of CPU 0 are felt on `cpu`: most on itself, some on its siblings.
    fn interruption(&self, cpu: usize) -> u32 {
        let shares_core = |core: &[usize]| core.contains(&0);
        if cpu == 0 { 2 } else { u32::from(self.core(cpu).is_ok_and(shares_core)) }
    }

    fn lies_between(&self, placement: Placement, near: usize, far: usize) -> Result<bool, String> {
        let one_core = || Ok::<_, String>(self.core(near)?.contains(&far));
        let one_cache = || Ok::<_, String>(self.last_level_cache(near)?.contains(&far));
        let one_node = || Ok::<_, String>(self.node(near)? == self.node(far)?);
        match placement {
            Placement::SameCpu => Ok(near == far),
            Placement::SmtSibling => one_core(),
            Placement::SameCache => Ok(!one_core()? && one_cache()?),
            Placement::CrossCache => Ok(one_node()? && !one_cache()?),
            Placement::CrossNode => Ok(!one_node()?),
            Placement::Unpinned => Ok(true),
        }
    }

    fn why_no_pair(&self, placement: Placement) -> String {
        let cpus = self.allowed();
        if let Some(unknown) = cpus.windows(2).find_map(|pair| self.lies_between(placement, pair[0], pair[1]).err()) {
            return format!("the topology is unknown: {unknown}");
        }
        let reason = match placement {
            Placement::SmtSibling => "no two allowed CPUs share a core",
            Placement::SameCache => "no two cores with allowed CPUs share a last-level cache",
            Placement::CrossCache => "no NUMA node has allowed CPUs with different last-level caches",
            Placement::CrossNode if self.nodes_count == Ok(1) => "this machine has one NUMA node",
            Placement::CrossNode => "all allowed CPUs are on one NUMA node",
            Placement::SameCpu | Placement::Unpinned => "no CPU is allowed",
        };
        reason.to_owned()
    }
}

/// `None` when the kernel refuses, as it does where it has more CPUs than the 1024 of a `cpu_set_t`.
fn allowed_by_kernel() -> Option<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).ok()?;
    Some((0..CpuSet::count()).filter(|&cpu| set.is_set(cpu).unwrap_or(false)).collect())
}

fn allowed_by_status(root: &Root) -> Option<Vec<usize>> {
    let status = root.read("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    parse_cpu_list(list).ok()
}

fn core_of(root: &Root, cpu: usize) -> Result<Vec<usize>, String> {
    // The name that every kernel has; `core_cpus_list` came with 5.3 and says the same.
    parse_cpu_list(&root.read(&format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"))?)
}

fn package_of(root: &Root, cpu: usize) -> Result<i64, String> {
    let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id");
    let text = root.read(&path)?;
    text.parse().map_err(|_| format!("{path} holds `{text}`, expected a number"))
}

fn last_level_cache_of(root: &Root, cpu: usize) -> Result<Vec<usize>, String> {
    let caches = format!("/sys/devices/system/cpu/cpu{cpu}/cache");
    let indices = root.list(&caches)?.into_iter().filter(|name| name.starts_with("index"));
    let levels = indices.filter_map(|name| Some((root.read_number(&format!("{caches}/{name}/level")).ok()?, name)));
    match levels.max() {
        // Some boards describe only the caches of each core; taken as last-level, they would make every pair distant.
        None | Some((..2, _)) => Err(format!("{caches} lists no cache beyond level 1")),
        Some((_, name)) => parse_cpu_list(&root.read(&format!("{caches}/{name}/shared_cpu_list"))?),
    }
}

/// The CPUs of each NUMA node by its number.
fn nodes(root: &Root) -> Result<BTreeMap<usize, BTreeSet<usize>>, String> {
    const NODES: &str = "/sys/devices/system/node";
    if !root.exists(NODES) && root.exists("/sys/devices/system/cpu/cpu0") {
        // A kernel without CONFIG_NUMA has no such directory, and by definition one node.
        let online = parse_cpu_list(&root.read("/sys/devices/system/cpu/online")?)?;
        return Ok(BTreeMap::from([(0, online.into_iter().collect())]));
    }
    let mut nodes = BTreeMap::new();
    for name in root.list(NODES)? {
        let Some(number) = name.strip_prefix("node").and_then(|number| number.parse().ok()) else { continue };
        let list = root.read(&format!("{NODES}/{name}/cpulist"))?;
        nodes.insert(number, parse_cpu_list(&list)?.into_iter().collect());
    }
    Ok(nodes)
}

fn node_of(nodes: &Result<BTreeMap<usize, BTreeSet<usize>>, String>, cpu: usize) -> Result<usize, String> {
    let nodes = nodes.as_ref().map_err(Clone::clone)?;
    let found = nodes.iter().find(|(_, cpus)| cpus.contains(&cpu));
    found.map(|(&number, _)| number).ok_or_else(|| format!("no NUMA node lists CPU {cpu}"))
}
