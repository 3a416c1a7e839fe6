//! CPU time by `/proc/stat`: how long some CPUs were busy, idle, or taken away by the hypervisor.
//!
//! A runner reads it before and after a cell on the cell's CPUs: what was busy beyond the cell's own CPU time was
//! somebody else's, and steal was another virtual machine's. It counts in jiffies (10 ms as a rule):
//! it shows that others ran, and does not time operations. On kernels that account by tick (no
//! `VIRT_CPU_ACCOUNTING`) work shorter than a tick can go unseen. Source: proc_stat(5).

use super::Root;
use nix::unistd::{SysconfVar, sysconf};
use serde::{Deserialize, Serialize};
use std::iter::Sum;
use std::ops::Add;

const STAT: &str = "/proc/stat";

/// What `USER_HZ` is on every architecture of today but Alpha and ia64 (include/asm-generic/param.h).
const USUAL_USER_HZ: u64 = 100;

/// Time that a set of CPUs spent since boot, or between two readings, summed over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CpuTimes {
    /// Running anything: user, nice, system and interrupts. Guests count as user, as the kernel does.
    pub busy_ns: u64,
    /// Wanted to run while the hypervisor ran something else.
    pub steal_ns: u64,
    /// Idle, waiting for storage included.
    pub idle_ns: u64,
}

impl CpuTimes {
    /// The time between `earlier` and this reading of the same CPUs. A counter that went backwards, as idle time may
    /// when a CPU goes offline, gives 0.
    pub fn since(&self, earlier: &CpuTimes) -> CpuTimes {
        CpuTimes {
            busy_ns: self.busy_ns.saturating_sub(earlier.busy_ns),
            steal_ns: self.steal_ns.saturating_sub(earlier.steal_ns),
            idle_ns: self.idle_ns.saturating_sub(earlier.idle_ns),
        }
    }
}

impl Add for CpuTimes {
    type Output = CpuTimes;

    fn add(self, other: CpuTimes) -> CpuTimes {
        CpuTimes {
            busy_ns: self.busy_ns.saturating_add(other.busy_ns),
            steal_ns: self.steal_ns.saturating_add(other.steal_ns),
            idle_ns: self.idle_ns.saturating_add(other.idle_ns),
        }
    }
}

impl Sum for CpuTimes {
    fn sum<I: Iterator<Item = CpuTimes>>(all: I) -> CpuTimes {
        all.fold(CpuTimes::default(), Add::add)
    }
}

/// The times of `cpus` since boot, summed; of all online CPUs where `cpus` is empty, as for unpinned parties.
///
/// # Errors
/// When `/proc/stat` cannot be read or has no line for one of the CPUs.
pub fn cpu_times(root: &Root, cpus: &[usize]) -> Result<CpuTimes, String> {
    let stat = root.read(STAT)?;
    let jiffies_of = |name: &str| jiffies(&stat, name).map(Jiffies::times);
    match cpus {
        [] => jiffies_of("cpu"),
        cpus => cpus.iter().map(|cpu| jiffies_of(&format!("cpu{cpu}"))).sum(),
    }
}

/// Jiffies a second in what the kernel shows to users: `sysconf(_SC_CLK_TCK)`, or 100 where that fails.
pub(super) fn user_hz() -> u64 {
    let asked = sysconf(SysconfVar::CLK_TCK).ok().flatten();
    asked.and_then(|hz| u64::try_from(hz).ok()).filter(|&hz| hz > 0).unwrap_or(USUAL_USER_HZ)
}

/// One line of `/proc/stat` as it is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Jiffies {
    pub(super) busy: u64,
    pub(super) steal: u64,
    pub(super) idle: u64,
}

impl Jiffies {
    fn times(self) -> CpuTimes {
        let ns_per_jiffy = 1_000_000_000 / user_hz();
        let ns = |jiffies: u64| jiffies.saturating_mul(ns_per_jiffy);
        CpuTimes { busy_ns: ns(self.busy), steal_ns: ns(self.steal), idle_ns: ns(self.idle) }
    }
}

/// The line that starts with `name` (`cpu` for all, `cpu3` for one). Kernels before 2.6.11 had fewer columns.
pub(super) fn jiffies(stat: &str, name: &str) -> Result<Jiffies, String> {
    let mut lines = stat.lines().map(|line| line.split_whitespace());
    let columns = lines.find_map(|mut words| (words.next() == Some(name)).then_some(words));
    let columns: Vec<u64> = columns.into_iter().flatten().map_while(|word| word.parse().ok()).collect();
    match columns.as_slice() {
        [user, nice, system, idle, iowait, irq, softirq, steal, ..] => {
            Ok(Jiffies { busy: user + nice + system + irq + softirq, steal: *steal, idle: idle + iowait })
        }
        _ => Err(format!("{STAT} has no line `{name}` with eight counts")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "cpu  6 1 6 130 1 2 3 9 4 0\ncpu1 3 0 3 60 1 1 1 5 4 0\n";

    #[test]
    fn guest_time_is_not_counted_twice() {
        assert_eq!(jiffies(TEXT, "cpu1"), Ok(Jiffies { busy: 8, steal: 5, idle: 61 }));
        assert_eq!(jiffies(TEXT, "cpu").map(|all| all.busy), Ok(18));
    }

    #[test]
    fn a_cpu_that_is_not_there_is_an_error() {
        assert_eq!(jiffies(TEXT, "cpu7"), Err("/proc/stat has no line `cpu7` with eight counts".into()));
    }

    #[test]
    fn a_difference_is_never_negative() {
        let earlier = CpuTimes { busy_ns: 5, steal_ns: 0, idle_ns: 9 };
        let later = CpuTimes { busy_ns: 7, steal_ns: 1, idle_ns: 8 };
        assert_eq!(later.since(&earlier), CpuTimes { busy_ns: 2, steal_ns: 1, idle_ns: 0 });
    }
}
