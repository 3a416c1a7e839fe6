//! CPUs that are rationed, few, or taken away during a run.

use ipcmark_harness::record::Outcome;
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;
use serde_json::Value;

use crate::common::{ipcmark, skip};
use crate::confined::World;
use crate::control_group::Group;
use crate::live_run::{Place, eventually};

/// A control group with these CPUs, and the memory of all.
fn of_cpus(cpus: &str) -> Option<Group> {
    let group = Group::new("cpuset")?;
    group.set(&[("cpuset.mems", "0")]);
    group.set(&[("cpuset.cpus", cpus)]);
    Some(group)
}

const PIPE: &str = "round-trip/process/same-cpu/block/pipe/64B";

#[test]
fn with_a_tenth_of_a_cpu_a_run_completes() {
    let Some(group) = Group::new("cpu") else { return };
    group.set(&[("cpu.max", "10000 100000"), ("cpu.cfs_quota_us", "10000")]);
    let Some(world) = World::new(&[group.join()]) else { return };
    let ended = world.ipcmark(&["run", "--launches", "1", "--out", "record.jsonl", PIPE]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(world.place().read().cells[0].outcome, Outcome::Measured);
}

#[test]
fn in_a_cpuset_of_one_cpu_pairs_of_cpus_are_skipped_with_the_reason() {
    let Some(group) = of_cpus("0") else { return };
    let Some(world) = World::new(&[group.join()]) else { return };
    let ended =
        world.ipcmark(&["run", "--launches", "1", "--out", "record.jsonl", "round-trip/process/*/block/pipe/64B"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for cell in world.place().read().cells {
        let alone = ["same-cpu", "unpinned"].iter().any(|&placement| cell.setup["placement"] == placement);
        let reason = cell.reason.unwrap_or_default();
        assert_eq!(cell.outcome == Outcome::Measured, alone, "{}: {reason}", cell.id);
        assert!(alone || reason.contains("only one CPU is allowed"), "{}: {reason}", cell.id);
    }
}

/// A cell whose parties have a CPU each.
fn on_two_cpus() -> Option<String> {
    let place = Place::new();
    let list = ipcmark(place.path(), &["list", "--json", "round-trip/process/*/block/pipe/64B"]).out;
    let cells: Vec<Value> = serde_json::from_str(&list).unwrap();
    let apart = |cell: &&Value| {
        let together = ["same-cpu", "unpinned"].iter().any(|&placement| cell["setup"]["placement"] == placement);
        cell["support"] == "available" && !together
    };
    let found = cells.iter().find(apart).map(|cell| cell["id"].as_str().unwrap().to_owned());
    if found.is_none() {
        skip("there is no pair of CPUs");
    }
    found
}

fn cpus_of(process: i32) -> Vec<usize> {
    let allowed = sched_getaffinity(Pid::from_raw(process)).unwrap();
    (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu) == Ok(true)).collect()
}

/// Takes a CPU of a cell away in mid-run, given those of the near end and of its peer, and asserts that there is no number
/// of where nobody knows.
fn taken_away(world: &World, id: &str, take: impl FnOnce(usize, usize)) {
    let run = world.start(&["run", "--profile", "full", "--launches", "40", "--out", "record.jsonl", id]);
    let (near, far) = eventually("a launch on two CPUs", || {
        let launch = world.place().launch_of(run.pid())?;
        let [near, far] = [launch.worker, launch.peer].map(cpus_of);
        (near.len() == 1 && far.len() == 1 && near != far).then(|| (near[0], far[0]))
    });
    take(near, far);
    let ended = run.end();
    world.place().assert_nothing_left();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let [cell] = &world.place().read().cells[..] else { panic!("{ended:?}") };
    let reason = cell.reason.as_deref().unwrap_or_default();
    let told = ["the system has moved it", "sched_setaffinity to CPUs"].iter().any(|words| reason.contains(words));
    assert!(cell.outcome == Outcome::Failed && told, "{reason}");
}

#[test]
fn a_cpu_that_is_taken_from_the_cpuset_of_a_run_fails_the_cells_that_were_pinned_to_it() {
    let Some(id) = on_two_cpus() else { return };
    let all = cpus_of(0).iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    let Some(group) = of_cpus(&all) else { return };
    let Some(world) = World::new(&[group.join()]) else { return };
    taken_away(&world, &id, |near, _| group.set(&[("cpuset.cpus", &near.to_string())]));
}

/// Everybody on the machine notices: so it is for those who ask for it.
#[test]
fn a_cpu_that_goes_offline_fails_the_cells_that_were_pinned_to_it() {
    if std::env::var_os("IPCMARK_TEST_CPU_HOTPLUG").is_none() {
        return skip("a CPU that goes offline is missed by everybody: set IPCMARK_TEST_CPU_HOTPLUG=1 to have it tried");
    }
    let (Some(id), Some(world)) = (on_two_cpus(), World::new(&[])) else { return };
    let mut off = None;
    taken_away(&world, &id, |near, far| {
        // CPU 0 can seldom be taken offline.
        off = Some(Offline::take(if far == 0 { near } else { far }));
    });
}

/// A CPU that is offline until this is dropped.
struct Offline(String);

impl Offline {
    fn take(cpu: usize) -> Offline {
        let switch = Offline(format!("/sys/devices/system/cpu/cpu{cpu}/online"));
        std::fs::write(&switch.0, "0").unwrap();
        switch
    }
}

impl Drop for Offline {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.0, "1");
    }
}
