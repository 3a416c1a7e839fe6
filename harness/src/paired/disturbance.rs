//! What the machine says of an episode: time that the hypervisor took, and other work on the CPUs of the cell.

use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

use crate::grade::{MOST_FOREIGN, MOST_STOLEN};
use crate::machine::{CpuTimes, Root, cpu_times};

/// /proc/stat counts in ticks of 1/USER_HZ, which is 100 on every architecture of Linux.
const TICK_NS: f64 = 1e7;

/// Sets what a cell's CPUs did against what this process and its children used.
#[derive(Debug)]
pub struct Meter<'a> {
    cpus: &'a [usize],
    before: Option<CpuTimes>,
    own_before_ns: u64,
    start: Instant,
}

/// What a meter has seen.
#[derive(Copy, Clone, Debug, Default)]
pub struct Seen {
    /// Wall time of one CPU, in nanoseconds.
    pub wall_ns: u64,
    /// How many CPUs.
    pub cpus: u64,
    /// CPU time of others on them, in nanoseconds.
    pub foreign_ns: u64,
    /// Time that the hypervisor took from them, in nanoseconds.
    pub stolen_ns: u64,
}

impl Meter<'_> {
    /// Starts one for these CPUs; all that are online where none are given.
    pub fn start(cpus: &[usize]) -> Meter<'_> {
        let before = cpu_times(&Root::new("/"), cpus).ok();
        Meter { cpus, before, own_before_ns: own_cpu_ns(), start: Instant::now() }
    }

    /// Ends it, when all workers that were started since have been reaped.
    pub fn stop(self) -> Seen {
        let after = cpu_times(&Root::new("/"), self.cpus).ok();
        let (Some(before), Some(after)) = (self.before, after) else { return Seen::default() };
        let spent = after.since(&before);
        let online = std::thread::available_parallelism().map_or(1, |n| n.get());
        Seen {
            wall_ns: self.start.elapsed().as_nanos() as u64,
            cpus: if self.cpus.is_empty() { online } else { self.cpus.len() } as u64,
            foreign_ns: spent.busy_ns.saturating_sub(own_cpu_ns().saturating_sub(self.own_before_ns)),
            stolen_ns: spent.steal_ns,
        }
    }
}

impl Seen {
    /// In what way it is disturbed, beyond what the ticks of /proc/stat make of chance; none: it is not.
    pub fn disturbance(&self) -> Option<String> {
        let available = (self.wall_ns * self.cpus.max(1)) as f64;
        // Two readings, each off by up to a tick a CPU; independent errors add up by their squares, twice that is chance.
        let chance = 2.0 * TICK_NS * (self.cpus.max(1) as f64).sqrt();
        let beyond = |ns: u64, share: f64| ns as f64 > chance && ns as f64 > share * available;
        let percent = |ns: u64| 100.0 * ns as f64 / available;
        if beyond(self.stolen_ns, MOST_STOLEN) {
            return Some(format!("the hypervisor took {:.0} % of its CPUs", percent(self.stolen_ns)));
        }
        let other = beyond(self.foreign_ns, MOST_FOREIGN);
        other.then(|| format!("other work used {:.0} % of its CPUs", percent(self.foreign_ns)))
    }
}

/// CPU time of this process and of all workers and peers that have been reaped, in nanoseconds.
#[must_use]
pub fn own_cpu_ns() -> u64 {
    let of = |usage_of| {
        let ns = |t: nix::sys::time::TimeVal| t.tv_sec() as u64 * 1_000_000_000 + t.tv_usec() as u64 * 1000;
        getrusage(usage_of).map_or(0, |usage| ns(usage.user_time()) + ns(usage.system_time()))
    };
    of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(foreign_ms: u64, stolen_ms: u64) -> Seen {
        Seen { wall_ns: 100_000_000, cpus: 1, foreign_ns: foreign_ms * 1_000_000, stolen_ns: stolen_ms * 1_000_000 }
    }

    #[test]
    fn ticks_alone_are_no_disturbance() {
        assert_eq!(seen(20, 20).disturbance(), None);
        assert!(seen(40, 0).disturbance().unwrap().contains("other work used 40 %"));
        assert!(seen(0, 30).disturbance().unwrap().contains("the hypervisor took 30 %"));
    }

    #[test]
    fn work_of_another_process_is_seen() {
        let meter = Meter::start(&[]);
        // Its time is not ours until it is reaped.
        let mut other = std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        let seen = meter.stop();
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(seen.foreign_ns > 0 && seen.wall_ns >= 300_000_000, "{seen:?}");
    }
}
