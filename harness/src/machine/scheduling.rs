//! How the kernel schedules tasks, as /proc tells it: this process, and the parties of a worker.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Root;
use super::process::{NICE, POLICY, RT_PRIORITY, policy_name, stat_word, status_line};
use crate::record::NearFar;

/// How the kernel schedules a task: sched(7).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Scheduling {
    /// `other`, `fifo`, `rr`, `batch`, `idle`, `deadline` or `ext`.
    pub policy: String,
    /// 1 to 99 under `fifo` and `rr`, else 0.
    pub realtime_priority: i64,
    /// Share of a contended CPU: -20 most, 19 least.
    pub nice: i64,
    /// The CPUs that it may run on, as a list: `0-3,8`.
    pub cpus_allowed: String,
}

impl Scheduling {
    /// Of the task with this folder: `/proc/self`, `/proc/7/task/8`.
    ///
    /// # Errors
    /// A clause that names the file which is missing or says something else.
    pub fn of_task(root: &Root, folder: &str) -> Result<Self, String> {
        let (stat, status) = (format!("{folder}/stat"), format!("{folder}/status"));
        Ok(Scheduling {
            policy: policy_name(stat_word(root, &stat, POLICY)?),
            realtime_priority: stat_word(root, &stat, RT_PRIORITY)?,
            nice: stat_word(root, &stat, NICE)?,
            cpus_allowed: status_line(root, &status, "Cpus_allowed_list")?,
        })
    }

    /// Of the run, by the facts of its record; none where they are missing.
    #[must_use]
    pub fn of_facts(machine: &BTreeMap<String, Value>) -> Option<Self> {
        let value = |name: &str| machine.get(name)?.get("value");
        Some(Scheduling {
            policy: value("scheduling_policy")?.as_str()?.to_owned(),
            realtime_priority: value("realtime_priority")?.as_i64()?,
            nice: value("nice")?.as_i64()?,
            cpus_allowed: value("cpus_allowed_list")?.as_str()?.to_owned(),
        })
    }

    /// Whether a party of a run under `run` is scheduled as it was asked for. One that is pinned has CPUs of its own.
    fn is_inherited(&self, run: &Scheduling, pinned: bool) -> bool {
        let cpus_allowed = if pinned { &self.cpus_allowed } else { &run.cpus_allowed };
        *self == Scheduling { cpus_allowed: cpus_allowed.clone(), ..run.clone() }
    }
}

impl fmt::Display for Scheduling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scheduling { policy, realtime_priority, nice, cpus_allowed } = self;
        match realtime_priority {
            0 => write!(f, "{policy}, nice {nice}, CPUs {cpus_allowed}"),
            priority => write!(f, "{policy} {priority}, CPUs {cpus_allowed}"),
        }
    }
}

/// Of the parties of the live worker process `worker`: its main thread, which is the near end, and each different one among its
/// other threads and the threads of its children. A kernel without CONFIG_PROC_CHILDREN does not tell of children.
///
/// # Errors
/// If the worker is gone, or /proc does not show it.
pub fn parties(root: &Root, worker: u32) -> Result<NearFar<Vec<Scheduling>>, String> {
    let near = Scheduling::of_task(root, &format!("/proc/{worker}/task/{worker}"))?;
    let mut far = Vec::new();
    for task in tasks(root, worker)? {
        let children = root.read(&format!("{task}/children")).unwrap_or_default();
        let of_children =
            children.split_whitespace().filter_map(|child| tasks(root, child.parse().ok()?).ok()).flatten();
        let is_near = task.ends_with(&format!("/task/{worker}"));
        for task in of_children.chain((!is_near).then_some(task.clone())) {
            // It may have ended meanwhile.
            far.extend(Scheduling::of_task(root, &task).ok().filter(|found| !far.contains(found)));
        }
    }
    Ok(NearFar { near: vec![near], far })
}

fn tasks(root: &Root, process: u32) -> Result<Vec<String>, String> {
    let folder = format!("/proc/{process}/task");
    Ok(root.list(&folder)?.into_iter().map(|task| format!("{folder}/{task}")).collect())
}

/// The parties of a launch, if any of them is not scheduled as its run: by the workload, or because the run is resumed under
/// another policy, nice value or set of CPUs.
#[must_use]
pub fn not_inherited(
    parties: NearFar<Vec<Scheduling>>,
    run: &Scheduling,
    pinned: NearFar<bool>,
) -> Option<NearFar<Vec<Scheduling>>> {
    let is_inherited = parties.near.iter().all(|near| near.is_inherited(run, pinned.near))
        && parties.far.iter().all(|far| far.is_inherited(run, pinned.far));
    (!is_inherited).then_some(parties)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(nice: i64, cpus: &str) -> Scheduling {
        Scheduling { policy: "other".into(), realtime_priority: 0, nice, cpus_allowed: cpus.into() }
    }

    #[test]
    fn this_process_has_a_policy_and_cpus_and_its_threads_are_parties() {
        let root = Root::new("/");
        let own = Scheduling::of_task(&root, "/proc/self").unwrap();
        assert!(!own.policy.is_empty() && !own.cpus_allowed.is_empty(), "{own:?}");
        let found = parties(&root, std::process::id()).unwrap();
        assert_eq!(found.near.len(), 1);
        assert_eq!(not_inherited(NearFar { far: Vec::new(), ..found }, &own, NearFar::default()), None);
    }

    #[test]
    fn a_child_is_a_far_party() {
        let mut child = std::process::Command::new("nice").args(["-n", "7", "sleep", "60"]).spawn().unwrap();
        let mut nices = Vec::new();
        for _ in 0..500 {
            let found = parties(&Root::new("/"), std::process::id()).unwrap();
            nices = found.far.iter().map(|far| far.nice).collect();
            if nices.contains(&(found.near[0].nice + 7)) || found.near[0].nice > 12 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let has_children = std::path::Path::new("/proc/thread-self/children").exists();
        assert!(!has_children || nices.len() > 1, "{nices:?}");
    }

    #[test]
    fn a_pinned_party_has_cpus_of_its_own_and_a_nice_value_is_seen() {
        let run = other(0, "0-1");
        let of = |near: Scheduling, near_is_pinned: bool| {
            let parties = NearFar { near: vec![near], far: vec![run.clone()] };
            not_inherited(parties, &run, NearFar { near: near_is_pinned, far: false }).is_none()
        };
        assert!(of(other(0, "1"), true) && !of(other(0, "1"), false) && !of(other(5, "0-1"), true));
    }
}
